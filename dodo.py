# SPDX-License-Identifier: Apache-2.0
"""The graph of the stages: `doit` makes the report of mnist_small, `doit list --all` shows what else there is.

It only turns the table of stages (sw/xnorfpga/flow/stages.py) into doit's tasks. Whether a stage must run is what its
receipt says (sw/xnorfpga/flow/receipts.py), so doit keeps no database of its own.
"""

import signal
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from doit.exceptions import TaskFailed

from xnorfpga.base import paths, terminal
from xnorfpga.base.errors import UserError
from xnorfpga.design import designs
from xnorfpga.flow import run
from xnorfpga.flow.stages import STAGES, Stage, writers
from xnorfpga.rtl import elaborate

terminal.replace_unknown_signs()
if sys.argv[1:2] in (["list"], ["info"]):  # the reader of a pipe, such as head, may leave
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)

DOIT_CONFIG = {
    "default_tasks": ["report:mnist_small"],
    "backend": "sqlite3",
    "dep_file": ":memory:",  # doit itself has nothing to remember
    "verbosity": 2,
}


def task_compile() -> dict[str, Any]:
    """SpinalHDL generator → classes (sbt, once for all designs)"""
    return {
        "actions": [(run.told, ["compile", elaborate.classpath])],  # under a lock: tests may be doing the same
        "targets": [elaborate.CLASSPATH],
        "uptodate": [elaborate.is_compiled],
    }


def task_stages() -> Iterator[dict[str, Any]]:
    """The stages, one task a design"""
    for line in designs.misnamed():
        print(f"error: {line}", file=sys.stderr)
    for stage in STAGES:
        yield {"basename": stage.name, "name": None, "doc": stage.change}
        for name in designs.names():
            yield from tasks(stage, name)


def tasks(stage: Stage, name: str) -> Iterator[dict[str, Any]]:
    """Yield a stage's task of a design; where the design has a mistake, one that tells it to whoever asks for it."""
    head = {"basename": stage.name, "name": name}
    try:
        design = designs.load(name)
    except UserError as error:
        yield {**head, "doc": f"{stage.change} ({name}: has a mistake)", "actions": [partial(fail, str(error))]}
        return
    if stage.applies(design):
        # The memories' contents go into a bitstream. An order, no dependency: another model of the same shape goes in
        # through the load port, without a new synthesis
        first = {"elaborate": ["compile"], "project": ["images:" + name]}.get(stage.name, [])
        yield {
            **head,
            "doc": f"{stage.change} ({name})",
            "actions": [(run.act, [stage.name, name])],
            "task_dep": [*first, *(f"{writer.name}:{name}" for writer in writers(stage, design))],
            "targets": [paths.BUILD / name / file for file in stage.outputs(design) if "*" not in file],
            "uptodate": [partial(run.up_to_date, stage.name, name)],
        }


def fail(message: str) -> TaskFailed:
    return TaskFailed(f"error: {message}")
