# SPDX-License-Identifier: Apache-2.0
"""What the fitter's report says of resources."""

import re
from dataclasses import dataclass, field

from xnorfpga.synth.quartus.figures import Entity, Resources
from xnorfpga.synth.quartus.reports import Run, Stage
from xnorfpga.synth.quartus.tables import Table, available, number, own

USAGE = r"Fitter Resource Usage Summary"
EMBEDDED = r"Embedded Multiplier 9-bit elements"
ENTITIES = r"Fitter Resource Utilization by Entity"
SOURCES: dict[str, tuple[str | None, str | None]] = {  # figure: key of the summary, row of the resource table
    "alms": (r"Logic utilization \(in ALMs\)", r"ALMs needed|Logic utilization \(ALMs needed"),
    "alms_in_final_placement": (None, r"\[A\] ALMs used in final placement"),
    "logic_elements": (r"Total logic elements", r"Total logic elements"),
    "ffs": (r"Total (dedicated logic )?registers", None),
    "m10k": (r"Total RAM Blocks", r"M10K blocks"),
    "m20k": (r"Total RAM Blocks", r"M20K blocks"),
    "memory_bits": (r"Total (block )?memory bits", r"Total block memory bits"),
    "dsps": (r"Total DSP Blocks", r"DSP Blocks Needed|Total DSP Blocks"),
    "pins": (r"Total pins", r"I/O pins"),
    "plls": (r"Total PLLs", r"Fractional PLLs"),
}
MEMORY_BLOCKS = {  # families of which a summary's "Total RAM Blocks" are blocks of this kind
    "m10k": r"(Cyclone V|Arria V)$",
    "m20k": r"(Arria V GZ|Stratix V|Arria 10|Cyclone 10 GX|Stratix 10|Agilex.*)$",
}
COLUMNS: dict[str, str | tuple[str, ...]] = {  # of the table by entity
    "alms": "ALMs needed",
    "aluts": "Combinational ALUTs",
    "logic_elements": "Logic Cells",
    "ffs": "Dedicated Logic Registers",
    "memory_bits": ("Block Memory Bits", "Memory Bits"),
    "m10k": "M10Ks",
    "m20k": "M20Ks",
    "dsps": "DSP Blocks",
}


@dataclass
class _Reading:
    """Figures of the stage `fit` of a family, collected with the reason for each that is missing."""

    fit: Stage
    family: str | None
    values: dict[str, int] = field(default_factory=dict)
    available: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def read(run: Run, family: str | None, reasons: dict[str, str]) -> Resources:
    """Read the fitter's figures; `reasons` grows by why one is missing."""
    fit, why_not = _source(run)
    if fit is None:
        reasons |= dict.fromkeys(("fits", *SOURCES, "aluts", "entities"), why_not)
        none = dict.fromkeys(SOURCES)
        return Resources(fits=None, **none, aluts=None, available={}, entities=None)
    reading = _Reading(fit, family)
    for figure in SOURCES:
        _read_figure(reading, figure)
    aluts, entities = _aluts(reading), _entities(reading)
    fits = _fits(reading)
    reasons |= reading.reasons
    values = {figure: reading.values.get(figure) for figure in SOURCES}
    return Resources(fits=fits, **values, aluts=aluts, available=reading.available, entities=entities)


def _source(run: Run) -> tuple[Stage | None, str]:
    """Return the stage to read, the fitter's or else the whole flow's; where there is none, why."""
    if "fit" in run.stages:
        doubts = run.doubts("fit")
        return (None, "; ".join(doubts)) if doubts else (run.stages["fit"], "")
    flow = run.stages.get("flow")
    if flow is None:
        return None, "there is no fitter report"
    if flow.faults:
        return None, "; ".join(flow.faults)
    if not _fitted(flow):
        return None, f"there is no fitter report, and {flow.where} tells of no fit that ended: {flow.status}"
    return flow, ""


def _fitted(flow: Stage) -> bool:
    """Tell whether the fitter succeeded, by a flow report: it ran, and the flow was successful or went on after it."""
    table = flow.table(r"Flow Elapsed Time")
    modules = [row[0] for row in table.rows if row[0] != "Total"] if table else []
    ran = [i for i, module in enumerate(modules) if module.startswith("Fitter")]
    return bool(ran) and (bool(flow.ok) or ran[-1] + 1 < len(modules))


