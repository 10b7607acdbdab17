# SPDX-License-Identifier: Apache-2.0
"""What the power analyzer's report says, and when its figures are worth nothing."""

import re
from collections.abc import Callable

from xnorfpga.artefacts.synthesis import Clock, Power
from xnorfpga.synth.quartus.figures import Resources
from xnorfpga.synth.quartus.reports import Run, Stage
from xnorfpga.synth.quartus.tables import number, quantity
from xnorfpga.synth.quartus.timing import JTAG_CLOCK

MIN_LOGIC = 10  # ALMs or logic elements; a fit of less has been optimised away, and its power is that of an empty chip
UNCONSTRAINED = re.compile(
    r"\((?:332068|332142)\): (No clocks defined in design|No user constrained base clocks found)"
)
FIGURES = {
    "core_dynamic_mw": r"Core Dynamic Thermal Power Dissipation",
    "core_static_mw": r"Core Static Thermal Power Dissipation",
    "io_mw": r"I/O Thermal Power Dissipation",
    "total_mw": r"Total Thermal Power Dissipation",
}
DOMAINS = r"Core Dynamic .* by Clock Domain"


def read(
    run: Run, resources: Resources, clocks: tuple[Clock, ...], reasons: dict[str, str], cautions: list[str]
) -> Power | None:
    """Read the power report, and refuse figures that do not mean what they seem to."""
    power = run.stages.get("pow")
    if power is None:
        reasons["power"] = "there is no power report"
        return None
    values = {name: quantity(power.get(key) or "", "mW") for name, key in FIGURES.items()}
    known = {name: value for name, value in values.items() if value is not None}
    confidence = power.get(r"Power Estimation Confidence")
    doubts = run.doubts("pow") + _doubts_of_run(power) + _doubts_of_values(power, known)
    doubts += _doubts_of_logic(run, power, resources, cautions) + _doubts_of_clocks(run, power, clocks, cautions)
    if doubts:
        said = ", ".join(f"{name} {value}" for name, value in known.items()) or "nothing"
        reasons["power"] = f"refused: {'; '.join(doubts)} (Quartus says {said}, confidence {confidence})"
        return None
    if not (confidence or "").startswith("High"):
        cautions.append(f"power: confidence {confidence}")
    cautions += [line for line in power.messages if re.search(r"\((215050|222013)\)", line)]
    result = Power(
        **known,
        confidence=confidence,
        method=_method(power),
        toggle_mtps=_toggles(power),
        by_block_mw=_column(power, r".*Power Dissipation by Block Type", "Total", lambda cell: quantity(cell, "mW")),
        by_clock_mw=_column(power, DOMAINS, "Total Core", number),
    )
    reason = "does not tell" if power.has_report else "does not tell, and there is no pow.rpt"
    reasons |= {f"power.{key}": f"{power.where} {reason}" for key, value in result if value is None}
    return result


def _doubts_of_run(power: Stage) -> list[str]:
    return [] if power.ok else [f"the power analyzer did not succeed: {power.status or 'no status'}"]


def _doubts_of_values(power: Stage, known: dict[str, float]) -> list[str]:
    missing = [name for name in FIGURES if name not in known]
    doubts = [f"{power.where} has no {', '.join(missing)}"] if missing else []
    if known.get("core_dynamic_mw") == 0:
        doubts.append("core dynamic power is 0: nothing toggles")
    return doubts


def _doubts_of_logic(run: Run, power: Stage, resources: Resources, cautions: list[str]) -> list[str]:
    """Doubt the power of a fit that holds next to nothing; the power analyzer's own count of signals tells as well."""
    if "fit" not in run.stages:
        cautions.append("power: no fitter report beside it to hold it against")
    cells = resources.alms if resources.alms is not None else resources.logic_elements
    counts = [count for count in (cells, _signals(power)) if count is not None]
    logic = 0 if resources.ffs == 0 else min(counts, default=None)
    if logic is None:
        cautions.append("power: how much logic was placed cannot be told")
    elif logic < MIN_LOGIC:
        return ["the fit holds next to no logic: the design was optimised away"]
    return []


def _doubts_of_clocks(run: Run, power: Stage, clocks: tuple[Clock, ...], cautions: list[str]) -> list[str]:
    """Doubt the power of a design without a clock: its toggle rates are then 0."""
    domains = _column(power, DOMAINS, "Clock Frequency", number)
    message = next((match[1] for line in power.messages if (match := UNCONSTRAINED.search(line))), None)
    if message:
        return [f"no clock is constrained: {message}"]
    if domains is not None:
        timed = [name for name, mhz in domains.items() if mhz and name != JTAG_CLOCK]
        but = f" but {JTAG_CLOCK}" if JTAG_CLOCK in domains else ""
        return [] if timed else [f"no clock is constrained{but}"]
    if "sta" in run.stages:
        users = [clock for clock in clocks if clock.constrained is not False and clock.name != JTAG_CLOCK]
        return [] if users else ["no clock is constrained"]
    cautions.append("power: whether a clock is constrained cannot be told")
    return []


def _signals(power: Stage) -> float | None:
    """Registered and combinational signals that the power analyzer saw; None where it does not tell."""
    table = power.table(r"Confidence Metric Details")
    if table is None or not table.header:
        return None
    columns = [i for name in ("Registered", "Combinational") if (i := table.column(name)) is not None]
    rows = [row for row in table.rows if "Toggle Rate" in row[0] and "Zero" not in row[0]]
    counts = [number(row[i]) for row in rows for i in columns if i < len(row)]
    return sum(count for count in counts if count is not None) if counts else None


def _toggles(power: Stage) -> float | None:
    said = [line for line in power.messages if "Average toggle rate for this design is" in line]
    match = re.search(r"is (\d[\d.,]*) millions", said[-1]) if said else None
    return float(match[1].replace(",", "")) if match else None


def _method(power: Stage) -> str | None:
    """Tell where the toggle rates come from."""
    files = power.table(r".*Simulation Files Read")
    if files and files.header and files.rows:
        return "simulation file " + ", ".join(record["File Name"] for record in files.records())
    vectorless = power.row(r".*Power Analyzer Settings", r"Use vectorless estimation")
    if vectorless is None:
        return None
    return "vectorless estimation" if vectorless == "On" else "default toggle rates"


def _column(power: Stage, title: str, column: str, value: Callable[[str], float | None]) -> dict[str, float] | None:
    """Read the numbers in one column of a table by its first column; None where there is no such table."""
    table = power.table(title)
    index = table.column(column) if table else None
    if table is None or index is None:
        return None
    cells = {row[0]: value(row[index]) for row in table.rows if len(row) > index}
    return {name: number for name, number in cells.items() if number is not None}
