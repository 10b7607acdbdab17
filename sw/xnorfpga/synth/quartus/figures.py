# SPDX-License-Identifier: Apache-2.0
"""Reads Quartus' text reports, version 13.0 to 25.1: what was placed, how fast it is, what it draws.

Tolerant in form: a report is known by its first line, not its file's name; wordings of all versions, CRLF, and Latin-1
are read; tables are found by title. Strict in meaning: a figure that is missing or cannot be trusted is None, with the
reason under "reasons".
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from xnorfpga.base.errors import UserError

MIN_LOGIC = 10  # ALMs or logic elements; a fit of less has been optimised away, and its power is that of an empty chip
JTAG_CLOCK = "altera_reserved_tck"  # made by debug logic, says nothing of the design
BY_DEFAULT = re.compile(r"\(332105\): create_clock -period \S+ -name (\S+)")  # clocks that derive_clocks made up
UNCONSTRAINED = re.compile(
    r"\((?:332068|332142)\): (No clocks defined in design|No user constrained base clocks found)"
)

STAGES = (  # how a report's or summary's first line names the tool
    ("Analysis & Synthesis", "map"),
    ("Partition Merge", "merge"),
    ("Fitter", "fit"),
    ("Assembler", "asm"),
    ("Timing Analyzer", "sta"),
    ("Power Analyzer", "pow"),
    ("Flow", "flow"),
    ("EDA Netlist Writer", "eda"),
    ("Synthesis", "map"),
)


# Text ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """A table of a report: its title, its column names (None where it has only keys and values), rows of cells."""

    title: str
    header: list[str] | None
    rows: list[list[str]]

    def column(self, name: str) -> int | None:
        """Index of the column whose name begins with `name`."""
        return next((i for i, cell in enumerate(self.header or []) if cell.startswith(name)), None)


def read(path: Path) -> list[str]:
    """Read a report's lines: UTF-8 or UTF-16 with a mark, else Latin-1; any line ends."""
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    return re.split(r"\r\n|\r|\n", text)


def _is_rule(line: str) -> bool:
    return len(line) > 2 and line[0] in "+-" and not line.strip("+-")


def _cells(line: str, rule: str) -> list[str]:
    """Split a row; where it is as long as the rule above, the rule's crosses say where, since cells may hold a `;`."""
    if len(line) == len(rule):
        edges = [i for i, sign in enumerate(rule) if sign == "+"]
        if len(edges) > 1 and all(line[i] == ";" for i in edges):
            return [line[a + 1 : b].strip() for a, b in pairwise(edges)]
    return [cell.strip() for cell in line.strip().strip(";").split(";")]


def tables(lines: list[str]) -> list[Table]:
    """Find all tables: a rule, a title, a rule, rows; with column names there is one more rule below them."""
    found = []
    for is_table, block in groupby((line.rstrip() for line in lines), lambda line: line[:1] == ";" or _is_rule(line)):
        box = list(block)
        if is_table and _is_rule(box[0]):
            del box[0]
        if not (is_table and len(box) >= 2 and box[0][0] == ";" and _is_rule(box[1])):
            continue
        groups: list[list[list[str]]] = [[]]
        for line in box[1:]:
            if _is_rule(line):
                rule = line
                groups.append([])
            else:
                groups[-1].append(_cells(line, rule))
        groups = [group for group in groups if group]
        header = groups.pop(0)[-1] if len(groups) > 1 else None
        found.append(Table(box[0].strip("; "), header, [row for group in groups for row in group]))
    return found


def number(text: str) -> float | None:
    """Return the first number of a cell such as `1,234 / 32,070 ( 4 % )`; None for N/A, `--`, `< 1` and the like."""
    match = re.match(r"-?\d[\d,]*(?:\.\d+)?(?=$|[\s/(%])", text.strip())
    return float(match[0].replace(",", "")) if match else None