def _read_figure(reading: _Reading, figure: str) -> None:
    said = _said(reading, figure)
    value = next((value for value in map(number, said) if value is not None), None)
    unfit = _unfit(reading, figure)
    if unfit:
        reading.reasons[figure] = unfit
    elif value is None:
        reading.reasons[figure] = _why_none(reading, figure, said)
    else:
        reading.values[figure] = int(value)
        limit = next((limit for limit in map(available, said) if limit is not None), None)
        if limit is not None:
            reading.available[figure] = limit


def _said(reading: _Reading, figure: str) -> list[str]:
    """Return the cells that may hold a figure: of the summary, then of the resource table."""
    key, row = SOURCES[figure]
    texts = (reading.fit.get(key) if key else None, reading.fit.row(USAGE, row) if row else None)
    return [text for text in texts if text is not None]


def _unfit(reading: _Reading, figure: str) -> str | None:
    """Say why a figure does not apply to the family, None where it does."""
    fit, family = reading.fit, reading.family
    has_alms = fit.get(r"Logic utilization \(in ALMs\)") is not None or fit.row(USAGE, r"ALMs needed") is not None
    has_cells = fit.get(r"Total logic elements") is not None
    if figure == "logic_elements" and has_alms:
        return f"{family} is made of ALMs"
    if figure.startswith("alms") and has_cells and not has_alms:
        return f"{family} is made of logic elements, not ALMs"
    if figure == "dsps" and fit.get(EMBEDDED) is not None:
        return f"{family} has embedded multipliers, no DSP blocks"
    if figure in MEMORY_BLOCKS and fit.row(USAGE, SOURCES[figure][1] or "") is None:
        if family is None:
            return f"{fit.where} names no family, so the kind of its memory blocks is not known"
        if not re.match(MEMORY_BLOCKS[figure], family):
            return f"{family} has no {figure.upper()} blocks"
    return None


def _why_none(reading: _Reading, figure: str, said: list[str]) -> str:
    fit = reading.fit
    if said:
        return f"{fit.where}: {said[0]!r} is no number"
    key, row = SOURCES[figure]
    if fit.has_report:
        names = dict.fromkeys(_plain(part) for part in (key, row) if part)
        return f"{fit.where}: no row {' or '.join(names)}"
    if key is None:
        return f"{fit.where} does not tell it: it stands in the fitter's report (fit.rpt)"
    return f"{fit.where}: no key {_plain(key)}, and there is no fit.rpt"


def _plain(pattern: str) -> str:
    """Return a pattern as a text to read."""
    return re.sub(r"[\\?()$]", "", pattern).replace("|", " or ")


def _aluts(reading: _Reading) -> dict[str, int] | None:
    table = reading.fit.table(USAGE)
    cells = [(re.match(r"-- ((?:<=)?\d) input functions", row[0]), row[1]) for row in _pairs(table)]
    counts = {match[1]: number(text) for match, text in cells if match}
    found = {size: int(count) for size, count in counts.items() if count is not None}
    if found and len(found) == len(counts):
        return found
    where = "no table of ALUTs by number of inputs" if table else "there is no resource table: that stands in fit.rpt"
    reading.reasons["aluts"] = f"{reading.fit.where}: {where}"
    return None


def _pairs(table: Table | None) -> list[list[str]]:
    return [row for row in table.rows if len(row) > 1] if table else []


def _entities(reading: _Reading) -> tuple[Entity, ...] | None:
    """Read the table by entity; its long names stand in a column of their own."""
    table = reading.fit.table(ENTITIES)
    if table is None or table.column("Full Hierarchy Name") is None:
        missing = "no table by entity" if table is None else "the table by entity has no column Full Hierarchy Name"
        reading.reasons["entities"] = f"{reading.fit.where}: {missing}"
        return None
    titles = [
        (name, title) for title in table.header or [] for name, begin in COLUMNS.items() if title.startswith(begin)
    ]
    found = []
    for record in table.records():
        total = {name: value for name, title in titles if (value := number(record[title])) is not None}
        alone = {name: value for name, title in titles if (value := own(record[title])) is not None}
        found.append(Entity(path=record["Full Hierarchy Name"], total=total, own=alone))
    return tuple(found)


def _fits(reading: _Reading) -> bool | None:
    """Judge only where the amount of logic is known: a success without a figure shows nothing."""
    fit = reading.fit
    if fit.name == "fit" and fit.ok is None:
        reading.reasons["fits"] = f"{fit.where} does not say whether the fitter succeeded"
        return None
    over = [figure for figure, limit in reading.available.items() if reading.values[figure] > limit]
    if over or (fit.name == "fit" and not fit.ok):
        return False
    if "alms" not in reading.values and "logic_elements" not in reading.values:
        reading.reasons["fits"] = f"{fit.where} says {fit.status}, but not how much logic was placed"
        return None
    return True
