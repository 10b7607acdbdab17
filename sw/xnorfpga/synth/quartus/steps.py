# SPDX-License-Identifier: Apache-2.0
"""The stages of a Quartus compilation, one a tool: project, map, fit, asm, sta, pow.

Each works in build/NAME/synth/quartus, on what the one before it left there; the reports lie in its `output_files`.
"""

import shutil
from pathlib import Path

from xnorfpga.artefacts.hardware import Hardware
from xnorfpga.artefacts.manifest import Manifest
from xnorfpga.base.errors import UserError
from xnorfpga.design import window
from xnorfpga.design.schema import Design
from xnorfpga.synth.quartus import project

FOLDER = Path("synth") / "quartus"
INSTANCE = "board_accelerator"  # of the accelerator, in the board's top level
NEEDED = "quartus_sh is neither on PATH nor in $QUARTUS_ROOTDIR/bin: this needs Quartus (the Lite edition will do)"


def write(design: Design, build: Path) -> None:
    """Write the project, from nothing: what a run before it left there is gone."""
    manifest = Manifest.read(build / "manifest.json")
    folder = build / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    files = [build / file for file in manifest.files]
    contents = images(manifest, build / "mem")
    hardware = Hardware.read(build / "hardware.json")
    nanoseconds = window.cycles(hardware) * 1000 / hardware.clock_mhz
    trace = project.Trace(build / window.VCD, f"{manifest.top}:{INSTANCE}", nanoseconds)
    project.write_project(folder, design.board, files, manifest.board_top, manifest.board_ports, contents, trace)


def synthesize(design: Design, build: Path) -> None:
    """Run quartus_map: synthesis."""
    run("quartus_map", build)


def fit(design: Design, build: Path) -> None:
    """Run quartus_fit: placement and routing."""
    run("quartus_fit", build)


def assemble(design: Design, build: Path) -> None:
    """Run quartus_asm: the bitstream."""
    run("quartus_asm", build)


def time(design: Design, build: Path) -> None:
    """Run quartus_sta: timing analysis."""
    run("quartus_sta", build)


def power(design: Design, build: Path) -> None:
    """Run quartus_pow: power analysis."""
    run("quartus_pow", build)


def run(tool: str, build: Path) -> None:
    """Run one tool on the project of a build.

    Raises UserError where Quartus is absent, or with Quartus' own error lines where the tool fails or leaves no report.
    """
    top = Manifest.read(build / "manifest.json").board_top
    project.run_tool(programs(), tool, build / FOLDER, top)
    stage = tool.removeprefix("quartus_")
    if not list((build / FOLDER / project.OUTPUT).glob(f"{top}.{stage}.*")):
        raise UserError(f"{tool} left no report in {build / FOLDER / project.OUTPUT}, though it gave no error")


def images(manifest: Manifest, directory: Path) -> list[Path]:
    """List the memories' images, in the manifest's order; none where not all of them are in the directory.

    Those of the accelerator come first, then those of the images that the board stores.
    """
    memories = (*(memory.files for memory in manifest.memories), manifest.link.stored.files)
    found = [directory / name for files in memories for name in files]
    return found if found and all(image.is_file() for image in found) else []


def programs() -> Path:
    """Return the directory of Quartus' programs.

    Raises UserError where Quartus is absent.
    """
    found = project.find()
    if found is None:
        raise UserError(NEEDED)
    return found
