# SPDX-License-Identifier: Apache-2.0
"""From a design and its folding to the hardware configuration that is elaborated, and predicted."""

from xnorfpga.artefacts.folding import Folding
from xnorfpga.artefacts.hardware import BlockRam, Hardware, LayerShape
from xnorfpga.design.folding import Operands, Prediction, predict_hardware
from xnorfpga.design.schema import Board, Design


def hardware(design: Design, folding: Folding) -> Hardware:
    """Return what the Scala elaboration reads: shapes, bits, folds and the board's block RAM.

    Weights and training are not in it: a newly trained model of the same shape gives the same hardware.
    """
    layers, maps = [], design.convolutions
    for k, ((mw, mh), fold) in enumerate(zip(design.shapes, folding.layers, strict=True)):
        coefficients, weights = operands(design).of_layer(k, last=k == len(design.shapes) - 1)
        layers.append(
            LayerShape(
                mw=mw,
                mh=mh,
                routing=fold.routing,
                pe=fold.pe,
                simd=fold.simd,
                coefficients=coefficients,
                weights=weights,
                convolution=maps[k] if k < len(maps) else None,
                windows=fold.windows,
            )
        )
    return Hardware(
        design=design.name,
        clock_mhz=design.board.clock_mhz,
        input_word_bits=folding.input_word_bits,
        copies=folding.copies,
        layers=tuple(layers),
        memory=block_ram(design.board),
        baud=design.board.baud,
        oscillator_mhz=design.board.clock.oscillator_mhz,
    )


def operands(design: Design) -> Operands:
    """Return what a design's network multiplies."""
    quantization = design.quantization
    return Operands(quantization.input_coefficients, quantization.activation_coefficients, quantization.weights)


def block_ram(board: Board) -> BlockRam:
    """Return the geometry of a board's block RAM, read as its clock asks for."""
    has = board.capacity
    return BlockRam(block_bits=has.m10k_bits, max_width=has.m10k_max_width, read_cycles=board.read_cycles)


def predict(design: Design, folding: Folding) -> Prediction:
    """Return what the RTL of a design, folded so, will do."""
    return predict_hardware(hardware(design, folding))