def available(text: str) -> int | None:
    """Return the second number of a cell such as `1,234 / 32,070 ( 4 % )`."""
    match = re.match(r"[^/(]*/\s*(\d[\d,]*)", text)
    return int(match[1].replace(",", "")) if match else None


def quantity(text: str, unit: str) -> float | None:
    """Return a number in `unit` ("mW", "MHz"), whatever the prefix it is written with: `1.2 W` is 1200 mW."""
    match = re.fullmatch(r"(-?\d[\d,]*(?:\.\d+)?)\s*([munkMG]?)" + unit[1:], text.strip())
    if not match:
        return None
    power = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9}
    return round(float(match[1].replace(",", "")) * 10.0 ** (power[match[2]] - power[unit[0]]), 6)


def timestamp(text: str) -> datetime | None:
    """Find a time such as `Wed Apr 12 17:09:36 2023`."""
    match = re.search(r"([A-Z][a-z]{2}) +(\d{1,2}) +(\d\d):(\d\d):(\d\d) +(\d{4})", text)
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    if not match or match[1] not in months:
        return None
    day, hour, minute, second, year = (int(part) for part in match.groups()[1:])
    return datetime(year, months.index(match[1]) + 1, day, hour, minute, second)


# Files ---------------------------------------------------------------------------------------------------------------


@dataclass
class Stage:
    """What one tool left behind: its summary's and report's keys and values, tables, messages."""

    name: str
    files: list[str]
    facts: dict[str, str]
    conflicts: dict[str, str]
    tables: list[Table]
    messages: list[str]
    time: datetime | None
    summary: str
    has_report: bool

    def get(self, pattern: str) -> str | None:
        """Value of the key that the pattern matches from its first letter on."""
        return next((value for key, value in self.facts.items() if re.match(pattern, key)), None)

    def table(self, pattern: str) -> Table | None:
        """First table whose title the pattern matches from its first letter on."""
        return next((table for table in self.tables if re.match(pattern, table.title)), None)

    def row(self, table: str, pattern: str) -> str | None:
        """Second cell of a table's row whose first cell the pattern matches."""
        found = self.table(table)
        return next(
            (row[1] for row in (found.rows if found else []) if len(row) > 1 and re.match(pattern, row[0])), None
        )

    @property
    def status(self) -> str | None:
        """What the tool says of its own run, such as `Successful`."""
        text = self.get(r".*Status$")
        if text:
            return text.split(" - ")[0].strip()
        ends = [line for line in self.messages if re.search(r" was (un)?successful\. \d+ error", line)]
        return None if not ends else "Successful" if re.search(r" was successful\. 0 errors", ends[-1]) else "Failed"

    @property
    def ok(self) -> bool:
        """True where the tool ended well, by its summary and by its messages."""
        failed = any(re.search(r" was (unsuccessful|successful\. [1-9]\d* error)", line) for line in self.messages)
        return (self.status or "").startswith("Successful") and not failed


def _stage_of(lines: list[str], path: Path) -> tuple[str, bool] | None:
    """Tell a file's stage and whether it is a report (else a summary); None for another kind of file."""
    head = [line.strip() for line in lines[:8] if line.strip(" -")]
    first = head[0] if head else ""
    for words, stage in STAGES:
        if re.match(rf".*{words} report for ", first):
            return stage, True
        if re.match(rf".*{words} Status\s*:", first) or re.fullmatch(rf".*{words} Summary", first):
            return stage, False
    named = re.search(r"\.(map|syn|merge|fit|asm|sta|pow|flow|eda)\.(rpt|summary)$", path.name, re.IGNORECASE)
    return ({"syn": "map"}.get(named[1].lower(), named[1].lower()), named[2].lower() == "rpt") if named else None


