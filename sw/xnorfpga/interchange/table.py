# SPDX-License-Identifier: Apache-2.0
"""What `qonnx` knows of a tensor between two layers, and what the inputs of a layer are."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorfpga.artefacts.hardware import Convolution


@dataclass(frozen=True, eq=False)
class Table:
    """Values float [levels, columns] of a tensor at every pixel or sum; a column is a channel of a map, or an element.

    weights: of the layer whose sums they are, bool[MH, MW]; None at the input. coefficients: of its inputs' planes.
    node: the layer's node. apart: the first node after which the columns differ.
    convolution: of the layer. map: rows and columns of a map, None of a vector. last: whether the channels are its last
    axis. places: the place of each element of a vector that was a map, with the channels of a pixel side by side.
    channel: of each element of such a vector. frame: width and value of the frame around a map.
    least: of which channels the least sum goes through the pool; None where there is none.
    """

    values: NDArray[Any]
    weights: NDArray[np.bool_] | None = None
    node: str = "the input"
    apart: str | None = None
    coefficients: tuple[int, ...] = (1,)
    convolution: Convolution | None = None
    map: tuple[int, int] | None = None
    last: bool = False
    places: NDArray[np.intp] | None = None
    channel: NDArray[np.intp] | None = None
    frame: tuple[int, float] = (0, 0.0)
    least: NDArray[np.bool_] | None = None

    def flat(self) -> "Table":
        """Return a map as a vector, with the place of each element where the channels of a pixel are side by side."""
        assert self.map is not None
        channels, pixels = self.values.shape[1], math.prod(self.map)
        places = np.arange(pixels * channels)
        if not self.last:
            places = places.reshape(pixels, channels).T.reshape(-1)
        channel = places % channels
        return replace(self, values=self.values[:, channel], map=None, last=False, places=places, channel=channel)

    def of_channels(self, constant: NDArray[Any]) -> NDArray[Any] | None:
        """Return the value of each channel of a constant that meets a map; None where it does not or differs inside."""
        assert self.map is not None
        channels = self.values.shape[1]
        try:
            whole = np.broadcast_to(constant, (1, *self.map, channels) if self.last else (1, channels, *self.map))
        except ValueError:
            return None
        columns = np.moveaxis(whole, -1 if self.last else 1, 0).reshape(channels, -1)
        return columns[:, 0] if (columns == columns[:, :1]).all() else None


@dataclass(frozen=True, eq=False)
class Levels:
    """What the inputs of a layer are: low + step · code, of which each plane is a bit.

    inverted: bool[columns], where the bits that the layer before answers are the other way round.
    """

    low: float
    step: float
    planes: int
    inverted: NDArray[np.bool_]

    @property
    def coefficients(self) -> tuple[int, ...]:
        """Of each plane, the least first."""
        return tuple(2**k for k in range(self.planes))

    @property
    def middle(self) -> float:
        """The value halfway between the least and the greatest code."""
        return self.low + self.step * (2**self.planes - 1) / 2
