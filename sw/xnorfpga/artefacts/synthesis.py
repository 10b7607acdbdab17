# SPDX-License-Identifier: Apache-2.0
"""`synth.json`: resources, paths, and, of a fitted design, speed and power."""

from typing import Literal

from xnorfpga.base.strict import Artefact, Strict


class Resources(Strict):
    """A number of each resource of the device."""

    alms: int
    m10k: int
    dsps: int


class Device(Resources):
    """The board's device and what it has."""

    name: str


class Shares(Strict):
    """Used part of each resource; None where the device has none of it."""

    alms: float | None
    m10k: float | None
    dsps: float | None


class Connections(Strict):
    """Wires counted at a layer's input register, beside those of full direct connection (MW · MH)."""

    layer: int
    routing: str
    used: int | None
    full_direct: int


class Mapping(Strict):
    """A netlist of Yosys: its size, and its longest path in ALUT levels, carry hops and names of nets."""

    alms: int
    aluts: dict[str, int]
    ffs: int
    logic_levels: int
    carry_hops: int
    longest_path: tuple[str, ...]


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

    @property
    def least_slack_ns(self) -> float | None:
        """The least slack of all kinds; None where the clock has no path."""
        known = [value for key, value in self if key.endswith("_slack_ns") and value is not None]
        return min(known, default=None)


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


class Estimate(Strict):
    """What Yosys' estimate said of a design that Quartus fitted."""

    tool: str
    version: str
    alms: int
    alm_formula: str
    alm_band: tuple[float, float] | None
    ffs: int
    m10k: int


class Synthesis(Artefact):
    """What a tool says of the synthesized design; what it cannot know is None, and `reasons` says why by key.

    borders_kept, flattened: the design mapped module by module, and as one module, as a fitter works. An estimate's
    figures are those of the one with more ALMs.
    kind: "estimate" (Yosys) or "fitted" (Quartus). aluts: ALUTs by number of inputs, and "arith" for adder cells.
    over: how much more than the device has. longest_path: nets on it. notes: lines to show.
    """

    tool: str
    version: str
    kind: Literal["estimate", "fitted"]
    top: str
    alms: int
    borders_kept: Mapping
    flattened: Mapping
    alm_formula: str
    alm_band: tuple[float, float] | None
    alm_band_half: tuple[float, float] | None = None
    alm_band_source: str | None = None
    alms_in_final_placement: int | None = None
    aluts: dict[str, int] | None
    ffs: int
    mlabs: int | None = None
    m10k: int
    dsps: int
    fits: bool
    over: Resources
    device: Device
    share: Shares
    logic_levels: int | None
    carry_hops: int | None
    longest_path: tuple[str, ...]
    paths_origin: str
    connections: tuple[Connections, ...]
    fmax_mhz: float | None
    power: Power | None
    clocks: tuple[Clock, ...] | None = None
    reasons: dict[str, str]
    notes: tuple[str, ...]
    bitstream: str | None = None
    memory_contents: str | None = None
    estimate: Estimate | None = None
    seconds: float


class Seed(Strict):
    """One fit of the fitter's seed: ALMs needed, Fmax and setup slack of the board's clock, the worst corner's."""

    seed: int
    alms: int | None
    fmax_mhz: float | None
    setup_slack_ns: float | None


class Seeds(Artefact):
    """`synth/seeds.json`: a netlist fitted with several seeds; `bitstream` is that of the `best`, the fastest."""

    design: str
    version: str
    seeds: tuple[Seed, ...]
    best: int
    bitstream: str
