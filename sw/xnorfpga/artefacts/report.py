# SPDX-License-Identifier: Apache-2.0
"""`report.json`: every figure of a design that a reader sees, each with its origin."""

from typing import Literal

from xnorfpga.artefacts.accelerator import Origin, Share
from xnorfpga.artefacts.hardware import Routing
from xnorfpga.artefacts.sweep import Sweep
from xnorfpga.artefacts.synthesis import Synthesis
from xnorfpga.base.strict import Artefact, Strict


class Measured(Strict):
    """Shares of images in the class of their label, and the names of the digits that they were measured on.

    float: torch (None of an imported model). golden: the integer model. Both on `data`. rtl: the simulated hardware, on
    `rtl_data`.
    """

    float: Share | None
    golden: Share
    data: str
    rtl: Share
    rtl_data: str


class Trained(Strict):
    """Where the weights come from, and the digits that they were trained on (None: no record of a training)."""

    weights: Origin
    data: str | None
    source: str | None


class Simulated(Strict):
    """What the simulation showed; each figure as sim.json has it."""

    images: int
    hidden_vectors_checked: int
    cycles_per_image: float
    latency_cycles: int
    cycles_per_second: float
    simulator: str


class Speed(Strict):
    """What follows from the cycles at the board's clock, and binary operations (2 per weight, window) per logic."""

    clock_mhz: float
    images_per_second: float
    latency_us: float
    binary_operations_per_cycle_per_alm: float | None


class Energy(Strict):
    """Energy per image in µJ: power × cycles per image / clock.

    kind: "fitted" by the power that Quartus' power analyzer gives, else "estimate" by toggles of the simulated RTL.
    total_uj: of an estimate dynamic and static; of a fitted design also what the pins take.
    band: this model's core dynamic power divided by Quartus', lowest and highest of public reports that it was held
    against. parts_uj: what the estimate of the dynamic energy is made of.
    """

    kind: Literal["fitted", "estimate"]
    core_dynamic_uj: float
    static_uj: float
    total_uj: float
    band: tuple[float, float] | None
    parts_uj: dict[str, float] | None


class ReportedLayer(Strict):
    """One layer: shape, fold, and what it takes.

    cycles: per batch of images; of a map per image. m10k: its block RAMs. busy_cycles: first step and last result of a
    lone image. connections: wires counted from its input register to the first gates; full_direct: MW · MH, without
    folding.
    """

    mw: int
    mh: int
    routing: Routing
    pe: int
    simd: int
    cycles: int
    m10k: int
    busy_cycles: tuple[int, int]
    connections: int | None
    full_direct: int


class Published(Strict):
    """An accelerator as its authors published it; None was not published.

    dataset: what it classifies. logic_luts: look-up tables of up to six inputs. bram: block RAMs, as the source counts
    them. Of a pair the first is the lowest figure, the second the highest. energy_uj: per image; energy_note says what
    kind of figure it is.
    """

    name: str
    source: str
    dataset: str
    network: str
    board: str | None = None
    clock_mhz: float | None = None
    cycles_per_image: float | None = None
    images_per_second: float | None = None
    latency_us: float | None = None
    logic_luts: tuple[int, int] | None = None
    bram: tuple[int, int] | None = None
    accuracy: tuple[Share, Share] | None = None
    energy_uj: float | None = None
    energy_note: str | None = None
    note: str | None = None

    @property
    def cycles(self) -> float | None:
        """Cycles per image: as published, else clock / images per second, else None."""
        if self.cycles_per_image is None and self.clock_mhz and self.images_per_second:
            return self.clock_mhz * 1e6 / self.images_per_second
        return self.cycles_per_image


class RoutingFigures(Strict):
    """One hidden layer in one routing and fold, synthesized."""

    routing: Routing
    pe: int
    simd: int
    cycles: int
    alms: int
    m10k: int
    ffs: int
    connections: int
    logic_levels: int


class RoutingTable(Artefact):
    """`routings.json`: one `layer` (MW × MH) in each routing, as `python -m xnorfpga bench --routings` measured it."""

    layer: str
    copies: int
    origin: str
    rows: tuple[RoutingFigures, ...]


class PaperRow(Strict):
    """An accelerator in the comparison with the paper; None is not known.

    kind: "simulated" cycles of the RTL, "predicted" by the folding model alone, or "published".
    logic: as `logic_kind` counts it. energy_uj: core dynamic and all of it, of the kind `energy_kind`; what others
    published stands twice.
    """

    name: str
    what: str
    kind: Literal["simulated", "predicted", "published"]
    clock_mhz: float | None
    cycles_per_image: float | None
    latency_us: float | None
    logic: int | None
    logic_kind: str | None
    m10k: int | None
    energy_uj: tuple[float, float] | None
    energy_kind: str | None


class Claim(Strict):
    """What the paper claims, what comes of it here, and the command that shows it."""

    claim: str
    claimed: str
    here: str
    command: str


class PaperTable(Artefact):
    """`paper.json`: the paper's figures and claims beside ours, as `python -m xnorfpga bench --paper` gathered them."""

    origin: str
    rows: tuple[PaperRow, ...]
    claims: tuple[Claim, ...]


class Report(Artefact):
    """All figures of a design. `board` is the name to show; `origin` says by key where the figures come from.

    network: neurons of the fully connected layers, the inputs first. topology: the whole network in a line. map_sizes:
    height, width and channels of the map before each convolutional layer.
    """

    design: str
    board: str
    network: tuple[int, ...]
    topology: str
    map_sizes: tuple[tuple[int, int, int], ...]
    training: Trained
    accuracy: Measured
    simulation: Simulated
    speed: Speed
    energy: Energy
    synthesis: Synthesis
    copies: int
    layers: tuple[ReportedLayer, ...]
    published: tuple[Published, ...]
    routings: RoutingTable
    comparison: Sweep
    paper: PaperTable
    origin: dict[str, str]
