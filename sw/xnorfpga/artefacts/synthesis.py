# SPDX-License-Identifier: Apache-2.0
"""`synth.json`: resources, paths, and, of a fitted design, speed and power."""

from typing import Any, Literal

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
    power: dict[str, Any] | None
    clocks: list[dict[str, Any]] | None = None
    reasons: dict[str, str]
    notes: tuple[str, ...]
    bitstream: str | None = None
    memory_contents: str | None = None
    estimate: dict[str, Any] | None = None
    seconds: float
