# SPDX-License-Identifier: Apache-2.0
"""`activity.json`: how often the signals of the RTL change while it works on images."""

from xnorfpga.base.strict import Artefact, Strict


class Toggles(Strict):
    """Bits of signals, and the changes of all of them together in the window."""

    bits: int
    transitions: int


class Activity(Artefact):
    """A window of uninterrupted inference, weights loaded, every part of the accelerator at work.

    images: whose results came in the window of `cycles` clock cycles; data: where they are from.
    registers: what a clock edge writes, memories' outputs left out. logic: what is computed between them; a name for
    another signal, or for bits of it, is not counted again. A signal changes at most once a cycle: glitches are unseen.
    """

    design: str
    model_digest: str
    data: str
    images: int
    cycles: int
    registers: Toggles
    logic: Toggles
    simulator: str
