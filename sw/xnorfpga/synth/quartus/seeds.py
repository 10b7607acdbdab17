# SPDX-License-Identifier: Apache-2.0
"""A sweep over the fitter's seeds: the same netlist placed and routed several times, for the best timing."""

import shutil
from pathlib import Path

from tqdm import tqdm

from xnorfpga.artefacts.manifest import Manifest
from xnorfpga.artefacts.synthesis import Seed, Seeds
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import write_text
from xnorfpga.design.schema import Design
from xnorfpga.synth.quartus import project, steps
from xnorfpga.synth.quartus.read import read as read_reports


def sweep(design: Design, build: Path, seeds: range) -> Seeds:
    """Fit and time the synthesized project once a seed, make the bitstream of the fastest, and write synth/seeds.json.

    The project itself, and the figures in synth.json, stay as they are.

    Raises UserError where Quartus is absent, the project was not synthesized, or a tool fails.
    """
    programs, top = steps.programs(), Manifest.read(build / "manifest.json").board_top
    if not list((build / steps.FOLDER / project.OUTPUT).glob(f"{top}.map.*")):
        raise UserError(f"{build / steps.FOLDER}: not synthesized yet: run `doit map:{design.name}` first")
    rows = []
    for seed in tqdm(seeds, desc="seeds", unit="fit", disable=None):
        folder = _folder(build, seed)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(build / steps.FOLDER, folder)
        settings = folder / f"{top}.qsf"
        write_text(settings, settings.read_text(encoding="utf-8") + f"set_global_assignment -name SEED {seed}\n")
        for tool in ("quartus_fit", "quartus_sta"):
            project.run_tool(programs, tool, folder, top)
        report = read_reports(folder / project.OUTPUT / top, clock_mhz=design.board.clock_mhz)
        clock = next((each for each in report.clocks if each.name == design.board.clock.name), None)
        slack = clock.setup_slack_ns if clock else None
        rows.append(Seed(seed=seed, alms=report.alms, fmax_mhz=report.fmax_mhz, setup_slack_ns=slack))
    timed = [row for row in rows if row.fmax_mhz is not None]
    if not timed:
        raise UserError(
            f"{_folder(build, seeds[0])}: no seed has an Fmax: {report.reasons.get('fmax_mhz', 'no clock')}"
        )
    best = max(timed, key=lambda row: row.fmax_mhz or 0).seed
    project.run_tool(programs, "quartus_asm", _folder(build, best), top)
    bitstream = _folder(build, best).relative_to(build) / project.OUTPUT / f"{top}.sof"
    found = Seeds(
        design=design.name,
        version=project.version(programs),
        seeds=tuple(rows),
        best=best,
        bitstream=str(bitstream),
    )
    found.write(build / "synth" / "seeds.json")
    return found


def _folder(build: Path, seed: int) -> Path:
    """Return a seed's project: as deep as the design's own, whose files it names by relative paths."""
    return build / "synth" / f"quartus_seed_{seed}"
