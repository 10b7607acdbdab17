# SPDX-License-Identifier: Apache-2.0
"""Report: all figures of a design in `report.json`, on the terminal, and on one page with pictures.

Every figure carries its origin; nothing is computed here that a stage before has measured.
"""

import base64
import io
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import matplotlib.image
import numpy as np

from xnorfpga.base.errors import UserError
from xnorfpga.base.files import read_json, write_json, write_text
from xnorfpga.data import mnist
from xnorfpga.lab import routings

if TYPE_CHECKING:
    from xnorfpga.design.designs import Design

HERE = Path(__file__).parent
SHOWN_MISREAD = 60


def published() -> list[dict[str, Any]]:
    """Return the published designs, each with its source."""
    return tomllib.loads((HERE / "published.toml").read_text(encoding="utf-8"))["design"]


def gather(design: "Design", build: Path) -> dict[str, Any]:
    """Return the content of report.json from what the stages left in `build`.

    Raises UserError where a stage's file is absent, or belongs to another model than the exported one.
    """
    exported, simulated = read_json(build / "accelerator.json"), read_json(build / "sim.json")
    synthesized, manifest = read_json(build / "synth.json"), read_json(build / "manifest.json")
    if simulated["model_digest"] != exported["digest"]:
        raise UserError(f"{build / 'sim.json'}: not of the model in accelerator.json; simulate {design.name} again")
    cycles, clock_hz = simulated["cycles_per_image"], design.board.clock_mhz * 1e6
    macs = sum(mw * mh for mw, mh in design.shapes)
    alms = synthesized["alms"]
    return {
        "design": design.name,
        "network": exported["network"],
        "weights": exported["origin"],
        "data": exported["data"],
        "accuracy": {**exported["accuracy"], "rtl": simulated["accuracy"], "rtl_data": simulated["data"]},
        "simulation": {
            key: simulated[key]
            for key in (
                "images", "mismatches", "hidden_mismatches", "cycles_per_image", "latency_cycles",
                "predicted_cycles_per_image", "predicted_latency_cycles", "cycles_per_second", "simulator",
            )
        },
        "speed": {
            "clock_mhz": design.board.clock_mhz,
            "images_per_second": clock_hz / cycles,
            "latency_us": simulated["latency_cycles"] / design.board.clock_mhz,
            "binary_operations_per_cycle_per_alm": 2 * macs / cycles / alms if alms else None,
        },
        "synthesis": {key: value for key, value in synthesized.items() if key != "connections"},
        "connections": synthesized["connections"],
        "layers": [
            {key: layer[key] for key in ("mw", "mh", "routing", "pe", "simd", "cycles")} for layer in manifest["layers"]
        ],
        "copies": manifest["copies"],
        "published": published(),
        "routings": routings.load(),
        "origin": {
            "accuracy.float": "PyTorch",
            "accuracy.golden": "integer model in NumPy",
            "accuracy.rtl, simulation": f"RTL simulation: {simulated['simulator']}",
            "speed": "cycles of the RTL simulation at the board's clock",
            "synthesis, connections": f"{synthesized['tool']} {synthesized['version']}, {synthesized['kind']}",
            "published": "as published; sources in each row",
            "routings": routings.load()["origin"],
        },
    }  # fmt: skip


def complaints(figures: dict[str, Any]) -> list[str]:
    """Return what a reader must see before anything else."""
    found, synthesis = [], figures["synthesis"]
    wrong = figures["simulation"]["mismatches"] + figures["simulation"]["hidden_mismatches"]
    if wrong:
        found.append(f"The RTL differs from the golden model in {wrong} results.")
    over = {name: count for name, count in (synthesis["over"] or {}).items() if count}
    if not synthesis["fits"]:
        found.append("It does not fit the device: over by " + ", ".join(f"{n:,} {name}" for name, n in over.items()))
    return found


def cautions(figures: dict[str, Any]) -> list[str]:
    """Return what a reader should know who is about to rely on the figures."""
    synthesis = figures["synthesis"]
    likely, has = alm_range(synthesis), synthesis["device"]["alms"]
    if likely and synthesis["fits"] and likely[1] > has:
        return [
            f"It fits by the estimate, {synthesis['alms']:,} of {has:,} ALMs; with the spread of such estimates "
            f"Quartus may need {likely[0]:,} to {likely[1]:,}. Have it compiled before you rely on it."
        ]
    return []


def alm_range(synthesis: dict[str, Any]) -> tuple[int, int] | None:
    """Return the ALMs between which Quartus' figure was for half of the designs with such estimates, None for a fit."""
    band = synthesis.get("alm_band_half")
    return (round(synthesis["alms"] / band[1]), round(synthesis["alms"] / band[0])) if band else None


