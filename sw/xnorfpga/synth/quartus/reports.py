# SPDX-License-Identifier: Apache-2.0
"""Which reports there are, whether each is whole, and whether they are of one run of one design.

Tolerant in form: a report is known by its first line, not by its file's name. Strict in trust: a file without its
closing part is left out, and of the reports that are left each stage says what speaks against it (`Run.doubts`).
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from xnorfpga.base.errors import UserError
from xnorfpga.synth.quartus.tables import Table, read, tables, timestamp

STAGES = {  # how the first line of a report or summary names the tool; "Analyzer" alone would be two tools
    "map": r"(Analysis & )?Synthesis",
    "merge": "Partition Merge",
    "fit": "Fitter",
    "asm": "Assembler",
    "sta": r"(TimeQuest )?Timing Analyzer",
    "pow": r"(PowerPlay )?Power Analyzer",
    "eda": "EDA Netlist Writer",
    "flow": "Flow",
}
WORDS = {  # for messages
    "map": "synthesis",
    "merge": "partition merge",
    "fit": "fit",
    "asm": "assembler",
    "sta": "timing analysis",
    "pow": "power analysis",
    "eda": "netlist writer",
    "flow": "flow",
}
BEFORE = {"merge": ("map",), "fit": ("merge", "map")} | dict.fromkeys(("asm", "sta", "pow"), ("fit", "merge", "map"))
NAMED = re.compile(r"\.(map|syn|merge|fit|asm|sta|pow|flow|eda)\.(rpt|summary)$", re.IGNORECASE)
CLOSING = re.compile(r"\s*(Info|Error)(?: \(\d+\))?: Quartus .* was (un)?successful\. (\d+) error")
SUMMARY_ENDS = {"fit": r"Total PLLs|UFM blocks", "pow": r"Power Estimation Confidence"}  # keys that stand last
IDENTITY = {
    "revision": r"Revision Name$",
    "top": r"Top-level Entity Name$",
    "family": r"(Device )?Family$",
    "device": r"Device( Name)?$",
    "version": r"Quartus .*Version$",
}
LABELS = {"revision": "Revision Name", "top": "Top-level Entity Name", "device": "Device", "version": "Version"}


# Files ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Report:
    """One file: a report (.rpt) or a summary of a stage."""

    name: str
    stage: str
    is_summary: bool
    text: str

    @property
    def lines(self) -> list[str]:
        """The text's lines."""
        return self.text.split("\n")

    @property
    def missing(self) -> str | None:
        """What the file's end lacks, None where it is whole: a cut file may end inside a number."""
        if self.is_summary:
            return self._missing_of_summary()
        if self.stage == "flow":
            return None if "; Flow Log ;" in self.text else "there is no flow log at its end"
        if any(CLOSING.match(line) for line in self.lines):
            return None
        return "the closing message, which says whether the tool was successful, is missing"

    def _missing_of_summary(self) -> str | None:
        if not self.text.endswith("\n"):
            return "its last line does not end"
        if self.stage == "sta":
            dashes = [line.startswith("-----") for line in self.lines if line]
            return None if dashes[-1] and sum(dashes) > 2 else "the closing line of dashes is missing"
        last = SUMMARY_ENDS.get(self.stage)
        if last and not re.search(rf"^ *({last})", self.text, re.MULTILINE):
            return f"{last.replace('|', ' or ')} is missing, which stands at its end"
        return None


def _identify(path: Path, text: str) -> tuple[str, bool] | None:
    """Tell a file's stage and whether it is a summary; None for another kind of file.

    Raises UserError for a file that is named as a report and does not begin as one.
    """
    first = next((line.strip() for line in text.split("\n")[:8] if line.strip(" -")), "")
    for stage, words in STAGES.items():
        if re.match(rf"({words}) report( for |$)", first):
            return stage, False
        if re.match(rf"({words}) Status\s*:|({words}) Summary$", first):
            return stage, True
    if NAMED.search(path.name):
        raise UserError(
            f"{path}: begins with {first[:60]!r}, as no Quartus report does; remove it or run Quartus again"
        )
    return None


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


# A stage -------------------------------------------------------------------------------------------------------------


@dataclass
class Stage:
    """What one tool left behind: its report's and summary's keys and values, tables, messages.

    Only whole files are read; `faults` says why nothing of this stage can be believed.
    """

    name: str
    files: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    time: datetime | None = None
    summary: str = ""
    has_report: bool = False
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def where(self) -> str:
        """The files' names, for a message."""
        return ", ".join(self.files)

    def get(self, pattern: str) -> str | None:
        """Value of the key that the pattern matches from its first letter on."""
        return next((value for key, value in self.facts.items() if re.match(pattern, key)), None)

    def table(self, pattern: str) -> Table | None:
        """First table whose title the pattern matches from its first letter on."""
        return next((table for table in self.tables if re.match(pattern, table.title)), None)

    def row(self, table: str, pattern: str) -> str | None:
        """Second cell of a table's row whose first cell the pattern matches."""
        found = self.table(table)
        rows = found.rows if found else []
        return next((row[1] for row in rows if len(row) > 1 and re.match(pattern, row[0])), None)

    @property
    def status(self) -> str | None:
        """What the tool says of its own run, such as `Successful`, `Failed`, `Assembler Failed`."""
        text = self.get(rf"({STAGES[self.name]}) Status$")
        if text:
            return text.split(" - ")[0].strip()
        ends = [match for line in self.messages if (match := CLOSING.match(line))]
        return None if not ends else "Failed" if ends[-1][2] or ends[-1][3] != "0" else "Successful"

    @property
    def ok(self) -> bool | None:
        """Whether the tool ended well, by its summary and by its messages; None where neither tells."""
        if self.status is None:
            return None
        ends = [match for line in self.messages if (match := CLOSING.match(line))]
        return self.status.startswith("Successful") and not any(end[2] or end[3] != "0" for end in ends)

    @property
    def errors(self) -> list[str]:
        """The tool's own error lines where it failed."""
        return quote_errors(self.messages) if self.ok is False else []

    def identity(self, key: str) -> str | None:
        """Return what the stage says of itself under a key of IDENTITY."""
        said = self.get(IDENTITY[key])
        return said.replace("Service Pack", "SP") if said else None  # as 13.0 writes it in its summaries