def _candidates(path: Path) -> list[Path]:
    """Report files under a directory, its `output_files`, at a prefix `DIR/REVISION`, or the one file itself."""
    if path.is_file():
        return [path]
    places = [(path, ""), (path / "output_files", "")] if path.is_dir() else [(path.parent, path.name + ".")]
    for directory, prefix in places:
        files = directory.iterdir() if directory.is_dir() else ()
        found = sorted(f for f in files if f.name.startswith(prefix) and f.suffix.lower() in (".rpt", ".summary"))
        if found:
            return found
    raise UserError(f"{path}: no Quartus report; accepted is a directory or DIR/REVISION with *.rpt or *.summary files")


def _stages(path: Path) -> dict[str, Stage]:
    """Read all reports at `path`, a summary and a report of one tool merged.

    Raises UserError where there are none, or those of several revisions.
    """
    read_files: dict[str, dict[bool, tuple[Path, list[str]]]] = {}
    for file in _candidates(path):
        lines = read(file)
        kind = _stage_of(lines, file)
        if kind is None:
            continue
        stage, is_report = kind
        if is_report in read_files.setdefault(stage, {}):
            other = read_files[stage][is_report][0]
            raise UserError(f"{path}: two {stage} reports, {other.name} and {file.name}; choose with DIR/REVISION")
        read_files[stage][is_report] = file, lines
    if not read_files:
        raise UserError(f"{path}: no file begins as a Quartus report does")
    return {name: _stage(name, files) for name, files in read_files.items()}


def _stage(name: str, files: dict[bool, tuple[Path, list[str]]]) -> Stage:
    stage = Stage(name, sorted(file.name for file, _ in files.values()), {}, {}, [], [], None, "", True in files)
    if False in files:
        stage.summary = "\n".join(files[False][1])
        for line in files[False][1]:
            key, separator, value = line.partition(" : ")
            if separator and name != "sta":
                stage.facts[key.strip()] = value.strip()
    if True in files:
        lines = files[True][1]
        stage.tables = tables(lines)
        stage.messages = [
            line.strip() for line in lines if re.match(r"\s*(Info|Warning|Critical Warning|Error)\b", line)
        ]
        stage.time = next((time for time in map(timestamp, lines[:5]) if time), None)
        summary = stage.table(r".*(Fitter|Synthesis|Power Analyzer|Merge|Assembler|Flow) Summary$")
        for row in summary.rows if summary else []:
            if len(row) == 2 and row[0]:
                old = stage.facts.setdefault(row[0], row[1])
                if " ".join(old.split()) != " ".join(row[1].split()):
                    stage.conflicts[row[0]] = (
                        f"{stage.files} are of two runs: {row[0]} is {old} in one, {row[1]} in the other"
                    )
    stage.time = timestamp(stage.get(r".*Status$") or "") or stage.time
    return stage


# Meaning -------------------------------------------------------------------------------------------------------------


def parse(path: Path | str, clock: str | None = None, clock_mhz: float | None = None) -> dict[str, Any]:
    """Read the Quartus reports of one revision.

    `path` is a directory (or has them in its `output_files`), a prefix DIR/REVISION, or one file. `clock` or
    `clock_mhz` says which clock's Fmax is asked for: by its name, or as the one with that constraint.

    Returns a dictionary; any figure may be None, and then "reasons" says why, under the figure's key:
    `revision`, `top`, `family`, `device`, `version`; `stages` (for each tool `ok`, `status`, `time`, `files`);
    `fits`; `alms` ("ALMs needed", of dense packing) and `alms_in_final_placement`; `logic_elements` (families without
    ALMs); `ffs`; `m10k`; `dsps`; `memory_bits`; `pins`; `plls`; `available` of these; `aluts` by number of inputs;
    `clocks` (for each name `fmax_mhz`, `restricted_fmax_mhz`, `period_ns`, `setup_slack_ns`, `hold_slack_ns`: the worst
    over all corners; `constrained`: by the user, not by default); `fmax_mhz`; `power` (milliwatts: `core_dynamic_mw`,
    `core_static_mw`, `io_mw`, `total_mw`, with `confidence`, `method`, `toggle_mtps`, `by_block_mw`, `by_clock_mw`);
    `cautions`.

    Raises UserError where there is no report or more than one revision's.
    """
    path = Path(path)
    stages = _stages(path)
    reasons: dict[str, str] = {}
    cautions: list[str] = []
    result: dict[str, Any] = {"path": str(path)}
    result |= _identity(stages, reasons, cautions)
    result["stages"] = {
        name: {
            "ok": stage.ok if stage.status else None,
            "status": stage.status,
            "time": stage.time.isoformat() if stage.time else None,
            "files": stage.files,
        }
        for name, stage in stages.items()
    }
    result |= _resources(stages.get("fit") or stages.get("flow"), result["family"], reasons, cautions)
    result["clocks"] = _clocks(stages, reasons)
    result["fmax_mhz"] = _fmax(result["clocks"], stages, clock, clock_mhz, reasons)
    result["power"] = _power(stages, result, reasons, cautions)
    return result | {"reasons": reasons, "cautions": cautions}