def rows(figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the table's rows: figure, value, origin."""
    simulation, synthesis, speed = figures["simulation"], figures["synthesis"], figures["speed"]
    rtl, tool = simulation["simulator"], f"{synthesis['tool']} {synthesis['version']}, {synthesis['kind']}"
    device = synthesis["device"]
    band = synthesis.get("alm_band")
    alms = f"{synthesis['alms']:,} of {device['alms']:,}"
    if band:
        alms += f" (estimate ÷ Quartus was {band[0]} to {band[1]} on public designs)"
    verdict = "yes" if synthesis["fits"] else "NO"
    return [
        ("network", "-".join(map(str, figures["network"])), f"weights {figures['weights']}"),
        ("trained on", figures["data"]["train"], figures["data"]["source"]),
        ("accuracy, float", f"{figures['accuracy']['float']:.2%} on {figures['data']['test']}", "PyTorch"),
        ("accuracy, golden", f"{figures['accuracy']['golden']:.2%} on {figures['data']['test']}", "integer model"),
        ("accuracy, RTL", f"{figures['accuracy']['rtl']:.2%} on {figures['accuracy']['rtl_data']}", rtl),
        ("images through the RTL", f"{simulation['images']:,}, {simulation['mismatches']} mismatches", rtl),
        ("cycles an image", f"{simulation['cycles_per_image']:g}, as predicted", rtl),
        ("latency", f"{simulation['latency_cycles']} cycles, {speed['latency_us']:.2f} µs, as predicted", rtl),
        ("images a second", f"{speed['images_per_second']:,.0f} at {speed['clock_mhz']:g} MHz", "from the cycles"),
        ("ALMs", alms, tool),
        ("M10K", f"{synthesis['m10k']} of {device['m10k']}", tool),
        ("flip-flops, DSPs", f"{synthesis['ffs']:,}, {synthesis['dsps']}", tool),
        ("longest path", f"{synthesis['logic_levels']} ALUT levels, {synthesis['carry_hops']} carry hops", tool),
        ("fits", verdict, tool),
    ]


def markdown(figures: dict[str, Any]) -> str:
    """Return the table for the terminal."""
    table = [("figure", "value", "origin"), *rows(figures)]
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in table
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join([f"## {figures['design']}", *(f"**{line}**" for line in complaints(figures)), *lines])


def picture(digit: np.ndarray) -> str:
    """Return a digit uint8[28, 28] as a data URL, dark on light."""
    file = io.BytesIO()
    matplotlib.image.imsave(file, 255 - digit, cmap="gray", vmin=0, vmax=255, format="png")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def curve(record: dict[str, Any]) -> dict[str, Any] | None:
    """Return the learning curve as SVG polylines in a box of 600 × 200: loss, accuracy in training and validation."""
    points = record["curves"]
    if len(points) < 2:
        return None

    def line(key: str, low: float, high: float) -> str:
        known = [(k, point[key]) for k, point in enumerate(points) if point.get(key) is not None]
        x, y = 600 / (len(points) - 1), 200 / (high - low)
        return " ".join(f"{k * x:.1f},{200 - (min(max(v, low), high) - low) * y:.1f}" for k, v in known)

    accuracies = [p[key] for p in points for key in ("train_accuracy", "validation_accuracy") if p.get(key) is not None]
    floor = np.floor(min(accuracies) * 20) / 20
    top = max(point["loss"] for point in points)
    return {
        "train": line("train_accuracy", floor, 1.0),
        "validation": line("validation_accuracy", floor, 1.0),
        "loss": line("loss", 0.0, top),
        "floor": floor,
        "loss_top": top,
        "epochs": len(points),
    }


def page(figures: dict[str, Any], build: Path, design: "Design") -> str:
    """Return the page: one HTML file that needs no other."""
    labels = np.array(read_json(build / "sim.json")["labels"])
    dataset = mnist.load(design.network.dataset, published=design.published)
    truth, digits = dataset.test_labels[: len(labels)], dataset.test_images[: len(labels)]
    classes = figures["network"][-1]
    confusion = np.zeros((classes, classes), dtype=int)
    np.add.at(confusion, (truth, labels), 1)
    wrong = np.flatnonzero(labels != truth)
    misread = [
        {"image": picture(digits[k]), "index": int(k), "true": int(truth[k]), "read": int(labels[k])}
        for k in wrong[:SHOWN_MISREAD]
    ]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("report.html").render(
        figures=figures,
        rows=rows(figures),
        complaints=complaints(figures),
        cautions=cautions(figures),
        confusion=confusion.tolist(),
        misread=misread,
        misread_total=len(wrong),
        curve=curve(read_json(build / "training.json")),
        record=read_json(build / "training.json"),
        routing_columns=routings.COLUMNS,
        alm_range=alm_range(figures["synthesis"]),
        slowest=max(layer["cycles"] for layer in figures["layers"]),
    )


def report(design: "Design", build: Path) -> dict[str, Any]:
    """Write `report/report.json` and `report/index.html`, print the table, and return the figures.

    Raises UserError where a stage's result is absent or of another model.
    """
    figures = gather(design, build)
    html = page(figures, build, design)
    write_text(build / "report" / "index.html", html)
    write_json(build / "report" / "report.json", figures)
    print(markdown(figures))
    print(f"\n{build / 'report' / 'index.html'}")
    return figures
