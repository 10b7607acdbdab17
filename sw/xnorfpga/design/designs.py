# SPDX-License-Identifier: Apache-2.0
"""Loads design files: network, quantization, training, folding, simulation and board in one TOML, strictly.

Only primary parameters stand in it. An unknown or missing key, a wrong type, an impossible value or fold is one line
that names the file, the key, the value and what would be accepted. Nothing is solved or built here.
"""

import re
from pathlib import Path
from typing import Any

from xnorfpga.base import paths
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import read_toml
from xnorfpga.base.strict import check, show
from xnorfpga.design import checks
from xnorfpga.design.schema import RECIPE, TRAIN, Board, BoardFile, Design, DesignFile

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")  # a folder of build/, a task of doit, a part of file names


def names() -> list[str]:
    """Return the names of all designs of sw/designs, but those of `misnamed`."""
    return sorted(path.stem for path in paths.DESIGNS.glob("*.toml") if NAME.fullmatch(path.stem))


def misnamed() -> list[str]:
    """Return, for each file of sw/designs whose name cannot be a design's, the line that says so."""
    files = [path for path in sorted(paths.DESIGNS.glob("*.toml")) if not NAME.fullmatch(path.stem)]
    return [_misnamed(path) for path in files]


def _misnamed(path: Path) -> str:
    accepted = "accepted as a design's name: up to 64 letters, digits, _ and -, a letter or digit first"
    return f"{path.parent}: {show(path.name)}: {accepted}"


def load(name_or_path: str | Path) -> Design:
    """Load the design of that name in sw/designs, or the design file at that path (it ends in .toml).

    Raises UserError, one line, for everything that cannot be built.
    """
    path = _file(name_or_path)
    file = check(DesignFile, tables(path), path)
    if file.board.name not in boards():
        raise UserError(f"{path}: board.name = {show(file.board.name)}: accepted: {', '.join(boards())}")
    design = Design(
        name=path.stem,
        path=path,
        weights=file.weights,
        network=file.network,
        quantization=file.quantization,
        training=file.training,
        folding=file.folding,
        simulation=file.simulation,
        board=board(file.board.name, file.board.clock_mhz).model_copy(update={"baud": file.board.baud}),
    )
    checks.check(design)
    return design


def tables(name_or_path: str | Path) -> dict[str, Any]:
    """Return the tables of a design file as they stand in it, those included that it takes from another design.

    Raises UserError where the file cannot be read.
    """
    path = _file(name_or_path)
    return _with_recipe(read_toml(path), path)


def _file(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if str(name_or_path) not in names():
            accepted = f"accepted: {', '.join(names())} or a .toml file"
            raise UserError(f"design {show(str(name_or_path))} is unknown; {accepted}")
        path = paths.DESIGNS / f"{name_or_path}.toml"
    if not NAME.fullmatch(path.stem):
        raise UserError(_misnamed(path))
    return path


DEFAULT_BOARD = "de1soc"  # where a command is given none


def boards() -> list[str]:
    """Return the names of all boards of boards/."""
    return sorted(file.parent.name for file in paths.BOARDS.glob("*/board.toml"))


def board(name: str | None, clock_mhz: float | None = None) -> Board:
    """Return a board of boards/ with a clock, by default that of its oscillator; None: DEFAULT_BOARD.

    Raises UserError for an unknown one.
    """
    known = boards()
    name = name or DEFAULT_BOARD
    if name not in known:
        raise UserError(f"--board {show(name)}: accepted: {', '.join(known)}")
    path = paths.BOARDS / name / "board.toml"
    file = check(BoardFile, read_toml(path), path)
    clock = file.clock.oscillator_mhz if clock_mhz is None else clock_mhz
    return Board(name=name, clock_mhz=clock, **{key: getattr(file, key) for key in BoardFile.model_fields})


def _with_recipe(raw: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the tables of a file; those that decide a published model come from the design that it is named after."""
    weights = raw.get("weights")
    if not isinstance(weights, str) or weights == TRAIN or "/" in weights or any(table in raw for table in RECIPE):
        return raw
    owner = Path(weights).stem
    if owner not in names():
        needed = f"{', '.join(RECIPE)} are missing, and there is no design {show(owner)} to take them from"
        raise UserError(f"{path}: weights = {show(weights)}: {needed}")
    recipe = read_toml(paths.DESIGNS / f"{owner}.toml")
    return raw | {table: recipe[table] for table in RECIPE if table in recipe}