main_report = parse


def _identity(stages: dict[str, Stage], reasons: dict[str, str], cautions: list[str]) -> dict[str, str | None]:
    keys = {
        "revision": r"Revision Name$",
        "top": r"Top-level Entity Name$",
        "family": r"(Device )?Family$",
        "device": r"Device( Name)?$",
        "version": r"Quartus .*Version$",
    }
    order = [stages[name] for name in ("fit", "map", "merge", "pow", "sta", "asm", "flow") if name in stages]
    for stage in order:
        for table in stage.tables:
            if table.title.endswith("Timing Analyzer Summary"):
                stage.facts |= {row[0]: row[1].removeprefix("Version ") for row in table.rows if len(row) == 2}
        cautions += stage.conflicts.values()
    result: dict[str, str | None] = {}
    for key, pattern in keys.items():
        said = {stage.name: value for stage in order if (value := stage.get(pattern))}
        result[key] = next(iter(said.values()), None)
        if not said:
            reasons[key] = f"none of {', '.join(file for stage in order for file in stage.files)} names it"
        elif len(set(said.values())) > 1:
            cautions.append(f"the reports differ in {key}: {', '.join(f'{k} {v}' for k, v in said.items())}")
    return result


def _resources(fit: Stage | None, family: str | None, reasons: dict[str, str], cautions: list[str]) -> dict[str, Any]:
    usage = r"Fitter Resource Usage Summary"
    figures: dict[str, tuple[str, str | None]] = {  # figure: key of the summary, row of the resource table
        "alms": (r"Logic utilization \(in ALMs\)", r"ALMs needed|Logic utilization \(ALMs needed"),
        "alms_in_final_placement": (r"(?!)", r"\[A\] ALMs used in final placement"),
        "logic_elements": (r"Total logic elements", r"Total logic elements"),
        "ffs": (r"Total registers", r"Total registers"),
        "m10k": (r"Total RAM Blocks", r"M10K blocks"),
        "memory_bits": (r"Total (block )?memory bits", r"Total block memory bits"),
        "dsps": (r"Total DSP Blocks", r"Total DSP Blocks"),
        "pins": (r"Total pins", r"I/O pins"),
        "plls": (r"Total PLLs", r"Fractional PLLs"),
    }
    result: dict[str, Any] = {"fits": None} | dict.fromkeys(figures) | {"aluts": None, "available": {}}
    if fit is None:
        reasons |= dict.fromkeys(["fits", *figures, "aluts"], "there is no fitter report")
        return result
    files = ", ".join(fit.files)
    has_alms = fit.get(figures["alms"][0]) is not None or fit.row(usage, r"ALMs needed") is not None
    for figure, (key, row) in figures.items():
        conflict = next((text for name, text in fit.conflicts.items() if re.match(key, name)), None)
        said = [text for text in (fit.get(key), fit.row(usage, row) if row else None) if text is not None]
        value = next((v for v in map(number, said) if v is not None), None)
        if conflict:
            reasons[figure] = conflict
        elif figure == "m10k" and family != "Cyclone V" and fit.row(usage, r"M10K blocks") is None:
            reasons[figure] = f"{family} does not count M10K blocks"
        elif figure == "logic_elements" and has_alms:
            reasons[figure] = f"{family} is made of ALMs"
        elif figure == "alms" and value is None and fit.get(r"Total logic elements"):
            reasons[figure] = f"{family} is made of logic elements, not ALMs"
        elif value is None:
            where = "" if fit.has_report else ", and there is no fit.rpt"
            reasons[figure] = f"{files}: {said[0]!r} is no number" if said else f"{files} does not say{where}"
        else:
            result[figure] = int(value)
            limit = next((a for a in map(available, said) if a is not None), None)
            if limit is not None:
                result["available"][figure] = limit
    table = fit.table(usage)
    inputs = [(re.match(r"-- (\d|<=3) input functions", row[0]), row) for row in (table.rows if table else [])]
    aluts = {match[1]: number(row[1]) for match, row in inputs if match and len(row) > 1}
    if aluts and None not in aluts.values():
        result["aluts"] = {size: int(count) for size, count in aluts.items() if count is not None}
    else:
        reasons["aluts"] = f"{files}: no table of ALUTs by number of inputs"
    if not fit.ok:
        cautions.append(f"the fitter did not succeed: {fit.status or 'no status in ' + files}")
    over = [figure for figure, limit in result["available"].items() if result[figure] > limit]
    result["fits"] = fit.ok and not over
    return result


