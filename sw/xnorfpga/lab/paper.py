# SPDX-License-Identifier: Apache-2.0
"""Gathers the paper's figures and claims beside ours, for the report and docs/paper.md: `bench --paper`.

Cycles, latency, logic and energy of our designs are those of docs/results.json; of the paper's scheme with more copies,
which does not fit the board, the folding model's; those of others as they were published.
"""

from xnorfpga.artefacts.folding import Folding
from xnorfpga.artefacts.report import Claim, PaperRow, PaperTable, Published
from xnorfpga.base.files import write_block
from xnorfpga.base.paths import DOCS
from xnorfpga.design import area, designs, hardware
from xnorfpga.design.schema import Design
from xnorfpga.lab.benchmark import RESULTS, Result, Results
from xnorfpga.report import charts, gather, paper

LITERAL = "mnist_paper"  # the paper's scheme to the letter
DESIGNS = {
    LITERAL: "the paper's scheme, one image at a time",
    "mnist_max": "the fastest that fits",
    "mnist_low_latency": "the lowest latency that fits",
    "mnist_fast": "a narrower network, faster",
}
MORE_COPIES = (2, 3)
PAPER_UJ = 780
PAGE = DOCS / "paper.md"
COMMAND = "python -m xnorfpga bench --paper"


def gathered() -> PaperTable:
    """Return the comparison.

    Raises UserError where docs/results.json is absent or damaged.
    """
    reached = {row.design: row for row in Results.read(RESULTS).rows}
    ours = [_reached(reached[name], what) for name, what in DESIGNS.items()]
    design = designs.load(LITERAL)
    more = [_predicted(design, copies) for copies in MORE_COPIES]
    rows = (ours[0], *more, *ours[1:], *map(_published, gather.published("mnist")))
    return PaperTable(
        origin=f"{RESULTS.relative_to(DOCS.parent)}, the folding and area models, published figures: {COMMAND}",
        rows=rows,
        claims=_claims(reached, more),
    )


def measure() -> PaperTable:
    """Gather the comparison, and write it, its pictures, and its tables in docs/paper.md."""
    found = gathered()
    found.write(paper.FILE)
    for quantity in paper.QUANTITIES:
        charts.paper(DOCS / "paper" / f"{quantity.key}.svg", quantity, paper.bars(found, quantity))
    write_block(PAGE, "claims", paper.claims(found))
    write_block(PAGE, "figures", paper.table(found))
    return found


def _reached(row: Result, what: str) -> PaperRow:
    spent = row.energy
    return PaperRow(
        name=row.design,
        what=what,
        kind="simulated",
        clock_mhz=row.clock_mhz,
        cycles_per_image=row.cycles_per_image,
        latency_us=row.latency_us,
        logic=row.alms,
        logic_kind=f"ALMs, {'fitted' if 'fitted' in row.origin else 'estimate'}",
        m10k=row.m10k,
        energy_uj=(spent.core_dynamic_uj, spent.total_uj) if spent else None,
        energy_kind=spent.kind if spent else None,
    )


def _predicted(design: Design, copies: int) -> PaperRow:
    """Return the design with so many copies, by the models: its cycles exactly."""
    assert isinstance(design.folding, Folding)
    predicted = hardware.predict(design, design.folding.model_copy(update={"copies": copies}))
    alms, has = area.alms(predicted), design.board.capacity
    fits = alms <= has.alms and predicted.m10k <= has.m10k
    return PaperRow(
        name=f"{design.name} × {copies}",
        what=f"{copies} images share each weight read{'' if fits else '; does not fit'}",
        kind="predicted",
        clock_mhz=design.board.clock_mhz,
        cycles_per_image=float(predicted.cycles_per_image),
        latency_us=predicted.latency_cycles / design.board.clock_mhz,
        logic=alms,
        logic_kind="ALMs, area model",
        m10k=predicted.m10k,
        energy_uj=None,
        energy_kind=None,
    )


def _published(other: Published) -> PaperRow:
    logic = max(other.logic_luts) if other.logic_luts else None
    return PaperRow(
        name=other.name,
        what=other.board or "",
        kind="published",
        clock_mhz=other.clock_mhz,
        cycles_per_image=other.cycles,
        latency_us=other.latency_us,
        logic=logic,
        logic_kind="LUTs, published" if logic else None,
        m10k=None,
        energy_uj=(other.energy_uj, other.energy_uj) if other.energy_uj else None,
        energy_kind=f"published{f', {other.energy_note}' if other.energy_note else ''}" if other.energy_uj else None,
    )


def _claims(reached: dict[str, Result], more: list[PaperRow]) -> tuple[Claim, ...]:
    """Return what the paper claims, and what comes of it here, as far as the figures are there."""
    literal, fastest, quickest = (reached[name] for name in (LITERAL, "mnist_max", "mnist_low_latency"))
    pace, tripled = literal.cycles_per_image, more[-1]
    assert tripled.cycles_per_image
    throughput = (
        f"{pace:,.0f} cycles with one copy, {tripled.cycles_per_image:,.1f} with three (predicted): "
        f"{pace / tripled.cycles_per_image:.2f}×, since three images share each weight read. By the model that takes "
        f"{tripled.logic:,} ALMs, and the board has {literal.alms_of:,}. Folded otherwise, the fastest that fits does "
        f"{pace / fastest.cycles_per_image:.1f}×. The ratio to [30] is not reproduced: its cycles are not given"
    )
    latency = (
        f"{literal.latency_cycles:,} cycles in the literal scheme, {quickest.latency_cycles:,} at the lowest that "
        f"fits: {literal.latency_cycles / quickest.latency_cycles:.1f}×. The ratio to [30] is not reproduced: its "
        "latency is not given"
    )
    energy, wires = "no figure yet", "no figure yet"
    if spent := literal.energy:
        watts = PAPER_UJ * literal.clock_mhz / pace  # µJ / µs
        energy = (
            f"{spent.total_uj:.3g} µJ ({spent.kind}), {spent.core_dynamic_uj:.3g} µJ of it core dynamic, at "
            f"{literal.clock_mhz:g} MHz. The two are not of one kind: at this pace 0.78 mJ would be {watts:.0f} W, "
            "more than such a board takes, so the paper's figure holds more time or more than the FPGA"
        )
    if literal.connections:
        wires = "{:,} instead of {:,}, counted in the netlist".format(*literal.connections)
    return (
        Claim(
            claim="three times the throughput by duplicating twice",
            claimed="3× its reference [30], in cycles per image",
            here=throughput,
            command=COMMAND,
        ),
        Claim(
            claim="lower latency",
            claimed="25× lower than [30]",
            here=latency,
            command="doit report:mnist_paper report:mnist_low_latency",
        ),
        Claim(
            claim="less energy per image",
            claimed="0.78 mJ by a power simulator; [30] 1 mJ, measured",
            here=energy,
            command="doit report:mnist_paper",
        ),
        Claim(
            claim="fewer connections in a layer",
            claimed="over a million reduced to about 2K",
            here=wires,
            command="doit synth:mnist_paper",
        ),
    )
