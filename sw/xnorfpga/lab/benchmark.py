# SPDX-License-Identifier: Apache-2.0
"""What the designs of this checkout reached, from the reports that are there; and how long the tools take."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from xnorfpga.base.errors import UserError
from xnorfpga.base.files import read_json
from xnorfpga.base.paths import BUILD
from xnorfpga.design import designs

COLUMNS = (
    "design", "network", "cycles_per_image", "latency_cycles", "alms", "m10k", "fits", "ops_per_cycle_per_alm",
    "connections_per_layer", "logic_levels", "accuracy_rtl", "images", "mismatches",
)  # fmt: skip


def result(report: Path) -> dict[str, Any]:
    """Return a design's figures, each as its report has it."""
    figures = read_json(report)
    simulation, synthesis = figures["simulation"], figures["synthesis"]
    return {
        "design": figures["design"],
        "network": "-".join(map(str, figures["network"])),
        "cycles_per_image": simulation["cycles_per_image"],
        "latency_cycles": simulation["latency_cycles"],
        "alms": synthesis["alms"],
        "m10k": synthesis["m10k"],
        "fits": synthesis["fits"],
        "ops_per_cycle_per_alm": figures["speed"]["binary_operations_per_cycle_per_alm"],
        "connections_per_layer": [layer["used"] for layer in figures["connections"]],
        "logic_levels": synthesis["logic_levels"],
        "accuracy_rtl": figures["accuracy"]["rtl"],
        "images": simulation["images"],
        "mismatches": simulation["mismatches"] + simulation["hidden_mismatches"],
        "origin": figures["origin"],
    }


def reached() -> list[dict[str, Any]]:
    """Return the figures of every named design that has a report.

    Raises UserError where there is none at all.
    """
    reports = [BUILD / name / "report" / "report.json" for name in designs.names()]
    found = [result(report) for report in reports if report.exists()]
    if not found:
        raise UserError(f"no report under {BUILD}: run `doit report` for all designs")
    return found


def table(results: list[dict[str, Any]]) -> str:
    """Return the figures as a Markdown table."""

    def cell(value: Any) -> str:
        if isinstance(value, list):
            return ", ".join(map(cell, value))
        return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if type(value) is int else str(value)

    lines = [[column.replace("_", " ") for column in COLUMNS], ["---"] * len(COLUMNS)]
    lines += [[cell(entry[column]) for column in COLUMNS] for entry in results]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


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
    before = baseline()
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=BUILD) as scratch:
        seconds = {}
        for stage in ("export", "elaborate", "images", "simulate", "synth"):
            arguments = ["--images", str(images)] if stage == "simulate" else []
            start = time.monotonic()
            run = subprocess.run(
                [sys.executable, "-m", "xnorfpga", stage, name, *arguments],
                env={**os.environ, "XNORFPGA_BUILD": scratch}, stdout=subprocess.DEVNULL, check=False,
            )  # fmt: skip
            if run.returncode != 0:
                raise UserError(f"stage {stage} of {name} failed")
            seconds[stage] = time.monotonic() - start
        simulation = read_json(Path(scratch) / name / "sim.json")
    base = (before + baseline()) / 2
    times = {
        "elaborate": seconds["elaborate"],
        "verilate and build": simulation["build_seconds"],
        "synthesize": seconds["synth"],
    }
    figures = [
        {"what": what, "value": round(value, 1), "unit": "s", "ratio": round(value / base, 1)}
        for what, value in times.items()
    ]
    speed = round(simulation["cycles_per_second"])
    return [*figures, {"what": "simulate", "value": speed, "unit": "cycles/s", "ratio": None}]