def _clocks(stages: dict[str, Stage], reasons: dict[str, str]) -> dict[str, dict[str, Any]]:
    sta, fit = stages.get("sta"), stages.get("fit")
    if sta is None:
        reasons["clocks"] = "there is no timing report"
        return {}
    if sta.time and fit and fit.time and sta.time < fit.time:
        reasons["clocks"] = f"the timing report ({sta.time}) is older than the fit ({fit.time})"
        return {}
    clocks: dict[str, dict[str, Any]] = {}

    def worst(name: str, key: str, value: float | None) -> None:
        fields = ("fmax_mhz", "restricted_fmax_mhz", "period_ns", "setup_slack_ns", "hold_slack_ns", "constrained")
        clock = clocks.setdefault(name, dict.fromkeys(fields))
        if value is not None:
            clock[key] = value if clock[key] is None else min(clock[key], value)

    for table in sta.tables:
        header = table.header or []
        if "Fmax Summary" in table.title and "Clock Name" in header:
            for row in table.rows:
                if len(row) == len(header):
                    cells = dict(zip(header, row, strict=True))
                    worst(cells["Clock Name"], "fmax_mhz", quantity(cells.get("Fmax", ""), "MHz"))
                    worst(cells["Clock Name"], "restricted_fmax_mhz", quantity(cells.get("Restricted Fmax", ""), "MHz"))
        elif table.title == "Clocks" and "Clock Name" in header and "Period" in header:
            for row in table.rows:
                if len(row) == len(header):
                    worst(row[header.index("Clock Name")], "period_ns", number(row[header.index("Period")]))
        elif match := re.match(r".* Model (Setup|Hold) Summary$", table.title):
            for row in table.rows if "Slack" in header else []:
                if len(row) == len(header):
                    worst(row[0], f"{match[1].lower()}_slack_ns", number(row[header.index("Slack")]))
    for kind, name, slack in re.findall(r"Type\s*: .*?(Setup|Hold) '(.*)'\s*\n\s*Slack\s*:\s*(\S+)", sta.summary):
        worst(name, f"{kind.lower()}_slack_ns", number(slack))
    by_default = {match[1] for line in sta.messages if (match := BY_DEFAULT.search(line))}
    for name, clock in clocks.items():
        clock["constrained"] = name not in by_default if sta.has_report else None
    if not clocks:
        reasons["clocks"] = f"{', '.join(sta.files)}: no clock, no path to report"
    return clocks


