# SPDX-License-Identifier: Apache-2.0
"""Fit a network to the images and classes of its data set: padded inputs and unused outputs go, and nothing changes.

An input that always holds the same bit adds the same number to a neuron's popcount. So its weight leaves the matrix,
and that number leaves the threshold.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xnorfpga.base.errors import UserError
from xnorfpga.data.datasets import DATASETS
from xnorfpga.network.golden import Model

DATASET = "mnist"


def dataset_of(model: Model) -> str:
    """Return the data set whose images a model takes: by the map of its first convolution, or by its inputs."""
    convolution = model.layers[0].convolution
    for name, shape in DATASETS.items():
        if convolution is None:
            fits = model.network[0] == shape.inputs
        else:
            taken = (convolution.height, convolution.width, convolution.channels)
            fits = taken == (shape.height, shape.width, shape.channels)
        if fits:
            return name
    return DATASET  # whose pixels may be some of the inputs


def fit(
    model: Model, path: Path, pixels: NDArray[np.intp] | None = None, padding: bool | None = None
) -> tuple[Model, list[str]]:
    """Return the model with as many inputs as an image has pixels and as many outputs as there are classes.

    Args:
        path: the file to name in a message.
        pixels: int[MW], the pixel of each input, row by row, -1 for none (None: the first inputs are the pixels).
        padding: the bit of an input that is no pixel; None: not known.

    Returns:
        the model, and in words what was left out.

    Raises UserError where a pixel has no input or two, where the padding is not known, where it would move the scores
    of the classes apart, and where there are too few outputs.
    """
    dataset = dataset_of(model)
    inputs, classes = DATASETS[dataset].inputs, DATASETS[dataset].classes
    model, notes = _with_outputs(model, path, dataset, classes)
    first, mw = model.layers[0], model.network[0]
    if first.convolution:
        taken = (first.convolution.height, first.convolution.width, first.convolution.channels)
        shape = DATASETS[dataset]
        if taken != (shape.height, shape.width, shape.channels):
            known = " or ".join(f"{each.channels} × {each.height} × {each.width}" for each in DATASETS.values())
            raise UserError(f"{path}: takes {taken[2]} × {taken[0]} × {taken[1]} values; needed: {known}")
        return model, notes
    if pixels is None:
        pixels = np.where(np.arange(mw) < inputs, np.arange(mw), -1)
    if not np.array_equal(np.sort(pixels[pixels != -1]), np.arange(inputs)):
        raise UserError(f"{path}: takes {mw} inputs; needed: each of the {inputs} pixels of {dataset} at one input")
    if np.array_equal(pixels, np.arange(inputs)):
        return model, notes
    if first.coefficients != (1,):
        raise UserError(f"{path}: takes {mw} inputs of several bits; needed: the {inputs} pixels of {dataset} in order")
    if mw > inputs:
        if padding is None:
            raise UserError(f"{path}: takes {mw} inputs for {inputs} pixels; needed: `padding`, the bit of the others")
        notes.insert(0, f"{mw - inputs} inputs are padding")
    constant = (first.weights[:, pixels == -1] == bool(padding)).sum(axis=1)
    weights = np.empty((len(first.weights), inputs), bool)
    weights[:, pixels[pixels != -1]] = first.weights[:, pixels != -1]
    if first.thresholds is None:
        if (constant != constant[0]).any():
            raise UserError(f"{path}: the padding gives each class an offset of its own; supported: the same for all")
        thresholds = None
    else:
        thresholds = np.clip(first.thresholds - constant, 0, inputs + 1).astype(np.int32)
    layers = (replace(first, weights=weights, thresholds=thresholds), *model.layers[1:])
    return replace(model, layers=layers, network=(inputs, *model.network[1:])), notes


def _with_outputs(model: Model, path: Path, dataset: str, classes: int) -> tuple[Model, list[str]]:
    """Return the model without the outputs behind the last class, and in words what was left out."""
    outputs = model.network[-1]
    if outputs < classes:
        raise UserError(f"{path}: has {outputs} outputs; needed: {classes}, one for each class of {dataset}")
    if outputs == classes:
        return model, []
    last = model.layers[-1]
    cut = replace(last, weights=last.weights[:classes])
    model = replace(model, layers=(*model.layers[:-1], cut), network=(*model.network[:-1], classes))
    return model, [f"outputs {classes} to {outputs - 1} are not used"]
