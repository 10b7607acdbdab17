# SPDX-License-Identifier: Apache-2.0
"""The figures that Quartus' reports give, version 13.0 to 25.1: what was placed, how fast it is, what it draws.

A figure that is missing or cannot be trusted is None, never 0, and `QuartusFigures.reasons` says why. How each is read
stands in `resources`, `timing` and `power`; which reports are believed, in `reports`.
"""

from xnorfpga.artefacts.synthesis import Clock, Power
from xnorfpga.base.strict import Strict


class StageState(Strict):
    """What one tool says of its own run: ended well, in its own words, when (ISO 8601, local), in which files."""

    ok: bool | None
    status: str | None
    time: str | None
    files: tuple[str, ...]


class Identity(Strict):
    """What was compiled, for which device, with which version of Quartus."""

    revision: str | None
    top: str | None
    family: str | None
    device: str | None
    version: str | None


class Entity(Strict):
    """Resources of one entity of the hierarchy: with all below it (`total`), and alone (`own`).

    Keys are alms, aluts, logic_elements, ffs, memory_bits, m10k, m20k, dsps, as far as the family has a column of them.
    ALMs are "ALMs needed" and have a fraction, since two entities can share one.
    """

    path: str
    total: dict[str, float]
    own: dict[str, float]


class Resources(Strict):
    """What the fitter placed.

    fits: the fitter succeeded and nothing is over what the device has.
    alms: "ALMs needed", the dense-packing figure. alms_in_final_placement: ALMs touched. logic_elements: of families
    without ALMs. ffs: registers; of Pro, those in logic cells only. m10k, m20k: memory blocks. memory_bits: bits stored
    in them. dsps: DSP blocks. pins, plls: a number of each. aluts: look-up tables by number of inputs ("6", "<=3").
    available: what the device has of each. entities: by entity, in the report's order.
    """

    fits: bool | None
    alms: int | None
    alms_in_final_placement: int | None
    logic_elements: int | None
    ffs: int | None
    m10k: int | None
    m20k: int | None
    memory_bits: int | None
    dsps: int | None
    pins: int | None
    plls: int | None
    aluts: dict[str, int] | None
    available: dict[str, int]
    entities: tuple[Entity, ...] | None


class QuartusFigures(Resources, Identity):
    """All figures of one revision.

    stages: by tool (map, merge, fit, asm, sta, pow, flow). fmax_mhz: of the clock that was asked for. errors: error
    lines of the tools that failed, as Quartus words them. reasons: for each figure that is None, why, by its place
    (`alms`, `power`, `clocks.CLOCK_50.hold_slack_ns`). cautions: what to know before relying on the figures.
    """

    path: str
    stages: dict[str, StageState]
    clocks: tuple[Clock, ...]
    fmax_mhz: float | None
    power: Power | None
    errors: tuple[str, ...]
    reasons: dict[str, str]
    cautions: tuple[str, ...]
