# SPDX-License-Identifier: Apache-2.0
"""From a trained network to integers: batch norm and quantizer are absorbed into thresholds, exactly.

A binary neuron is `popcount(xnor(x, w)) >= T`. Batch norm and sign become the integer T, by asking torch's own batch
norm about every popcount that there is: no float algebra, so nothing is rounded that torch did not round. Neurons of
more than one bit have more thresholds, found in the same way.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xnorfpga.artefacts.accelerator import Accuracies
from xnorfpga.base.errors import UserError
from xnorfpga.data.splits import Split
from xnorfpga.design.schema import Quantization
from xnorfpga.learn import train
from xnorfpga.learn.layers import SIGN, Activation, TernaryLinear
from xnorfpga.learn.models import QuantizedNet
from xnorfpga.learn.norms import FoldableBatchNorm
from xnorfpga.learn.quantizers import pixels
from xnorfpga.network import golden
from xnorfpga.network.golden import LayerWeights, Model

CHUNK = 4096  # sums at once: bounds the memory of torch's answers


@torch.no_grad()
def absorb(net: QuantizedNet, input_threshold: int, input_coefficients: tuple[int, ...] = (1,)) -> Model:
    """Return the integer model of a trained network.

    Raises UserError where a batch norm has a parameter that is not finite.
    """
    assert net.activation.coefficients is not None, "a design with other activations is refused before"
    layers, coefficients = [], input_coefficients
    for k, linear in enumerate(net.linears):
        values, integers = linear.quantized().numpy(), None
        mask = values != 0
        if k < len(net.norms):
            integers, falling = thresholds(net.norms[k], sum(coefficients) * mask.sum(1), net.activation)
            values = np.where(falling[:, None], -values, values)
        ternary = isinstance(linear, TernaryLinear)
        convolution = net.convolutions[k] if k < len(net.convolutions) else None
        layers.append(LayerWeights(values > 0, integers, mask if ternary else None, coefficients, convolution))
        coefficients = net.activation.coefficients
    taken = None if net.pixels is None else net.pixels.numpy()
    return Model(tuple(layers), input_threshold, net.layers, taken)


@torch.no_grad()
def thresholds(
    norm: FoldableBatchNorm, greatest: int | NDArray[np.integer], activation: Activation = SIGN
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return the thresholds of activation(batch norm), as `LayerWeights` has them, and of which neurons it falls.

    A neuron's sum s goes from 0 to its `greatest`, one for all or int[MH]; torch sees the sum of the products,
    2·s - greatest. Its own batch norm and activation are asked about every s of every neuron. What they answer rises
    with s, or falls (a negative gain; bool[MH]). Where it falls, the signs of the neuron's weights are to be flipped,
    which turns s into greatest - s. Either way a threshold is how many sums stay below its level: 0 where all reach it,
    greatest + 1 where none does.

    Raises UserError where a parameter is not finite.
    """
    greatest = np.broadcast_to(greatest, norm.num_features)
    values = levels(activation)
    s = torch.arange(int(greatest.max()) + 1)[:, None]
    codes = []
    for some in s.split(CHUNK):
        outputs = norm.eval()((2 * some - torch.from_numpy(greatest.copy())).to(torch.float32))  # [s, neuron]
        if not outputs.isfinite().all():
            raise UserError("a batch norm has parameters that are not finite, and no thresholds; train again")
        codes.append(torch.searchsorted(values, activation.quantize(outputs)).to(torch.int8))
    code, possible = torch.cat(codes).numpy(), s.numpy() <= greatest
    falling = code[0] > code[greatest, np.arange(len(greatest))]
    steps = np.diff(code, axis=0) * np.where(falling, -1, 1)
    assert (steps[possible[1:]] >= 0).all(), "rounding is monotone: no answer turns back"
    below = [(possible & (code < level)).sum(0) for level in range(1, len(values))]
    integers = np.stack(below, 1).astype(np.int32)
    return integers[:, 0] if len(below) == 1 else integers, falling


def levels(activation: Activation) -> Tensor:
    """Return the values of an activation, ascending: bit k of the place of a value is its plane k."""
    assert activation.coefficients is not None
    coefficients = torch.tensor(activation.coefficients)
    bits = torch.arange(2 ** len(coefficients))[:, None] >> torch.arange(len(coefficients)) & 1
    return ((2 * bits - 1) * coefficients).sum(1).to(torch.float32)


def accuracies(net: QuantizedNet, model: Model, quantization: Quantization, split: Split) -> Accuracies:
    """Return the accuracy of torch and of the integer model on the images of a split."""
    right = golden.infer(model, model.encode(split.images), hidden=0).classes == split.labels
    torchs = train.accuracy(net, pixels(split.images, quantization), split.labels)
    return Accuracies(float=torchs, golden=float(right.mean()))
