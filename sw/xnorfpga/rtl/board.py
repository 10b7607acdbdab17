# SPDX-License-Identifier: Apache-2.0
"""A simulated board: the whole top level under Verilator behind a pseudo-terminal, for hosts without hardware.

The RTL is the board's own, but for the baud rate: the fastest that the UART takes, so that a byte costs few cycles.
Where it has a PLL, a cycle of the oscillator stands for one of the PLL's clock: here cycles pass, not time.
"""

import os
import pty
import subprocess
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from xnorfpga.artefacts.hardware import Hardware
from xnorfpga.artefacts.manifest import Manifest
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import sha256, write_text
from xnorfpga.rtl import elaborate, verilator

CYCLES_OF_BIT = 5
HARNESS = Path(__file__).with_name("board.cpp")
PLL = Path(__file__).with_name("altera_pll.v")  # a model of what Quartus brings
IN_STEP = "-DIN_STEP"  # its macro for benches that count cycles alone


def build(hardware: Hardware, directory: Path) -> Path:
    """Elaborate and compile a simulated board of the hardware in `directory`; return its program.

    What is there of the same hardware and generator is kept.

    Raises UserError with the tools' own lines where that fails.
    """
    fast = hardware.model_copy(update={"baud": round(hardware.clock_mhz * 1e6 / CYCLES_OF_BIT)})
    key = sha256(fast.model_dump_json().encode(), *(source.read_bytes() for source in elaborate.sources()))
    made = directory / "key"
    if not made.exists() or made.read_text() != key:
        elaborate.elaborate_many([(fast, directory)])
        write_text(made, key)
    manifest = Manifest.read(directory / "manifest.json")
    sources = [*(directory / file for file in manifest.files), *([PLL] if fast.has_pll else [])]
    return verilator.build_program(sources, manifest.board_top, HARNESS, [IN_STEP] if fast.has_pll else [])


@dataclass(frozen=True)
class Simulation:
    """A simulated board that runs: the path of its serial port, and its process."""

    port: str
    process: subprocess.Popen[bytes]

    def wait(self) -> None:
        """Wait until the simulator ends, which it does not by itself."""
        self.process.wait()


@contextmanager
def simulated(program: Path, contents: Path) -> Iterator[Simulation]:
    """Run a simulated board while the block lasts.

    Args:
        program: what `build` returned.
        contents: folder of the memories' images, a model's.

    Raises UserError where the simulator breaks down at once.
    """
    board, host = pty.openpty()
    try:
        tty.setraw(host)  # no echo, no line ends: before the first byte
        with _started(program, contents, board) as child:
            yield Simulation(os.ttyname(host), child)
    finally:
        os.close(board)
        os.close(host)


@contextmanager
def _started(program: Path, contents: Path, line: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the simulator on a serial line while the block lasts; `process.started` leaves no place for the line."""
    try:
        child = subprocess.Popen(
            [str(program), str(CYCLES_OF_BIT)],
            cwd=contents,
            stdin=line,
            stdout=line,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us to pass on
        )
    except OSError as error:
        raise UserError(f"{program}: cannot run: {error.strerror}") from None
    with child:
        try:
            yield child
        finally:
            ended = child.poll()
            child.kill()
            assert child.stderr is not None
            said = child.stderr.read().decode(errors="replace").strip()
    if ended is not None:
        raise UserError(f"{program}: the simulator ended with exit code {ended}: {said}")
