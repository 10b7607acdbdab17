# SPDX-License-Identifier: Apache-2.0
"""What a stage read, what it wrote and how: a receipt in build/NAME/receipts, written when the stage has succeeded.

A stage is up to date where its receipt names the design's values of today, the same code, and the same bytes in every
file that it read and wrote. So a failed, interrupted or killed stage runs again, as does one whose result was deleted,
cut or changed by hand, and a change that is taken back costs nothing. What doit itself remembers is not needed.
"""

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from xnorfpga.base import paths
from xnorfpga.base.errors import UserError
from xnorfpga.base.strict import Artefact
from xnorfpga.design.schema import Design
from xnorfpga.flow import code
from xnorfpga.flow.stages import Stage, writers


class Receipt(Artefact):
    """A successful run.

    values: the parts of the design and of the environment that count. options: of the command. code: SHA-256 of all
    code. inputs, outputs: SHA-256 of each file, named as it lies under build/NAME (others by their whole path).
    """

    values: dict[str, Any]
    options: dict[str, Any]
    code: str
    inputs: dict[str, str]
    outputs: dict[str, str]


def path(stage: Stage, build: Path) -> Path:
    """Return where a stage's receipt lies."""
    return build / "receipts" / f"{stage.name}.json"


def values(stage: Stage, design: Design) -> dict[str, Any]:
    """Return what a stage's result depends on beside files and code, as it reads back from JSON."""
    found: dict[str, Any] = dict(stage.environment())
    for name in stage.uses:
        value: Any = design
        for part in name.split("."):
            value = getattr(value, part)
        found[name] = TypeAdapter(Any).dump_python(value, mode="json")
    return found


def inputs(stage: Stage, design: Design, build: Path) -> dict[str, str]:
    """Return the digest of each file that a stage would read now."""
    outside = {str(file): digest(file) for file in stage.outside(design)}
    return _digests(build, stage.inputs(design)) | outside


def write(stage: Stage, design: Design, build: Path, options: Mapping[str, Any], read: dict[str, str]) -> None:
    """Write the receipt of a run that has just succeeded; `read` are its inputs from before it began."""
    written = _digests(build, stage.outputs(design))
    Receipt(
        values=values(stage, design),
        options=dict(options),
        code=code.digest(stage.module, stage.spawns),
        inputs=read,
        outputs=written,
    ).write(path(stage, build))


def why_stale(stage: Stage, design: Design, build: Path, options: Mapping[str, Any]) -> str | None:
    """Return why a stage must run, None where its results are those that it would write again."""
    receipt = read(stage, build)
    if receipt is None:
        return "it has not run to its end"
    if changed := changed_output(stage, build):
        return changed
    now = values(stage, design)
    if different := [name for name in now if receipt.values.get(name) != now[name]]:
        return f"another {different[0]}"
    if not stage.enough(receipt.options, options):
        return f"it ran with {_shown(receipt.options)}"
    if receipt.code != code.digest(stage.module, stage.spawns):
        return "its code has changed"
    before, after = receipt.inputs, inputs(stage, design, build)
    if other := sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)):
        return f"{other[0]} has changed"
    return None


def changed_output(stage: Stage, build: Path) -> str | None:
    """Return which file of a stage is no longer as it wrote it, None where all are; the stage has a receipt."""
    receipt = read(stage, build)
    assert receipt is not None
    for name, known in receipt.outputs.items():
        if not (build / name).is_file():
            return f"{name} was removed"
        if digest(build / name) != known:
            return f"{name} was changed"
    return None


def check_inputs(stage: Stage, design: Design, build: Path) -> None:
    """Refuse to read what no stage has written, or what was changed after it.

    Raises UserError with the command that mends it.
    """
    for writer in writers(stage, design):
        named = design.path.parent == paths.DESIGNS
        mend = f"`doit {writer.name}:{design.name}`" if named else f"`python -m xnorfpga {writer.name} {design.path}`"
        if read(writer, build) is None:
            raise UserError(f"{build}: {stage.name} needs what the stage {writer.name} writes: run {mend} first")
        if changed := changed_output(writer, build):
            raise UserError(f"{build}/{changed} since the stage {writer.name} wrote it: run {mend}")


def read(stage: Stage, build: Path) -> Receipt | None:
    """Return a stage's receipt, None where there is none that can be read."""
    try:
        return Receipt.read(path(stage, build)) if path(stage, build).is_file() else None
    except UserError:
        return None  # as if the stage had never run


def digest(file: Path) -> str:
    """Return the SHA-256 of a file, computed once for as long as its size and time stay."""
    status = file.stat()
    return _digest(file, status.st_mtime_ns, status.st_size, status.st_ino)


@cache
def _digest(file: Path, *status: int) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _digests(build: Path, patterns: Iterable[str]) -> dict[str, str]:
    found = {path for pattern in patterns for path in build.glob(pattern) if path.is_file()}
    return {str(path.relative_to(build)): digest(path) for path in sorted(found)}


def _shown(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in options.items())
