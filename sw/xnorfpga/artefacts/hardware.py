# SPDX-License-Identifier: Apache-2.0
"""`hardware.json`: what the Scala elaboration reads. Shapes, folds and block RAM; no weight and no training."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from xnorfpga.base.strict import Artefact, Strict

Routing = Literal["stationary", "diagonal", "broadcast"]
ROUTINGS: tuple[Routing, ...] = ("stationary", "diagonal", "broadcast")
Count = Annotated[int, Field(ge=1)]
Kind = Literal["binary", "ternary"]
BAUD = 1_000_000  # what every USB-serial cable of 3.3 V can
OSCILLATOR_MHZ = 50.0  # of every board so far


@dataclass(frozen=True)
class Slide:
    """A square of kernel × kernel pixels that slides by `stride` over a map with a frame of `padding` around it.

    whole: rows and columns of places are a multiple of it; the others at bottom and right are left out.
    """

    height: int
    width: int
    channels: int
    kernel: int
    stride: int
    padding: int = 0
    whole: int = 1

    @property
    def out_height(self) -> int:
        """Rows of places."""
        return self._places(self.padded_height)

    @property
    def out_width(self) -> int:
        """Places in a row."""
        return self._places(self.padded_width)

    def _places(self, size: int) -> int:
        return ((size - self.kernel) // self.stride + 1) // self.whole * self.whole

    @property
    def padded_height(self) -> int:
        """Rows of the map and its frame."""
        return self.height + 2 * self.padding

    @property
    def padded_width(self) -> int:
        """Columns of the map and its frame."""
        return self.width + 2 * self.padding

    @property
    def pixels(self) -> int:
        """Pixels of the map and its frame: it takes a cycle each."""
        return self.padded_height * self.padded_width


class Convolution(Strict):
    """The map that a convolutional layer's windows slide over, and what becomes of the map of its answers.

    height, width, channels: of the map that comes in; an element has a bit in each bit plane.
    kernel: side of the square windows. stride: from window to window. padding: rows and columns of -1 around the map.
    pool: side of the squares of answers of which the greatest goes on, square beside square; 1: all go on. Rows and
    columns that fill no window or square are left out, as in torch; windows of which no square would see the answer are
    none.
    """

    height: Count
    width: Count
    channels: Count
    kernel: Count
    stride: Count = 1
    padding: Annotated[int, Field(ge=0)] = 0
    pool: Count = 1

    @property
    def slide(self) -> Slide:
        """What the windows slide over."""
        return Slide(self.height, self.width, self.channels, self.kernel, self.stride, self.padding, self.pool)

    def pooling(self, filters: int) -> Slide:
        """What the squares of answers slide over, `filters` answers a pixel."""
        return Slide(self.out_height, self.out_width, filters, self.pool, self.pool)

    @property
    def mw(self) -> int:
        """Elements of a window: row by row, pixel by pixel, the channels of a pixel side by side."""
        return self.kernel**2 * self.channels

    @property
    def out_height(self) -> int:
        """Rows of windows."""
        return self.slide.out_height

    @property
    def out_width(self) -> int:
        """Windows in a row."""
        return self.slide.out_width

    @property
    def windows(self) -> int:
        """Windows of an image: how often the layer's matrix meets one."""
        return self.out_height * self.out_width

    @property
    def pooled_height(self) -> int:
        """Rows of the map that goes on."""
        return self.out_height // self.pool

    @property
    def pooled_width(self) -> int:
        """Columns of the map that goes on."""
        return self.out_width // self.pool


def matrices(maps: Sequence[Convolution], layers: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return (MW, MH), inputs and outputs, of each layer of a network: of a convolutional one, of a window.

    maps: of the convolutional layers, which come first. layers: neurons of the others, the elements of the last map, or
    of an image, before them. A layer has as many filters as the next map has channels.
    """
    filters = [following.channels for following in maps[1:]]
    if maps:
        filters.append(layers[0] // (maps[-1].pooled_height * maps[-1].pooled_width))
    return (*((each.mw, mh) for each, mh in zip(maps, filters, strict=True)), *pairwise(layers))


class LayerShape(Strict):
    """An MH × MW matrix, folded onto PE neurons and SIMD inputs per cycle.

    coefficients: of each bit plane of the layer's inputs, the least first. weights: whether some may be 0.
    convolution: the map of whose windows the inputs are (None: fully connected). windows: neighbors in a row that
    share every weight read.
    """

    mw: Count
    mh: Count
    routing: Routing
    pe: Count
    simd: Count
    coefficients: tuple[Count, ...] = (1,)
    weights: Kind = "binary"
    convolution: Convolution | None = None
    windows: Count = 1


class BlockRam(Strict):
    """Geometry of the board's block RAM: bits of a block, bits of its widest read.

    read_cycles: from an address to its row; 2 is with the register behind a block's output, for a fast clock.
    """

    block_bits: Count
    max_width: Count
    read_cycles: Literal[1, 2] = 1


class Hardware(Artefact):
    """A hardware configuration.

    `input_word_bits` of an image enter per cycle, bit plane after bit plane; `copies` images share every weight read.
    `baud` is of the board's serial port, in bits per second. Where `oscillator_mhz`, the board's own clock, is another
    than `clock_mhz`, the board's top level has a PLL.
    Mirrors AcceleratorConfig in Scala, which checks what depends on several fields.
    """

    design: str
    clock_mhz: float
    input_word_bits: Count
    copies: Count
    layers: tuple[LayerShape, ...]
    memory: BlockRam
    baud: Count = BAUD
    oscillator_mhz: float = OSCILLATOR_MHZ

    @property
    def has_pll(self) -> bool:
        """Whether the board's top level has a PLL."""
        return self.clock_mhz != self.oscillator_mhz
