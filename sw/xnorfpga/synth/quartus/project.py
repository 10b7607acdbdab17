# SPDX-License-Identifier: Apache-2.0
"""Writes a Quartus project for a board, and runs Quartus' tools on it."""

import os
import re
import shutil
import string
import subprocess
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator

from xnorfpga.artefacts.manifest import Port
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import write_text
from xnorfpga.base.paths import BOARDS
from xnorfpga.base.process import Failed, run
from xnorfpga.base.strict import Strict, check
from xnorfpga.design.schema import Board
from xnorfpga.synth.quartus.reports import quote_errors

TOOLS = ("quartus_map", "quartus_fit", "quartus_asm", "quartus_sta", "quartus_pow")
VERSION_TIMEOUT_S = 60  # its start alone takes seconds, on a network file system many
TIMING = BOARDS / "timing.sdc"  # of every board
TRACE = "activity"  # what the project calls the trace
OUTPUT = "output_files"  # where Quartus puts its reports, below the project


@dataclass(frozen=True)
class Trace:
    """A VCD file of an instance (`entity:name`), and how long it is."""

    file: Path
    instance: str
    nanoseconds: float


def find() -> Path | None:
    """Return the directory of Quartus' programs, from PATH or QUARTUS_ROOTDIR; None where there is no quartus_sh.

    Raises UserError where quartus_sh is there but another program that the flow needs is not.
    """
    places = [Path(found).parent] if (found := shutil.which("quartus_sh")) else []
    root = os.environ.get("QUARTUS_ROOTDIR")
    places += [Path(root) / "bin", Path(root) / "bin64"] if root else []
    for place in places:
        if (place / "quartus_sh").is_file():
            for tool in TOOLS:
                if not (place / tool).is_file():
                    raise UserError(f"{place / tool}: not found beside quartus_sh; the flow needs {', '.join(TOOLS)}")
            return place
    return None


def installed() -> bool:
    """Return whether all of Quartus is there; half an installation is for `find` to tell."""
    try:
        return find() is not None
    except UserError:
        return False


