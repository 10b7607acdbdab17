# SPDX-License-Identifier: Apache-2.0
"""What the timing analyzer's report says of the clocks."""

import re
from dataclasses import dataclass, field

from xnorfpga.artefacts.synthesis import Clock
from xnorfpga.synth.quartus.reports import Run, Stage
from xnorfpga.synth.quartus.tables import number, quantity

JTAG_CLOCK = "altera_reserved_tck"  # made by debug logic, says nothing of the design
KINDS = {  # figure: what the analyzer calls the paths
    "setup_slack_ns": "Setup",
    "hold_slack_ns": "Hold",
    "recovery_slack_ns": "Recovery",
    "removal_slack_ns": "Removal",
    "pulse_width_slack_ns": "Minimum Pulse Width",
}
SLACK_TITLE = re.compile(rf"(?:.* Model )?({'|'.join(KINDS.values())}) Summary$")
SLACK_SUMMARY = re.compile(rf"Type\s*: (?:.* Model )?({'|'.join(KINDS.values())}) '(.*)'\s*\n\s*Slack\s*:\s*(\S+)")
FMAX_TITLE = re.compile(r"(?:(.*) Model )?Fmax Summary$")
SDC_READ = re.compile(r"Info \(332104\)|Info \(332166\): create_clock")  # a file, or commands inside the HDL
MADE_UP = re.compile(r"\((?:332105|332110)\): create_clock .*-name (\S+)")  # derive_clocks, derive_pll_clocks

Slacks = dict[tuple[str, str], float]  # (kind, clock): worst slack in ns


@dataclass
class _Row:
    """What the tables say of one clock."""

    type: str = ""
    master: str = ""
    period: float | None = None
    fmax: float | None = None
    restricted: float | None = None
    corners: dict[str, float] = field(default_factory=dict)


def read(run: Run, reasons: dict[str, str], cautions: list[str]) -> tuple[Clock, ...]:
    """Read all clocks; `reasons` and `cautions` grow by what there is to say of them."""
    sta = run.stages.get("sta")
    if sta is None:
        reasons["clocks"] = "there is no timing report"
        return ()
    doubts = run.doubts("sta")
    slacks, other = _table_slacks(sta), _summary_slacks(sta)
    if sta.has_report and sta.summary and slacks != other:
        kind, name = min(set(slacks.items()) ^ set(other.items()))[0]
        doubts.append(f"{sta.where} are of two runs: they differ in the {kind.lower()} slack of {name}")
    if doubts:
        reasons["clocks"] = "; ".join(doubts)
        return ()
    rows = _rows(sta)
    worst = slacks or other
    for _, name in worst:
        rows.setdefault(name, _Row())
    if not rows:
        reasons["clocks"] = f"{sta.where}: no clock, no path to report"
    clocks = tuple(_clock(name, row, rows, worst, sta, reasons) for name, row in rows.items())
    _warn(clocks, sta, cautions)
    return clocks


def choose(
    clocks: tuple[Clock, ...], name: str | None, mhz: float | None, has_report: bool, reasons: dict[str, str]
) -> float | None:
    """Fmax of the clock asked for by name or constraint, the worst over the corners, never that of the first row."""
    if not clocks:
        reasons["fmax_mhz"] = reasons["clocks"]
        return None
    if not has_report:
        reasons["fmax_mhz"] = "Fmax stands in sta.rpt, and there is only its summary"
        return None
    if name is not None:
        chosen, asked = [clock for clock in clocks if clock.name == name], f"named {name}"
    elif mhz is not None:
        chosen, asked = [clock for clock in clocks if _runs_at(clock, mhz)], f"constrained to {mhz:g} MHz"
    else:
        users = [clock for clock in clocks if clock.constrained and clock.name != JTAG_CLOCK]
        chosen = [clock for clock in users if clock.fmax_mhz is not None] or users
        asked = f"that the user constrained, {JTAG_CLOCK} aside"
    if len(chosen) != 1:
        there = ", ".join(clock.name for clock in clocks)
        number_of = f"{len(chosen)} clocks" if chosen else "no clock"
        reasons["fmax_mhz"] = f"{number_of} {asked}; accepted is one of {there}"
        return None
    if chosen[0].fmax_mhz is None:
        reasons["fmax_mhz"] = f"no paths to report: no register-to-register path of clock {chosen[0].name} is timed"
    return chosen[0].fmax_mhz


def _runs_at(clock: Clock, mhz: float) -> bool:
    """Tell whether a clock is the one of a frequency: to what a period in whole ps leaves open; a PLL's may be near."""
    return bool(clock.constrained and clock.period_ns) and abs(1000 / (clock.period_ns or 1) / mhz - 1) < 0.001


