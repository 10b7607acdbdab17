# SPDX-License-Identifier: Apache-2.0
"""From a design and its folding to the hardware configuration that is elaborated, and predicted."""

from xnorfpga.artefacts.folding import Folding
from xnorfpga.artefacts.hardware import BlockRam, Hardware, LayerShape
from xnorfpga.base.errors import UserError
from xnorfpga.design.folding import Prediction, predict_hardware
from xnorfpga.design.schema import Board, Design


def hardware(design: Design, folding: Folding) -> Hardware:
    """Return what the Scala elaboration reads: shapes, folds and the board's block RAM.

    Weights and training are not in it: a newly trained model of the same shape gives the same hardware.

    Raises UserError where weights, activations or pixels have more than one bit: the RTL has no such layers yet.
    """
    quantization = design.quantization
    for key in ("weight_bits", "activation_bits", "input_bits"):
        if (bits := getattr(quantization, key)) != 1:
            raise UserError(f"{design.path}: quantization.{key} = {bits}: accepted for hardware, so far: 1")
    return Hardware(
        design=design.name,
        clock_mhz=design.board.clock_mhz,
        input_word_bits=folding.input_word_bits,
        copies=folding.copies,
        layers=tuple(
            LayerShape(mw=mw, mh=mh, routing=fold.routing, pe=fold.pe, simd=fold.simd)
            for (mw, mh), fold in zip(design.shapes, folding.layers, strict=True)
        ),
        memory=block_ram(design.board),
    )


def block_ram(board: Board) -> BlockRam:
    """Return the geometry of a board's block RAM."""
    return BlockRam(block_bits=board.capacity.m10k_bits, max_width=board.capacity.m10k_max_width)


def predict(design: Design, folding: Folding) -> Prediction:
    """Return what the RTL of a design, folded so, will do."""
    return predict_hardware(hardware(design, folding))