def _fmax(
    clocks: dict[str, dict[str, Any]],
    stages: dict[str, Stage],
    clock: str | None,
    clock_mhz: float | None,
    reasons: dict[str, str],
) -> float | None:
    """Fmax of the clock asked for, the worst over the corners, never that of the first row."""
    timed = {name: values for name, values in clocks.items() if values["fmax_mhz"] is not None}
    sta = stages.get("sta")
    if not timed:
        if reasons.get("clocks"):
            reason = reasons["clocks"]
        elif sta and not sta.has_report:
            reason = f"Fmax stands in sta.rpt, and there is only {', '.join(sta.files)}"
        else:
            reason = "no paths to report: no register-to-register path is timed"
        reasons["fmax_mhz"] = reason
        return None
    if clock is not None:
        chosen = [name for name in timed if name == clock]
        asked = f"named {clock}"
    elif clock_mhz is not None:
        periods = {name: values["period_ns"] for name, values in timed.items() if values["constrained"]}
        chosen = [name for name, period in periods.items() if period and abs(1000 / period / clock_mhz - 1) < 0.01]
        asked = f"constrained to {clock_mhz:g} MHz"
    else:
        chosen = [name for name, values in timed.items() if values["constrained"] and name != JTAG_CLOCK]
        asked = "constrained by the user"
    if len(chosen) != 1:
        reasons["fmax_mhz"] = f"{len(chosen) or 'no'} clocks {asked}; there are {', '.join(timed)}: name one"
        return None
    return timed[chosen[0]]["fmax_mhz"]


def _power(
    stages: dict[str, Stage], result: dict[str, Any], reasons: dict[str, str], cautions: list[str]
) -> dict[str, Any] | None:
    """Read the power report, and refuse figures that do not mean what they seem to."""
    power, fit, sta = stages.get("pow"), stages.get("fit"), stages.get("sta")
    if power is None:
        reasons["power"] = "there is no power report"
        return None
    keys = {
        "core_dynamic_mw": r"Core Dynamic Thermal Power Dissipation",
        "core_static_mw": r"Core Static Thermal Power Dissipation",
        "io_mw": r"I/O Thermal Power Dissipation",
        "total_mw": r"Total Thermal Power Dissipation",
    }
    values = {name: quantity(power.get(key) or "", "mW") for name, key in keys.items()}
    doubts = _doubts(power, fit, sta, result, cautions)
    missing = [name for name, value in values.items() if value is None]
    if missing:
        doubts.append(f"{', '.join(power.files)} has no {', '.join(missing)}")
    if values["core_dynamic_mw"] == 0:
        doubts.append("core dynamic power is 0: nothing toggles")
    confidence = power.get(r"Power Estimation Confidence")
    if doubts:
        said = ", ".join(f"{name} {value}" for name, value in values.items() if value is not None)
        reasons["power"] = f"refused: {'; '.join(doubts)} (Quartus says {said}, confidence {confidence})"
        return None
    average = [line for line in power.messages if "Average toggle rate for this design is" in line]
    toggles = re.search(r"is (\d[\d.,]*) millions", average[-1]) if average else None
    if not (confidence or "").startswith("High"):
        cautions.append(f"power: confidence {confidence}")
    cautions += [line for line in power.messages if re.search(r"\((215050|222013)\)", line)]
    return values | {
        "confidence": confidence,
        "method": _method(power),
        "toggle_mtps": float(toggles[1].replace(",", "")) if toggles else None,
        "by_block_mw": _power_rows(power, r".*Power Dissipation by Block Type", "Total", lambda c: quantity(c, "mW")),
        "by_clock_mw": _power_rows(power, r"Core Dynamic .* by Clock Domain", "Total Core", number),
    }


