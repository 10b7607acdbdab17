# SPDX-License-Identifier: Apache-2.0
"""The figures that Quartus' reports give, version 13.0 to 25.1: what was placed, how fast it is, what it draws.

A figure that is missing or cannot be trusted is None, never 0, and `QuartusFigures.reasons` says why. How each is read
stands in `resources`, `timing` and `power`; which reports are believed, in `reports`.
"""

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


class Clock(Strict):
    """One clock; frequencies in MHz, times in ns, each the worst over all corners of the timing analysis.

    constrained: the user's SDC defines it, or a clock that it derives from; Quartus invents one where that is missing.
    restricted_fmax_mhz: Fmax that also heeds the device's limit. fmax_by_corner_mhz: Fmax by timing model (Pro tells
    that of the worst alone). Slack is None where the clock has no such path; negative means that timing is not met.
    """

    name: str
    constrained: bool | None
    period_ns: float | None
    fmax_mhz: float | None
    restricted_fmax_mhz: float | None
    fmax_by_corner_mhz: dict[str, float] | None
    setup_slack_ns: float | None
    hold_slack_ns: float | None
    recovery_slack_ns: float | None
    removal_slack_ns: float | None
    pulse_width_slack_ns: float | None


class Power(Strict):
    """Thermal power in milliwatts, and how it was found.

    confidence: Quartus' word for how much of the toggling it knows. method: where the toggling comes from.
    toggle_mtps: average toggle rate, millions of transitions per second. by_block_mw: by kind of block, dynamic and
    static together. by_clock_mw: core dynamic power by clock domain.
    """

    core_dynamic_mw: float
    core_static_mw: float
    io_mw: float
    total_mw: float
    confidence: str | None
    method: str | None
    toggle_mtps: float | None
    by_block_mw: dict[str, float] | None
    by_clock_mw: dict[str, float] | None


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
