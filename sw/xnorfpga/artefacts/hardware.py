# SPDX-License-Identifier: Apache-2.0
"""`hardware.json`: what the Scala elaboration reads. Shapes, folds and block RAM; no weight and no training."""

from typing import Annotated, Literal

from pydantic import Field

from xnorfpga.base.strict import Artefact, Strict

Routing = Literal["stationary", "diagonal", "broadcast"]
ROUTINGS: tuple[Routing, ...] = ("stationary", "diagonal", "broadcast")
Count = Annotated[int, Field(ge=1)]
Kind = Literal["binary", "ternary"]
BAUD = 1_000_000  # what every USB-serial cable of 3.3 V can


class LayerShape(Strict):
    """An MH × MW matrix, folded onto PE neurons and SIMD inputs per cycle.

    coefficients: of each bit plane of the layer's inputs, the least first. weights: whether some may be 0.
    """

    mw: Count
    mh: Count
    routing: Routing
    pe: Count
    simd: Count
    coefficients: tuple[Count, ...] = (1,)
    weights: Kind = "binary"


class BlockRam(Strict):
    """Geometry of the board's block RAM: bits of a block, bits of its widest read."""

    block_bits: Count
    max_width: Count


class Hardware(Artefact):
    """A hardware configuration.

    `input_word_bits` of an image enter per cycle, bit plane after bit plane; `copies` images share every weight read.
    `baud` is of the board's serial port, in bits per second.
    Mirrors AcceleratorConfig in Scala, which checks what depends on several fields.
    """

    design: str
    clock_mhz: float
    input_word_bits: Count
    copies: Count
    layers: tuple[LayerShape, ...]
    memory: BlockRam
    baud: Count = BAUD