def quote_errors(lines: list[str], most: int = 5) -> list[str]:
    """Pick Quartus' own errors: those with a number, else whatever begins with Error, else the last thing said."""
    said = [line.strip() for line in lines if line.strip()]
    numbered = [line for line in said if re.match(r"Error \(\d+\)", line)]
    shown = numbered[:most] or [line for line in said if line.startswith("Error")][:3] or said[-1:]
    more = len(numbered) - len(shown)
    return shown + ([f"and {more} more"] if more > 0 else [])


def _stage(name: str, reports: list[Report]) -> Stage:
    """Merge the report and the summary of one tool; a file that is cut off is left out."""
    stage = Stage(name)
    whole = [report for report in reports if report.missing is None]
    for report in reports:
        if report.missing:
            stage.notes.append(f"{report.name} is cut off and left out: {report.missing}")
        if not report.is_summary:
            stage.time = next((time for time in map(timestamp, report.lines[:8]) if time), None)
    if not whole:
        stage.files = [report.name for report in reports]
        stage.faults += [f"{report.name} is cut off: {report.missing}" for report in reports]
        return stage
    stage.files = sorted(report.name for report in whole)
    for report in sorted(whole, key=lambda report: not report.is_summary):
        if report.is_summary:
            stage.summary = report.text
            stage.facts = _keys(report) if name != "sta" else {}
        else:
            _add_report(stage, report)
    stage.time = timestamp(stage.get(rf"({STAGES[name]}) Status$") or "") or stage.time
    return stage


def _keys(summary: Report) -> dict[str, str]:
    pairs = [line.partition(" : ") for line in summary.lines]
    return {key.strip(): value.strip() for key, separator, value in pairs if separator}


def _add_report(stage: Stage, report: Report) -> None:
    stage.has_report = True
    stage.tables = tables(report.lines)
    begins = r"\s*(Info|Warning|Critical Warning|Error)\b"
    stage.messages = [line.strip() for line in report.lines if re.match(begins, line)]
    table = stage.table(rf"({STAGES[stage.name]}) Summary$")
    for row in table.rows if table else []:
        if len(row) == 2 and row[0]:
            key, value = row[0], row[1].removeprefix("Version ")
            old = stage.facts.setdefault(key, value)
            if old.split() != value.split() and not stage.faults:
                stage.faults.append(f"{stage.where} are of two runs: {key} is {old} in one, {value} in the other")


# A run ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """All stages that left a report at `path`."""

    path: Path
    stages: dict[str, Stage]

    def doubts(self, name: str) -> list[str]:
        """List what speaks against a stage: a cut file, two runs, an older run, a failed one, another design."""
        stage = self.stages[name]
        earlier = [self.stages[other] for other in BEFORE.get(name, ()) if other in self.stages]
        doubts = list(stage.faults)
        newer = [other for other in earlier if stage.time and other.time and stage.time < other.time]
        if newer:
            doubts.append(f"{stage.where} is of {stage.time}, before the {WORDS[newer[0].name]} of {newer[0].time}")
        doubts += [f"the {WORDS[other.name]} did not succeed: {other.status}" for other in earlier if other.ok is False]
        fit = self.stages.get("fit")
        if fit and name in ("asm", "sta", "pow"):
            doubts += _differences(stage, fit)
        return doubts


def _differences(stage: Stage, fit: Stage) -> list[str]:
    """List where a stage is of another design, device or version than the fit."""
    pairs = {key: (stage.identity(key), fit.identity(key)) for key in LABELS}
    return [
        f"{LABELS[key]} is {ours}, in the fit {theirs}"
        for key, (ours, theirs) in pairs.items()
        if ours and theirs and ours != theirs
    ]


def find(path: Path) -> Run:
    """Read all reports at `path`: a directory (or its `output_files`), a prefix DIR/REVISION, or one file.

    Raises UserError where there are none, where a file is no report though named so, and for several revisions.
    """
    found: dict[str, list[Report]] = {}
    for file in _candidates(path):
        text = read(file)
        kind = _identify(file, text)
        if kind is None:
            continue
        stage, is_summary = kind
        for other in found.setdefault(stage, []):
            if other.is_summary == is_summary:
                raise UserError(f"{path}: two {stage} reports, {other.name} and {file.name}; choose with DIR/REVISION")
        found[stage].append(Report(file.name, stage, is_summary, text))
    if not found:
        raise UserError(f"{path}: no file begins as a Quartus report does")
    return Run(path, {name: _stage(name, reports) for name, reports in found.items()})