def _doubts(
    power: Stage, fit: Stage | None, sta: Stage | None, result: dict[str, Any], cautions: list[str]
) -> list[str]:
    """List what makes a power report's figures worthless."""
    doubts = []
    if not power.ok:
        doubts.append(f"the power analyzer did not succeed: {power.status or 'no status'}")
    if power.conflicts:
        doubts.append("its report and its summary are of two runs")
    logic: float | None
    if fit is None:
        logic = _signals(power)
        cautions.append("power: no fitter report beside it to hold it against")
    else:
        if not fit.ok:
            doubts.append("the fit did not succeed")
        for key in (r"Revision Name$", r"Top-level Entity Name$", r"Device$", r"Quartus .*Version$"):
            ours, theirs = power.get(key), fit.get(key)
            if ours and theirs and ours != theirs:
                doubts.append(f"{key.rstrip('$').removeprefix('Quartus .*')} is {ours}, in the fit {theirs}")
        if power.time and fit.time and power.time < fit.time:
            doubts.append(f"it is of {power.time}, before the fit of {fit.time}")
        cells = result["alms"] if result["alms"] is not None else result["logic_elements"]
        logic = min((v for v in (cells, _signals(power)) if v is not None), default=None)
        if result["ffs"] == 0:
            logic = 0
    if logic is None:
        cautions.append("power: how much logic was placed cannot be told")
    elif logic < MIN_LOGIC:
        doubts.append("the fit holds next to no logic: the design was optimised away")

    domains = _power_rows(power, r"Core Dynamic .* by Clock Domain", "Clock Frequency", number)
    timed = [name for name, mhz in (domains or {}).items() if mhz and name != JTAG_CLOCK]
    message = next((match[1] for line in power.messages if (match := UNCONSTRAINED.search(line))), None)
    if message:
        doubts.append(f"no clock is constrained: {message}")
    elif domains is not None:
        if not timed:
            doubts.append("no clock is constrained" + (f" but {JTAG_CLOCK}" if JTAG_CLOCK in domains else ""))
    elif sta is not None:
        users = [n for n, c in result["clocks"].items() if c["constrained"] is not False and n != JTAG_CLOCK]
        if not users:
            doubts.append("no clock is constrained")
    else:
        cautions.append("power: whether a clock is constrained cannot be told")
    return doubts


def _signals(power: Stage) -> float | None:
    """Registered and combinational signals that the power analyzer saw; None where it does not tell."""
    table = power.table(r"Confidence Metric Details")
    if table is None or not table.header:
        return None
    columns = [i for name in ("Registered", "Combinational") if (i := table.column(name)) is not None]
    rows = [row for row in table.rows if "Toggle Rate" in row[0] and "Zero" not in row[0]]
    counts = [number(row[i]) for row in rows for i in columns if i < len(row)]
    return sum(count for count in counts if count is not None) if counts else None


def _method(power: Stage) -> str | None:
    """Tell where the toggle rates come from."""
    files = power.table(r".*Simulation Files Read")
    if files and files.header and files.rows:
        name = files.column("File Name")
        return "simulation file " + ", ".join(row[name] for row in files.rows if name is not None)
    vectorless = power.row(r".*Power Analyzer Settings", r"Use vectorless estimation")
    if vectorless is None:
        return None
    return "vectorless estimation" if vectorless == "On" else "default toggle rates"


def _power_rows(
    power: Stage, title: str, column: str, value: Callable[[str], float | None]
) -> dict[str, float | None] | None:
    """Read one column of a table by its first column; None where there is no such table."""
    table = power.table(title)
    index = table.column(column) if table else None
    if table is None or index is None:
        return None
    return {row[0]: value(row[index]) for row in table.rows if len(row) > index}
