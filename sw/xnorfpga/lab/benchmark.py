# SPDX-License-Identifier: Apache-2.0
"""What the designs of this checkout reached, from the reports that are there; and how long the tools take."""

import datetime
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from xnorfpga.artefacts.manifest import Manifest
from xnorfpga.artefacts.report import Energy, Report
from xnorfpga.base import paths, tables
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import read_json, write_block, write_text
from xnorfpga.base.strict import Artefact, Strict
from xnorfpga.design import designs
from xnorfpga.flow.stages import STAGES
from xnorfpga.report import chain

RESULTS = paths.DOCS / "results.json"
README = paths.ROOT / "README.md"
UNTIMED = ("activity", "report")  # no tool's: they read what the others left
DRAWING, DRAWN = paths.DOCS / "engine.svg", "mnist"  # the README's drawing, and the design that it shows


class Result(Strict):
    """What a design reached, from its report; `origin` names the tools, `data` the digits, `date` the day.

    network: neurons of the fully connected layers, the inputs first. topology: the whole network in a line. map_sizes:
    height, width and channels of the map before each convolutional layer. connections: of the layer with most weights,
    counted wires and those of full direct connection.
    """

    design: str
    network: tuple[int, ...]
    topology: str | None = None
    map_sizes: tuple[tuple[int, int, int], ...] = ()
    clock_mhz: float
    cycles_per_image: float
    images_per_second: float
    latency_cycles: int
    latency_us: float
    alms: int
    alms_of: int
    m10k: int
    m10k_of: int
    fits: bool
    logic_levels: int | None
    ops_per_cycle_per_alm: float
    energy: Energy | None = None
    connections: tuple[int, int] | None = None
    accuracy: float
    data: str
    images: int
    mismatches: int
    origin: str
    date: str


class Results(Artefact):
    """`docs/results.json`: the figures behind the README's table of results, one row per design."""

    rows: tuple[Result, ...]


def result(path: Path) -> Result:
    """Return a design's figures, each as its report (`report.json`) has it."""
    report = Report.read(path)
    simulation, synthesis, speed = report.simulation, report.synthesis, report.speed
    return Result(
        design=report.design,
        network=report.network,
        topology=report.topology,
        map_sizes=report.map_sizes,
        clock_mhz=speed.clock_mhz,
        cycles_per_image=simulation.cycles_per_image,
        images_per_second=speed.images_per_second,
        latency_cycles=simulation.latency_cycles,
        latency_us=speed.latency_us,
        alms=synthesis.alms,
        alms_of=synthesis.device.alms,
        m10k=synthesis.m10k,
        m10k_of=synthesis.device.m10k,
        fits=synthesis.fits,
        logic_levels=synthesis.logic_levels,
        ops_per_cycle_per_alm=speed.binary_operations_per_cycle_per_alm or 0.0,
        energy=report.energy,
        connections=_connections(report),
        accuracy=report.accuracy.rtl,
        data=report.accuracy.rtl_data,
        images=simulation.images,
        mismatches=0,  # a report is written only where there is none
        origin=f"{synthesis.tool} {synthesis.version}, {synthesis.kind}; {simulation.simulator}",
        date=datetime.date.fromtimestamp(path.stat().st_mtime).isoformat(),
    )


def _connections(report: Report) -> tuple[int, int] | None:
    largest = max(report.layers, key=lambda layer: layer.full_direct)
    return (largest.connections, largest.full_direct) if largest.connections else None


def reached() -> Results:
    """Return the figures of every named design: of this checkout's report, else as last published.

    Raises UserError where no design has a report.
    """
    known = {row.design: row for row in Results.read(RESULTS).rows} if RESULTS.exists() else {}
    reports = {name: paths.BUILD / name / "report" / "report.json" for name in designs.names()}
    found = {name: result(path) for name, path in reports.items() if path.exists()}
    if not found:
        raise UserError(f"no report under {paths.BUILD}: run `doit report` for all designs")
    rows = {**known, **found}
    return Results(rows=tuple(rows[name] for name in reports if name in rows))


def publish(results: Results) -> None:
    """Write the figures to docs/results.json, their table into the README, and the README's drawing of an engine."""
    results.write(RESULTS)
    write_block(README, "results", table(results))
    manifest = paths.BUILD / DRAWN / "manifest.json"
    if manifest.exists():
        write_text(DRAWING, chain.chain(Manifest.read(manifest), standalone=True) + "\n")


def table(results: Results) -> str:
    """Return the figures as a Markdown table."""
    headers = (
        "design", "network", "cycles per image", "images per second", "latency", "ALMs", "M10K", "ALUT levels",
        "energy per image", "accuracy of the RTL",
    )  # fmt: skip
    return tables.markdown(headers, [_row(each) for each in results.rows])


def _row(each: Result) -> list[Any]:
    return [
        f"`{each.design}`",
        each.topology or "-".join(map(str, each.network)),
        f"{each.cycles_per_image:,.4g}" if each.cycles_per_image < 1000 else f"{each.cycles_per_image:,.0f}",
        f"{each.images_per_second:,.0f} at {each.clock_mhz:g} MHz",
        f"{each.latency_cycles:,} cycles, {each.latency_us:.1f} µs",
        f"{each.alms:,} of {each.alms_of:,}{'' if each.fits else ', does not fit'}",
        f"{each.m10k} of {each.m10k_of}",
        each.logic_levels,
        f"{each.energy.total_uj:.3g} µJ, {each.energy.kind}" if each.energy else None,
        f"{each.accuracy:.2%} of {each.data}",
    ]


def baseline() -> float:
    """Return the seconds of a fixed piece of work: what the machine is worth at this moment."""
    start = time.monotonic()
    sum(number * number % 7 for number in range(10_000_000))
    return time.monotonic() - start


def tools(name: str, images: int = 200) -> list[dict[str, Any]]:
    """Time each tool on a design, in an empty build directory, as a user would run it.

    Returns:
        an object a figure: what, value, unit, and for times the ratio to `baseline`, measured before and after.

    Raises UserError where a stage fails; its own message is on stderr.
    """
    design = designs.load(name)
    timed = [stage for stage in STAGES if stage.applies(design) and stage.name not in UNTIMED]
    before = baseline()
    paths.BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=paths.BUILD) as scratch:
        seconds = {}
        for stage in timed:
            arguments = ["--images", str(images)] if stage.name == "simulate" else []
            start = time.monotonic()
            run = subprocess.run(
                [sys.executable, "-m", "xnorfpga", stage.name, name, *arguments],
                env={**os.environ, "XNORFPGA_BUILD": scratch}, stdout=subprocess.DEVNULL, check=False,
            )  # fmt: skip
            if run.returncode != 0:
                raise UserError(f"stage {stage.name} of {name} failed")
            seconds[stage.name] = time.monotonic() - start
        simulation = read_json(Path(scratch) / name / "sim.json")
    base = (before + baseline()) / 2
    times = {
        "elaborate": seconds["elaborate"],
        "verilate and build": simulation["build_seconds"],
        "synthesize": sum(seconds[stage.name] for stage in timed if stage.module.startswith("synth")),
    }
    figures = [
        {"what": what, "value": round(value, 1), "unit": "s", "ratio": round(value / base, 1)}
        for what, value in times.items()
    ]
    speed = round(simulation["cycles_per_second"])
    return [*figures, {"what": "simulate", "value": speed, "unit": "cycles/s", "ratio": None}]
