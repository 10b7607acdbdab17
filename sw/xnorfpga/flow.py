# SPDX-License-Identifier: Apache-2.0
"""The stages by name, for doit and the command line; a stage's libraries are imported when it runs, not before.

doit counts a target that exists as done, whoever wrote it. So a mark lies in the design's build directory from a
stage's start until doit has recorded its success: after a kill, a failure or a run by hand, the next doit runs the
stage again.
"""

import errno
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from xnorfpga.base import paths
from xnorfpga.base.errors import UserError
from xnorfpga.design import designs

STAGES = {  # stage: its module and function
    "train": ("learn.train", "train"),
    "export": ("learn.export", "export"),
    "elaborate": ("rtl.elaborate", "elaborate"),
    "images": ("rtl.memory", "write_images"),
    "simulate": ("rtl.simulate", "simulate"),
    "synth": ("synth.synthesize", "synthesize"),
    "report": ("report.report", "report"),
}
SIMULATED_IMAGES = 1000
SIMULATED_WHOLE = ("mnist", "mnist_fast")  # the designs whose result is claimed on the whole test set
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


def simulated_images(name: str) -> int | None:
    """Return how many test images a design is simulated with, from the first; None: all of them."""
    return None if name in SIMULATED_WHOLE else SIMULATED_IMAGES


def mark(name: str, stage: str) -> Path:
    """Return the file that exists while doit must not take the stage's targets for finished ones."""
    return paths.BUILD / name / f".{stage}.unfinished"


def execute(stage: str, chosen: designs.Design, images: int | None) -> None:
    """Run a stage's function; `images` is for `simulate` alone.

    Raises UserError for all that a user can mend.
    """
    module, function = STAGES[stage]
    arguments: dict[str, Any] = {"build": paths.BUILD / chosen.name}
    if stage != "images":
        arguments["design"] = chosen
    if stage == "simulate":
        arguments["images"] = images
    getattr(import_module(f"xnorfpga.{module}"), function)(**arguments)


def run(stage: str, name: str, images: int | None = None) -> None:
    """Run a stage of the design of that name, marked as unfinished until `settle`.

    Raises UserError for all that a user can mend.
    """
    chosen = designs.load(name)
    try:
        mark(chosen.name, stage).parent.mkdir(parents=True, exist_ok=True)
        mark(chosen.name, stage).write_text("running\n")
        execute(stage, chosen, images)
        mark(chosen.name, stage).write_text("done\n")
    except OSError as error:
        raise disk_error(error) from None


def settle(stage: str, name: str) -> None:
    """Take the mark away where the stage came to its end; doit calls this after its database is on disk."""
    file = mark(name, stage)
    if file.is_file() and file.read_text() == "done\n":
        file.unlink()


def disk_error(error: OSError) -> Exception:
    """Return a full or read-only disk as the line that a user should see, any other error as it is."""
    if error.errno not in DISK_ERRORS:
        return error
    place = error.filename or paths.BUILD
    return UserError(f"{place}: cannot write: {error.strerror}; finished results are unchanged")


def act(stage: str, name: str, images: int | None = None) -> Any:
    """Run a stage as an action of doit: a UserError is a failed task with one line, an interrupt ends quietly."""
    from doit.exceptions import TaskFailed

    try:
        run(stage, name, images)
    except UserError as error:
        return TaskFailed(f"error: {error}")
    except KeyboardInterrupt:
        print(f"\ninterrupted: {stage}:{name} will run again", file=sys.stderr)
        raise SystemExit(130) from None
    return None
