# SPDX-License-Identifier: Apache-2.0
"""The window of uninterrupted inference, weights loaded and every layer at work, in which the energy is looked at."""

from pathlib import Path

from xnorfpga.artefacts.hardware import Hardware
from xnorfpga.design import folding

IMAGES = 8  # at least
FILL = 2  # groups of images before it: from the first result on, every layer is at work
VCD = Path("sim") / "activity.vcd"  # in a build: when the signals change in it, for Quartus


def groups(copies: int) -> int:
    """Return the groups of `copies` images whose results come in the window."""
    return -(-IMAGES // copies)


def cycles(hardware: Hardware) -> int:
    """Return how long the window is, in cycles, by the folding model."""
    return groups(hardware.copies) * folding.predict_hardware(hardware).interval_cycles
