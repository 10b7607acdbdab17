# SPDX-License-Identifier: Apache-2.0
"""Runs a stage: alone on its files, on what the stages before have written, and with a receipt at its end."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from doit.exceptions import TaskFailed

from xnorfpga.artefacts.simulation import Simulation
from xnorfpga.base import locks, paths, process, toolchain
from xnorfpga.base.errors import UserError
from xnorfpga.design import designs
from xnorfpga.design.schema import Design
from xnorfpga.flow import receipts
from xnorfpga.flow.stages import BY_NAME, STAGES, Stage, writers


def run(name: str, design: str, options: Mapping[str, Any] | None = None, *, force: bool = True) -> bool:
    """Run a stage of a design and return whether it ran; options default to the design's own.

    A run waits for another one that writes what it writes or reads, or reads what it writes. Without `force` a run
    that had to wait finds whether the other one has left nothing to do.

    Raises UserError for all that a user can mend.
    """
    stage, chosen = BY_NAME[name], designs.load(design)
    if reason := stage.why_not(chosen):
        raise UserError(f"{chosen.name} has no stage {name}: {reason}")
    build = paths.build_folder(chosen.name)
    toolchain.verilator()  # better missed now than after the training
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


def ensure(name: str, design: str) -> None:
    """Run a stage of a design where its results are not those that it would write again.

    Raises UserError for all that a user can mend.
    """
    if not up_to_date(name, design):
        run(name, design, force=False)


def load(name: str, other: str, options: Mapping[str, Any] | None = None) -> Simulation:
    """Simulate a design's RTL after another design's model went through its load port; export that one where needed.

    Raises UserError for all that a user can mend.
    """
    from xnorfpga.rtl import simulate  # loads the simulator's libraries

    stage, chosen, model = BY_NAME["simulate"], designs.load(name), designs.load(other)
    build, folder = paths.build_folder(chosen.name), paths.build_folder(model.name)
    if model.network != chosen.network:
        theirs, ours = (each.network.title for each in (model, chosen))
        raise UserError(f"{model.name} is {theirs}; accepted by the load port of {chosen.name}: {ours}")
    ensure("export", other)
    toolchain.verilator()
    asked = {**stage.options(chosen), **(options or {})}
    try:
        with _alone(stage, chosen, build):
            receipts.check_inputs(stage, chosen, build)
            return simulate.load(chosen, build, folder, **asked)
    except OSError as error:
        raise of_disk(error) from None


def up_to_date(name: str, design: str) -> bool:
    """Return whether a stage's results are those that it would write again."""
    stage, chosen = BY_NAME[name], designs.load(design)
    return receipts.why_stale(stage, chosen, paths.BUILD / chosen.name, stage.options(chosen)) is None


def act(name: str, design: str) -> TaskFailed | None:
    """Run a stage as an action of doit."""
    return told(f"{name}:{design}", lambda: run(name, design, force=False))


def told(task: str, action: Callable[[], object]) -> TaskFailed | None:
    """Do what a task of doit does: a UserError is a failed task with one line, an interrupt ends quietly."""
    try:
        with process.ended_by_signals():
            action()
    except UserError as error:
        return TaskFailed(f"error: {error}")
    except KeyboardInterrupt:
        print(f"\ninterrupted: {task} will run again", file=sys.stderr)
        raise SystemExit(130) from None
    return None


def of_disk(error: OSError) -> Exception:
    """Return a fault of a named file as the line that a user should see, any other error as it is."""
    if not error.filename or not error.strerror:
        return error
    return UserError(f"{error.filename}: {error.strerror}; finished results are unchanged")


@contextmanager
def _alone(stage: Stage, design: Design, build: Path) -> Iterator[bool]:
    """Hold what the stage writes alone, and what it reads beside other readers; gives whether it had to wait.

    All stages take locks in the order of the flow, so that no two wait for each other.
    """
    name = f"{stage.name}:{design.name}"
    files = {each.name: receipts.path(each, build).with_suffix(".lock") for each in STAGES}
    waits = []
    with ExitStack() as stack:
        for each in (*writers(stage, design), stage):
            held = locks.hold(files[each.name], name, shared=each is not stage, ask=tuple(files.values()))
            waits.append(stack.enter_context(held))
        yield any(waits)