def _table_slacks(sta: Stage) -> Slacks:
    """Worst slack over the corners, from the report: Standard has a table for each corner, Pro one in all."""
    found: Slacks = {}
    for table in sta.tables:
        match = SLACK_TITLE.match(table.title)
        if match and table.header and table.header[0] == "Clock":
            for record in table.records():
                _keep_worst(found, match[1], record["Clock"], number(record.get("Slack", "")))
    return found


def _summary_slacks(sta: Stage) -> Slacks:
    found: Slacks = {}
    for kind, name, slack in SLACK_SUMMARY.findall(sta.summary):
        _keep_worst(found, kind, name, number(slack))
    return found


def _keep_worst(found: Slacks, kind: str, name: str, slack: float | None) -> None:
    if slack is not None:
        found[kind, name] = min(slack, found.get((kind, name), slack))


def _rows(sta: Stage) -> dict[str, _Row]:
    rows: dict[str, _Row] = {}
    for table in sta.tables:
        if table.title == "Clocks":
            for record in table.records():
                row = rows.setdefault(record.get("Clock Name", ""), _Row())
                row.type, row.master = record.get("Type", ""), record.get("Master", "")
                row.period = number(record.get("Period", ""))
        elif match := FMAX_TITLE.match(table.title):
            for record in table.records():
                row = rows.setdefault(record.get("Clock Name", ""), _Row())
                corner = match[1] or record.get("Worst-Case Operating Conditions", "").removesuffix(" Model")
                _add_fmax(row, corner, record)
    return rows


def _add_fmax(row: _Row, corner: str, record: dict[str, str]) -> None:
    fmax = quantity(record.get("Fmax", ""), "MHz")
    restricted = quantity(record.get("Restricted Fmax", ""), "MHz")
    if fmax is not None:
        row.corners[corner] = fmax
        row.fmax = min(fmax, row.fmax if row.fmax is not None else fmax)
    if restricted is not None:
        row.restricted = min(restricted, row.restricted if row.restricted is not None else restricted)


def _clock(name: str, row: _Row, rows: dict[str, _Row], worst: Slacks, sta: Stage, reasons: dict[str, str]) -> Clock:
    only_summary = f"it stands in sta.rpt, and there is only {sta.where}"
    no_path = f"{sta.where}: no register-to-register path of this clock"
    why = {
        "constrained": only_summary,
        "period_ns": f"{sta.where}: the table of clocks does not list it" if sta.has_report else only_summary,
        **dict.fromkeys(("fmax_mhz", "restricted_fmax_mhz", "fmax_by_corner_mhz"), no_path),
        **{figure: f"{sta.where}: no {kind.lower()} slack of this clock" for figure, kind in KINDS.items()},
    }
    if not sta.has_report:
        why |= dict.fromkeys(("fmax_mhz", "restricted_fmax_mhz", "fmax_by_corner_mhz"), only_summary)
    clock = Clock(
        name=name,
        constrained=_is_constrained(name, rows, sta) if sta.has_report else None,
        period_ns=row.period,
        fmax_mhz=row.fmax,
        restricted_fmax_mhz=row.restricted,
        fmax_by_corner_mhz=row.corners or None,
        **{figure: worst.get((kind, name)) for figure, kind in KINDS.items()},
    )
    reasons |= {f"clocks.{name}.{key}": why[key] for key, value in clock if value is None}
    return clock


def _is_constrained(name: str, rows: dict[str, _Row], sta: Stage) -> bool:
    """Tell whether the user constrained a clock: an SDC was read, and Quartus invented neither it nor its masters."""
    made_up = {match[1].strip("{}") for line in sta.messages if (match := MADE_UP.search(line))}
    if not any(SDC_READ.match(line) for line in sta.messages):
        return False
    seen = set()
    while name in rows and name not in seen:
        seen.add(name)
        if name in made_up:
            return False
        if rows[name].type != "Generated":
            return True
        name = rows[name].master
    return name not in made_up


def _warn(clocks: tuple[Clock, ...], sta: Stage, cautions: list[str]) -> None:
    """Add what does not stand in the figures: no date, unconstrained clocks, negative slack."""
    if not sta.has_report:
        cautions.append(f"{sta.where} bears no date: nothing shows that it is of this fit")
    if unconstrained := [clock.name for clock in clocks if clock.constrained is False]:
        cautions.append(f"timing: no constraint of the user's on {', '.join(unconstrained)}")
    for figure, kind in KINDS.items():
        slacks = {clock.name: getattr(clock, figure) for clock in clocks if clock.constrained is not False}
        failing = {name: slack for name, slack in slacks.items() if slack is not None and slack < 0}
        if failing:
            name = min(failing, key=lambda each: failing[each])
            cautions.append(f"timing is not met: {kind.lower()} slack {failing[name]:g} ns of {name}")
