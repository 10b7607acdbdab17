# SPDX-License-Identifier: Apache-2.0
"""From a design to the hardware configuration that is elaborated, and predicted."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xnorfpga.design.designs import Design


def hardware(design: "Design") -> dict[str, Any]:
    """Return what the Scala elaboration reads (`hardware.json`): shapes, folds and the board's block RAM.

    Weights and training are not in it: a newly trained model of the same shape gives the same hardware.
    """
    network, capacity = design.network.layers, design.board.capacity
    return {
        "design": design.name,
        "clock_mhz": design.board.clock_mhz,
        "input_word_bits": design.folding.input_word_bits,
        "copies": design.folding.copies,
        "layers": [
            {"mw": mw, "mh": mh, "routing": fold.routing, "pe": fold.pe, "simd": fold.simd}
            for mw, mh, fold in zip(network, network[1:], design.folding.layers, strict=False)
        ],
        "memory": {"block_bits": capacity.m10k_bits, "max_width": capacity.m10k_max_width},
    }
