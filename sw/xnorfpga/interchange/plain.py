# SPDX-License-Identifier: Apache-2.0
"""Read a binary network from a plain .npz of weights and integer thresholds; docs/interchange.md has the layout."""

import re
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from xnorfpga.base.errors import UserError
from xnorfpga.interchange.fit import fit
from xnorfpga.network import package
from xnorfpga.network.encoding import Bits
from xnorfpga.network.golden import LayerWeights, Model

ACCEPTED = "weights0, thresholds0, weights1, …, and input_threshold, pixels, padding where they are needed"


def read(path: Path) -> tuple[Model, list[str]]:
    """Return the integer model of the network in an .npz file, fitted to the images, and what was left out for that.

    Raises UserError where the file is not as the layout says.
    """
    if not path.is_file():
        raise UserError(f"{path}: not found")
    return _Reader(path, package.read_npz(path)).model()


class _Reader:
    """The arrays of one file."""

    def __init__(self, path: Path, arrays: dict[str, NDArray[Any]]):
        self.path, self.arrays = path, arrays

    def model(self) -> tuple[Model, list[str]]:
        if "record" in self.arrays:
            self._refuse("is a model of this package already; a design names it by `weights`")
        depth = sum(name.startswith("weights") for name in self.arrays)
        known = {f"weights{k}" for k in range(depth)} | {f"thresholds{k}" for k in range(depth - 1)}
        if absent := sorted(known - self.arrays.keys()):
            self._refuse(f"has no {absent[0]}; accepted: {ACCEPTED}")
        if unknown := sorted(self.arrays.keys() - known - {"input_threshold", "pixels", "padding"}):
            last = re.fullmatch(r"thresholds\d+", unknown[0]) and " (the last layer has none: its popcounts are scores)"
            self._refuse(f"has an unknown array {unknown[0]}{last or ''}; accepted: {ACCEPTED}")
        if not depth:
            self._refuse(f"has no weights; accepted: {ACCEPTED}")
        layers: list[LayerWeights] = []
        for k in range(depth):
            weights = self._signs(f"weights{k}")
            if k and weights.shape[1] != len(layers[-1].weights):
                before = f"{len(layers[-1].weights)} neurons of weights{k - 1}"
                self._refuse(
                    f"weights{k} is {list(weights.shape)} behind {before}; accepted: [MH, MW] = [neurons, inputs]"
                )
            layers.append(LayerWeights(weights, self._thresholds(k, *weights.shape) if k < depth - 1 else None))
        threshold = self._integer("input_threshold", 128, 1, 255)
        network = (layers[0].weights.shape[1], *(len(layer.weights) for layer in layers))
        padding = self._integer("padding", None, -1, 1)
        model = Model(tuple(layers), threshold or 0, network)
        return fit(model, self.path, self._pixels(network[0]), None if padding is None else padding > 0)

    def _signs(self, name: str) -> Bits:
        values = self.arrays[name]
        if values.ndim != 2 or not values.size:
            self._refuse(f"{name} has the shape {list(values.shape)}; accepted: [MH, MW] = [neurons, inputs]")
        if values.dtype == bool:
            return values
        if values.dtype.kind in "iuf":
            for low in (0, -1):
                if ((values == low) | (values == 1)).all():
                    return values > 0
        self._refuse(f"{name} has other values than signs; accepted: bool, 0 and 1, or -1 and 1")

    def _thresholds(self, k: int, mh: int, mw: int) -> NDArray[np.int32]:
        values = self.arrays[f"thresholds{k}"]
        if values.shape != (mh,) or values.dtype.kind not in "iu":
            found = f"{values.dtype}{list(values.shape)}"
            self._refuse(f"thresholds{k} is {found}; accepted: integers [{mh}], one for each neuron of weights{k}")
        return np.clip(values, 0, mw + 1).astype(np.int32)  # beyond, a neuron always or never is +1

    def _integer(self, name: str, default: int | None, low: int, high: int) -> int | None:
        if name not in self.arrays:
            return default
        value = self.arrays[name]
        if value.size != 1 or value.dtype.kind not in "iub" or not low <= int(value.reshape(())) <= high:
            self._refuse(f"{name} = {value.tolist()}; accepted: an integer of {low} to {high}")
        return int(value.reshape(()))

    def _pixels(self, mw: int) -> NDArray[np.intp] | None:
        if "pixels" not in self.arrays:
            return None
        values = self.arrays["pixels"]
        if values.shape != (mw,) or values.dtype.kind not in "iu":
            found = f"{values.dtype}{list(values.shape)}"
            self._refuse(f"pixels is {found}; accepted: integers [{mw}], one for each input of weights0")
        return values.astype(np.intp)

    def _refuse(self, why: str) -> NoReturn:
        raise UserError(f"{self.path}: {why}")
