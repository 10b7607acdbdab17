# SPDX-License-Identifier: Apache-2.0
"""A design on a simulated board: whatever stage is not up to date runs first, then the board's top level is built."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from xnorfpga.artefacts.hardware import Hardware
from xnorfpga.base import locks, paths
from xnorfpga.design import designs
from xnorfpga.flow import run
from xnorfpga.flow.stages import STAGES

if TYPE_CHECKING:
    from xnorfpga.rtl.board import Simulation

NEEDED = ("train", "export", "fold", "elaborate", "images")


@contextmanager
def simulated(name: str) -> Iterator["Simulation"]:
    """Run a design's simulated board while the block lasts.

    Raises UserError where a stage or the build fails.
    """
    from xnorfpga.rtl import board  # loads the simulator's libraries

    design = designs.load(name)
    for stage in STAGES:
        if stage.name in NEEDED and stage.applies(design):
            run.ensure(stage.name, name)
    folder = paths.build_folder(design.name)
    work = folder / "board"
    work.mkdir(exist_ok=True)
    with locks.hold(work / "lock", f"the simulated board of {design.name}"):
        program = board.build(Hardware.read(folder / "hardware.json"), work)
    with board.simulated(program, folder / "mem") as simulation:
        yield simulation
