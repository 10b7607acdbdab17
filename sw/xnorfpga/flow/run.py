# SPDX-License-Identifier: Apache-2.0
"""Runs a stage: alone on its files, on what the stages before have written, and with a receipt at its end."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from doit.exceptions import TaskFailed
from filelock import FileLock, Timeout

from xnorfpga.base import paths, process
from xnorfpga.base.errors import UserError
from xnorfpga.design import designs
from xnorfpga.design.schema import Design
from xnorfpga.flow import receipts
from xnorfpga.flow.stages import BY_NAME, Stage


def run(name: str, design: str, options: Mapping[str, Any] | None = None, *, force: bool = True) -> bool:
    """Run a stage of a design and return whether it ran; options default to the design's own.

    Two runs of one stage of one design wait for each other. Without `force` a run that had to wait finds whether the
    other one has left nothing to do.

    Raises UserError for all that a user can mend.
    """
    stage, chosen = BY_NAME[name], designs.load(design)
    if not stage.applies(chosen):
        raise UserError(f"{chosen.name} has no stage {name}: its weights are the published {chosen.weights}")
    build = paths.BUILD / chosen.name
    asked = {**stage.options(chosen), **(options or {})}
    try:
        with _alone(stage, chosen, build) as waited:
            if waited and not force and receipts.why_stale(stage, chosen, build, asked) is None:
                return False
            receipts.check_inputs(stage, chosen, build)
            receipts.path(stage, build).unlink(missing_ok=True)
            read = receipts.inputs(stage, chosen, build)
            stage.run(chosen, build, asked)
            receipts.write(stage, chosen, build, asked, read)
            return True
    except OSError as error:
        raise of_disk(error) from None


def up_to_date(name: str, design: str) -> bool:
    """Return whether a stage's results are those that it would write again."""
    stage, chosen = BY_NAME[name], designs.load(design)
    return receipts.why_stale(stage, chosen, paths.BUILD / chosen.name, stage.options(chosen)) is None


def act(name: str, design: str) -> TaskFailed | None:
    """Run a stage as an action of doit: a UserError is a failed task with one line, an interrupt ends quietly."""
    try:
        with process.ended_by_signals():
            run(name, design, force=False)
    except UserError as error:
        return TaskFailed(f"error: {error}")
    except KeyboardInterrupt:
        print(f"\ninterrupted: {name}:{design} will run again", file=sys.stderr)
        raise SystemExit(130) from None
    return None


def of_disk(error: OSError) -> Exception:
    """Return a fault of a named file as the line that a user should see, any other error as it is."""
    if not error.filename or not error.strerror:
        return error
    return UserError(f"{error.filename}: {error.strerror}; finished results are unchanged")


@contextmanager
def _alone(stage: Stage, design: Design, build: Path) -> Iterator[bool]:
    """Hold the stage's lock; gives whether another run had to be waited for."""
    file = receipts.path(stage, build).with_suffix(".lock")
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file)
    try:
        lock.acquire(blocking=False)
        waited = False
    except Timeout:
        print(f"{stage.name}:{design.name} is running elsewhere: waiting for it", file=sys.stderr)
        lock.acquire()
        waited = True
    try:
        yield waited
    finally:
        lock.release()
