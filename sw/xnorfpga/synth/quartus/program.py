# SPDX-License-Identifier: Apache-2.0
"""Loads a bitstream into a board, with Quartus' programmer."""

import shutil
from pathlib import Path

from xnorfpga.artefacts.synthesis import Synthesis
from xnorfpga.base.errors import UserError
from xnorfpga.base.process import Failed, run
from xnorfpga.design.schema import Design
from xnorfpga.synth.quartus import project

TOOL = "quartus_pgm"


def program(design: Design, build: Path, bitstream: Path | None = None) -> str:
    """Load a bitstream, by default the one of synth.json, through the board's USB-Blaster; return what was done.

    Raises UserError where there is no bitstream, where it does not fit, no programmer, or where that fails.
    """
    sof = bitstream or _bitstream(design, build)
    if not sof.is_file():
        raise UserError(f"{sof}: not found; `doit synth:{design.name}` writes it where Quartus is installed")
    log = build / "synth" / f"{TOOL}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [str(_programmer()), "-m", "JTAG", "-o", f"p;{sof.resolve()}@{design.board.jtag_device}"]
    try:
        run(command, log.parent, log, TOOL, lambda line: None)
    except Failed as error:
        raise UserError(f"{TOOL} failed, {error}: {project.errors(log)} (log {log})") from None
    return f"{sof} is in the {design.board.title} now, device {design.board.jtag_device} of its chain"


def _bitstream(design: Design, build: Path) -> Path:
    found = Synthesis.read(build / "synth.json")
    if found.bitstream is None:
        raise UserError(
            f"{build / 'synth.json'}: an estimate has no bitstream: run `doit synth:{design.name}` with Quartus"
        )
    if not found.fits:
        raise UserError(f"{design.name} does not fit the {design.board.title}")
    return build / found.bitstream


def _programmer() -> Path:
    if found := shutil.which(TOOL):
        return Path(found)
    programs = project.find()
    if programs is None or not (programs / TOOL).is_file():
        raise UserError(f"{TOOL}: not found; Quartus, or its programmer alone, brings it")
    return programs / TOOL
