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
from xnorfpga.network.golden import LayerWeights, Model

DATASET = "mnist"


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
    inputs, classes = DATASETS[DATASET].inputs, DATASETS[DATASET].classes
    first, last, notes = model.layers[0], model.layers[-1], []
    mw, outputs = model.network[0], model.network[-1]
    if pixels is None:
        pixels = np.where(np.arange(mw) < inputs, np.arange(mw), -1)
    if not np.array_equal(np.sort(pixels[pixels != -1]), np.arange(inputs)):
        raise UserError(f"{path}: takes {mw} inputs; needed: each of the {inputs} pixels of {DATASET} at one input")
    if mw > inputs:
        if padding is None:
            raise UserError(f"{path}: takes {mw} inputs for {inputs} pixels; needed: `padding`, the bit of the others")
        notes.append(f"{mw - inputs} inputs are padding")
    if outputs < classes:
        raise UserError(f"{path}: has {outputs} outputs; needed: {classes}, one for each class of {DATASET}")
    if outputs > classes:
        notes.append(f"outputs {classes} to {outputs - 1} are not used")
        cut = LayerWeights(last.weights[:classes], None)
        model = replace(model, layers=(*model.layers[:-1], cut), network=(*model.network[:-1], classes))
        first = model.layers[0]
    constant = (first.weights[:, pixels == -1] == bool(padding)).sum(axis=1)
    weights = np.empty((len(first.weights), inputs), bool)
    weights[:, pixels[pixels != -1]] = first.weights[:, pixels != -1]
    if first.thresholds is None:
        if (constant != constant[0]).any():
            raise UserError(f"{path}: the padding gives each class an offset of its own; supported: the same for all")
        thresholds = None
    else:
        thresholds = np.clip(first.thresholds - constant, 0, inputs + 1).astype(np.int32)
    layers = (LayerWeights(weights, thresholds), *model.layers[1:])
    return replace(model, layers=layers, network=(inputs, *model.network[1:])), notes