def version(programs: Path, timeout_s: float | None = None) -> str:
    """Return what `quartus_sh --version` says, such as `21.1.0 Build 842 10/21/2021 SJ Lite Edition`.

    It may take `timeout_s` seconds (None: VERSION_TIMEOUT_S).

    Raises UserError where it does not run or does not answer.
    """
    try:
        done = subprocess.run(
            [programs / "quartus_sh", "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s or VERSION_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise UserError(f"{programs / 'quartus_sh'} --version: no answer in {error.timeout:g} s") from None
    except OSError as error:
        raise UserError(f"{programs / 'quartus_sh'}: cannot run: {error.strerror or error}") from None
    match = re.search(r"Version (.*)", done.stdout)
    if done.returncode or not match:
        said = (done.stderr or done.stdout).strip().splitlines()
        reason = f"exit code {done.returncode}: {said[0] if said else 'no output'}"
        raise UserError(f"{programs / 'quartus_sh'} --version failed, {reason}")
    return match[1].strip()


def _list_pins(value: Any) -> tuple[str, ...]:
    """Accept one pin or a list of pins, bit 0 first."""
    pins = [value] if isinstance(value, str) else value
    if not (isinstance(pins, list) and pins and all(isinstance(pin, str) and pin.isalnum() for pin in pins)):
        raise ValueError('accepted: a pin such as "AF14" or a list of them')
    return tuple(pins)


class Pins(Strict):
    """boards/BOARD/pins.toml: the I/O standard of all pins, and for each port its pins, bit 0 first.

    absent: ports, or bits such as "KEY[2]", of the top level that the board has no pin for; they are left virtual.
    """

    io_standard: str
    absent: tuple[str, ...] = ()
    pins: dict[str, Annotated[tuple[str, ...], BeforeValidator(_list_pins)]]


def load_pins(board: str) -> Pins:
    """Read boards/BOARD/pins.toml.

    Raises UserError where it does not hold what it should.
    """
    path = BOARDS / board / "pins.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; a board that Quartus shall build for needs its pins") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid TOML: {error}") from None
    return check(Pins, document, path)


def write_project(
    directory: Path,
    board: Board,
    files: list[Path],
    top: str,
    ports: Sequence[Port],
    contents: list[Path],
    trace: Trace | None = None,
) -> None:
    """Write `directory`/TOP.qpf, .qsf and .sdc.

    `ports` are those of the top level (`name`, `direction` "in" or "out", `width`), all of which must be the board's.
    `contents` are the memories' images, which are copied beside the project, where Quartus looks for them; without
    them the memories start empty. `trace` tells the power analysis what happens in the accelerator.

    Raises UserError for a port that the board does not have.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for image in contents:
        shutil.copy(image, directory / image.name)
    settings = [
        f'FAMILY "{board.family}"',
        f"DEVICE {board.device}",
        f"TOP_LEVEL_ENTITY {top}",
        f"PROJECT_OUTPUT_DIRECTORY {OUTPUT}",
        *(f'{"SYSTEM" if file.suffix == ".sv" else ""}VERILOG_FILE "{_relative(file, directory)}"' for file in files),
        f"SDC_FILE {top}.sdc",
        "NUM_PARALLEL_PROCESSORS ALL",
        "ALLOW_ANY_RAM_SIZE_FOR_RECOGNITION ON",  # else a small memory becomes registers
        'RESERVE_ALL_UNUSED_PINS_WEAK_PULLUP "AS INPUT TRI-STATED"',
        "POWER_USE_PVA ON",  # where no trace tells: toggle rates are propagated from these inputs' and the clock
        'POWER_DEFAULT_INPUT_IO_TOGGLE_RATE "12.5 %"',
        *(_trace_settings(trace, directory) if trace else ()),
    ]
    if not contents:
        settings.append('VERILOG_MACRO "NO_MEMORY_CONTENT=1"')  # what keeps the RTL from asking for images
    assigned = [f"set_global_assignment -name {setting}" for setting in settings] + _assign_pins(board.name, ports)
    if trace:
        assigned.append(f'set_instance_assignment -name POWER_READ_INPUT_FILE {TRACE} -to "{trace.instance}"')
    write_text(directory / f"{top}.qpf", f"PROJECT_REVISION = {top}\n")
    write_text(directory / f"{top}.qsf", "\n".join(assigned) + "\n")
    write_text(directory / f"{top}.sdc", _constraints(board, ports))


def _trace_settings(trace: Trace, directory: Path) -> list[str]:
    return [
        "POWER_USE_INPUT_FILES ON",
        f'POWER_INPUT_FILE_NAME "{_relative(trace.file, directory)}" -section_id {TRACE}',
        f"POWER_INPUT_FILE_TYPE VCD -section_id {TRACE}",
        f'POWER_VCD_FILE_START_TIME "0 ns" -section_id {TRACE}',
        f'POWER_VCD_FILE_END_TIME "{trace.nanoseconds:.0f} ns" -section_id {TRACE}',
    ]


def _relative(file: Path, directory: Path) -> str:
    return Path(os.path.relpath(file.resolve(), directory.resolve())).as_posix()


def _assign_pins(board: str, ports: Sequence[Port]) -> list[str]:
    """Make the .qsf lines for the top level's ports."""
    board_pins = load_pins(board)
    pins = board_pins.pins
    lines = []
    used: dict[str, str] = {}
    for port in ports:
        name, width, has = port.name, port.width, pins.get(port.name, ())
        bits = [name] if width == 1 else [f"{name}[{i}]" for i in range(width)]
        if name not in pins and name not in board_pins.absent:
            raise UserError(
                f"manifest.json: board_ports: {name} has no pin; boards/{board}/pins.toml has {', '.join(pins)}"
            )
        missing = [] if name in board_pins.absent else set(bits[len(has) :]) - set(board_pins.absent)
        if missing or not bits:
            raise UserError(f"manifest.json: board_ports: {name} is {width} wide; the board has {len(has)} pins")
        for bit, pin in zip(bits, has, strict=False):
            if pin in used:
                raise UserError(f"manifest.json: board_ports: {bit} and {used[pin]} are both on pin {pin}")
            used[pin] = bit
            lines.append(f"set_location_assignment PIN_{pin} -to {bit}")
            lines.append(f'set_instance_assignment -name IO_STANDARD "{board_pins.io_standard}" -to {bit}')
        lines += [f"set_instance_assignment -name VIRTUAL_PIN ON -to {bit}" for bit in bits[len(has) :]]
    return lines


def _constraints(board: Board, ports: Sequence[Port]) -> str:
    path = TIMING
    template = string.Template(path.read_text(encoding="utf-8"))
    free = [
        f"set_false_path {'-from' if port.direction == 'in' else '-to'} [get_ports {{{bits}}}]"
        for port in ports
        if port.name not in (board.clock.name, *load_pins(board.name).absent)  # a virtual pin is no port
        for bits in [port.name if port.width == 1 else port.name + "[*]"]
    ]
    values = {
        "clock": board.clock.name,
        "period_ns": f"{1000 / board.clock.oscillator_mhz:.3f}",
        "asynchronous": "\n".join(free),
    }
    try:
        return template.substitute(values)
    except (KeyError, ValueError) as error:
        raise UserError(
            f"{path}: cannot fill in {error}; accepted after a dollar sign are {', '.join(values)}"
        ) from None


def run_tool(programs: Path, tool: str, directory: Path, top: str) -> None:
    """Run one of TOOLS on a project; its output is kept as `directory`/TOOL.log.

    Raises UserError with Quartus' own error lines where it fails.
    """
    log = directory / f"{tool}.log"
    settings = ["--read_settings_files=on", "--write_settings_files=off"]
    if tool == "quartus_sta":
        settings = []  # the timing analyzer takes neither
    try:
        run([str(programs / tool), *settings, top, "-c", top], directory, log, tool, _message)
    except Failed as error:
        raise UserError(f"{tool} failed, {error}: {errors(log)} (log {log})") from None


def _message(line: str) -> str | None:
    match = re.match(r"(?:Info|Warning)(?: \(\d+\))?: (.*)", line)
    return match[1].strip() if match and match[1].strip("* \n") else None


def errors(log: Path) -> str:
    """Return Quartus' error lines in a tool's output, joined."""
    return " | ".join(quote_errors(log.read_text(encoding="latin-1").splitlines())) or "no output"
