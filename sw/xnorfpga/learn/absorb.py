# SPDX-License-Identifier: Apache-2.0
"""From a trained network to integers: batch norm and sign are absorbed into thresholds, exactly.

A binary neuron is `popcount(xnor(x, w)) >= T`. Batch norm and sign become the integer T, by asking torch's own batch
norm about every popcount that there is: no float algebra, so nothing is rounded that torch did not round.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from xnorfpga.artefacts.accelerator import Accuracies
from xnorfpga.base.errors import UserError
from xnorfpga.data.splits import Split
from xnorfpga.learn import train
from xnorfpga.learn.models import QuantizedNet
from xnorfpga.learn.norms import FoldableBatchNorm
from xnorfpga.learn.quantizers import sign, signs
from xnorfpga.network import golden
from xnorfpga.network.encoding import binarize
from xnorfpga.network.golden import LayerWeights, Model


@torch.no_grad()
def absorb(net: QuantizedNet, input_threshold: int) -> Model:
    """Return the integer model of a trained network.

    Raises UserError where a batch norm has a parameter that is not finite.
    """
    layers = []
    for k, linear in enumerate(net.linears):
        weights, integers = sign(linear.weight).numpy() > 0, None
        if k < len(net.norms):
            integers, flipped = thresholds(net.norms[k], weights.shape[1])
            weights = weights ^ flipped[:, None]
        layers.append(LayerWeights(weights, integers))
    return Model(tuple(layers), input_threshold, net.layers)


@torch.no_grad()
def thresholds(norm: FoldableBatchNorm, mw: int) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return thresholds int32[MH] and which neurons' weights to flip, bool[MH], for sign(batch norm) of MW inputs.

    Each neuron's torch batch norm is evaluated on all sums 2·popcount − MW. Where its output falls with the popcount
    (a negative gain), flipping the weights turns popcount p into MW − p, and the same compare serves. Where the output
    never changes, T is 0 (always +1) or MW + 1 (never).

    Raises UserError where a parameter is not finite.
    """
    popcounts = torch.arange(mw + 1)
    sums = (2 * popcounts - mw).to(torch.float32)[:, None].expand(-1, norm.num_features)
    outputs = norm.eval()(sums)  # [popcount, neuron]
    if not outputs.isfinite().all():
        raise UserError("a batch norm has parameters that are not finite, and no thresholds; train again")
    fires = (sign(outputs) > 0).numpy()
    flipped = fires[0] & ~fires[-1]
    fires = np.where(flipped, fires[::-1], fires)
    integers = (mw + 1 - fires.sum(axis=0)).astype(np.int32)
    assert np.array_equal(fires, popcounts.numpy()[:, None] >= integers), "rounding is monotone: one step at most"
    return integers, flipped


def accuracies(net: QuantizedNet, model: Model, split: Split) -> Accuracies:
    """Return the accuracy of torch and of the integer model on the images of a split."""
    bits = binarize(split.images, model.input_threshold)
    right = golden.infer(model, bits).classes == split.labels
    return Accuracies(float=train.accuracy(net, signs(bits), split.labels), golden=float(right.mean()))
