# SPDX-License-Identifier: Apache-2.0
"""What the designs of this checkout reached: one table from the reports that are there."""

from pathlib import Path
from typing import Any

from xnorfpga import design
from xnorfpga.common import BUILD, UserError, read_json

COLUMNS = (
    "design", "network", "cycles_per_image", "latency_cycles", "alms", "m10k", "fits", "ops_per_cycle_per_alm",
    "logic_levels", "accuracy_rtl", "images", "mismatches",
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


def designs() -> list[dict[str, Any]]:
    """Return the figures of every named design that has a report.

    Raises UserError where there is none at all.
    """
    reports = [BUILD / name / "report" / "report.json" for name in design.names()]
    found = [result(report) for report in reports if report.exists()]
    if not found:
        raise UserError(f"no report under {BUILD}: run `doit report` for all designs")
    return found


def table(results: list[dict[str, Any]]) -> str:
    """Return the figures as a Markdown table."""

    def cell(value: Any) -> str:
        return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if type(value) is int else str(value)

    lines = [[column.replace("_", " ") for column in COLUMNS], ["---"] * len(COLUMNS)]
    lines += [[cell(entry[column]) for column in COLUMNS] for entry in results]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
