# SPDX-License-Identifier: Apache-2.0
"""Charts: every picture that matplotlib draws for this package.

Those of the report are SVG elements to put into its page. Their colours are the page's CSS variables, so they follow
its dark mode, and their letters are text in the page's font. A chart is 360 units wide, as wide as a telephone's
screen, so that its letters are readable there.
"""

import base64
import io
import math
import re
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any

import matplotlib
import matplotlib.image
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from xnorfpga.artefacts.report import PaperTable, Report
from xnorfpga.artefacts.sweep import Sweep
from xnorfpga.artefacts.training import Training
from xnorfpga.base.files import atomic_write
from xnorfpga.design import area
from xnorfpga.design.folding import Prediction
from xnorfpga.design.schema import Board
from xnorfpga.design.solver import Solution
from xnorfpga.network import golden
from xnorfpga.network.golden import Model
from xnorfpga.report.paper import QUANTITIES, Quantity, shown
from xnorfpga.report.paper import bars as paper_bars

# A colour that matplotlib draws, and the variable of the page that takes its place.
INK, SOFT, LINE, BLUE, GREEN, AMBER = (f"#0a0b0{k}" for k in range(6))
VARIABLES = {INK: "ink", SOFT: "soft", LINE: "line", BLUE: "blue", GREEN: "green", AMBER: "amber"}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.edgecolor": SOFT,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "grid.color": LINE,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
}
MARKS = "o^v>D<p*"


def learning_curve(training: Training) -> str | None:
    """Return loss and accuracies over the epochs of a training, None where fewer than two epochs are known."""
    epochs = [row.epoch for row in training.curves]
    if len(epochs) < 2:
        return None
    with _chart("learning curve", 5.0, 3.9) as (figure, left, result):
        right = left.twinx()
        right.spines["right"].set_visible(True)
        left.semilogy(epochs, [row.loss for row in training.curves], color=SOFT, linewidth=1, label="loss (left axis)")
        right.plot(epochs, [100 * row.train_accuracy for row in training.curves], color=BLUE, label="training images")
        validated = [(row.epoch, 100 * row.validation_accuracy) for row in training.curves if row.validation_accuracy]
        if validated:
            right.plot(*zip(*validated, strict=True), color=GREEN, label="validation images")
        left.set(xlabel="epoch", ylabel="training loss (cross-entropy)", title=training.data.train)
        left.yaxis.set_major_formatter(FuncFormatter(_plain))
        left.yaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
        right.set_ylabel("accuracy, %")
        figure.legend(loc="outside lower center", ncols=3, columnspacing=1.0, handlelength=1.2)
    return result()


def speed_and_logic(report: Report) -> str:
    """Return cycles per image against logic, both logarithmic: this design and the published ones."""
    with _chart("cycles per image against logic", 5.0, 4.4) as (figure, axes, result):
        axes.loglog(
            report.synthesis.alms, report.simulation.cycles_per_image, "o", color=BLUE, markersize=9,
            label=f"{report.design} (ALMs, {report.synthesis.kind})",
        )  # fmt: skip
        device = report.synthesis.device
        axes.axvline(device.alms, color=BLUE, linestyle=":", linewidth=1, label=f"ALMs of {device.name}")
        for other, mark in zip(report.published, MARKS[1:], strict=False):
            if other.cycles and other.logic_luts:
                low, high = other.logic_luts
                middle = math.sqrt(low * high)
                axes.loglog(middle, other.cycles, mark, color=AMBER, markersize=7, label=f"{other.name} (LUTs)")
                if low != high:
                    axes.loglog([low, high], [other.cycles] * 2, "-", color=AMBER, linewidth=1)
        axes.set(xlabel="logic: ALMs, or LUTs of the published designs", ylabel="cycles per image")
        for axis in (axes.xaxis, axes.yaxis):
            _decades(axis)
        axes.grid(which="major")
        figure.legend(loc="outside lower center", ncols=1)
    return result()


def energy_and_accuracy(report: Report) -> str:
    """Return error rate against energy per image of this design and of those whose energy and accuracy are known."""
    points = [
        (f"{other.name}{f', {other.energy_note}' if other.energy_note else ''}", other.energy_uj, other.accuracy)
        for other in report.published
        if other.energy_uj and other.accuracy
    ]
    with _chart("error rate against energy per image", 5.0, 4.4) as (figure, axes, result):
        wrong, spent = 100 * (1 - report.accuracy.rtl), report.energy
        for what, microjoules, mark in (
            ("core dynamic power", spent.core_dynamic_uj, "s"),
            ("all power", spent.total_uj, "o"),
        ):
            name = f"{report.design}, {what} ({spent.kind})"
            axes.semilogx(microjoules, wrong, mark, color=BLUE, markersize=9, label=name)
        if spent.band:
            low, high = (spent.core_dynamic_uj / ratio for ratio in spent.band)
            axes.semilogx([low, high], [wrong] * 2, "-", color=BLUE, linewidth=1)
        for (name, microjoules, (low, high)), mark in zip(points, MARKS[3:], strict=False):
            errors = [100 * (1 - high), 100 * (1 - low)]
            axes.semilogx(microjoules, sum(errors) / 2, mark, color=AMBER, markersize=7, label=name)
            if low != high:
                axes.semilogx([microjoules] * 2, errors, "-", color=AMBER, linewidth=1)
        axes.set(xlabel="energy per image, µJ", ylabel="read wrongly, %")
        axes.set_ylim(0, 1.15 * axes.get_ylim()[1])
        _decades(axes.xaxis)
        axes.grid(which="major")
        figure.legend(loc="outside lower center", ncols=1)
    return result()


def timeline(report: Report) -> str:
    """Return when each part of the accelerator works on a lone image, from its first word to its result."""
    latency, first = report.simulation.latency_cycles, report.layers[0].busy_cycles[0]
    parts = [("collect the image", 0, first)]
    parts += [(f"layer {k}: {layer.mw} → {layer.mh}", *layer.busy_cycles) for k, layer in enumerate(report.layers)]
    parts.append(("argmax", report.layers[-1].busy_cycles[1], latency))
    with _chart("latency of a lone image", 5.0, 0.8 + 0.48 * len(parts)) as (_, axes, result):
        for row, (name, start, end) in enumerate(parts):
            axes.barh(row, end - start, left=start, height=0.34, color=BLUE)
            axes.text(0, row - 0.26, f"{name}, {end - start:,} cycles", va="bottom")
        axes.set(
            xlabel="cycles since the image's first word", xlim=(0, latency), ylim=(len(parts) - 0.6, -0.8), yticks=[]
        )
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.set_axisbelow(True)
    return result()


def digit(image: np.ndarray) -> str:
    """Return an image as the data URL of a picture: uint8[H, W] dark on light, uint8[H, W, 3] in its colors."""
    file = io.BytesIO()
    matplotlib.image.imsave(
        file, 255 - image if image.ndim == 2 else image, cmap="gray", vmin=0, vmax=255, format="png"
    )
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


FILTERS_IN_A_ROW = 16


def maps(model: Model, image: np.ndarray) -> list[tuple[str, str]]:
    """Return of each convolutional layer a title and a picture: what its filters answered to an image, map by map.

    A dark pixel is a high answer. The maps are those before the pool.
    """
    found = golden.infer(model, model.encode(image[None])).hidden
    pictures = []
    for k, layer in enumerate(model.layers):
        if not (map := layer.convolution):
            continue
        filters, planes = len(layer.weights), layer.levels.shape[1].bit_length()
        bits = found[k].reshape(map.out_height, map.out_width, planes, filters)
        code = (bits << np.arange(planes)[:, None]).sum(2) * (255 // (2**planes - 1))
        columns = min(filters, FILTERS_IN_A_ROW)
        rows = -(-filters // columns)
        sheet = np.full((rows * (map.out_height + 1) - 1, columns * (map.out_width + 1) - 1), 128, np.uint8)
        for number in range(filters):
            row, column = divmod(number, columns)
            top, left = row * (map.out_height + 1), column * (map.out_width + 1)
            sheet[top : top + map.out_height, left : left + map.out_width] = code[:, :, number]
        title = f"Layer {k}: {filters} filters, {map.out_height} × {map.out_width} windows"
        pictures.append((title, digit(sheet)))
    return pictures


def front(path: Path, title: str, solutions: list[Solution], own: Prediction | None, board: Board) -> None:
    """Write a Pareto front as an SVG file: cycles per image against ALMs, with the board's ALMs and `own` folding."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    cycles = [float(solution.cycles_per_image) for solution in solutions]
    axes.plot(cycles, [solution.alms for solution in solutions], "o-", label="smallest foldings found")
    if own:
        axes.plot(float(own.cycles_per_image), area.alms(own), "D", color="tab:red", label="the design file's folding")
    axes.axhline(board.capacity.alms, color="gray", linestyle="--", label=f"ALMs of {board.device}")
    axes.set(xscale="log", yscale="log", xlabel="cycles per image", ylabel="ALMs (model)", title=title)
    axes.grid(which="both", alpha=0.2)
    axes.legend()
    with atomic_write(path) as file:
        figure.savefig(file, format="svg", metadata={"Date": None})


def sweep(path: Path, found: Sweep) -> None:
    """Write a sweep as an SVG file: accuracy against weight bits, ALMs and cycles per image, as far as they are known.

    A mark is the mean over the seeds, its line from the least to the greatest. A dashed line joins the marks that no
    other beats in both. Where the trials differ in none of these, each is a bar.
    """
    groups = found.measured()
    tested = all(row.outcome.accuracy_test is not None for group in groups.values() for row in group)
    measure = "accuracy_test" if tested else "accuracy_validation"
    known = found.varied_costs()
    if not known:
        figure = Figure(figsize=(8, 1.2 + 0.45 * len(groups)), layout="constrained")
        figure.suptitle("\n".join(textwrap.wrap(found.title, 80)))
        axes = figure.subplots()
        names = [", ".join(points) for points in groups]
        shares = [100 * fmean(getattr(row.outcome, measure) for row in group) for group in groups.values()]
        axes.bar_label(axes.barh(names[::-1], shares[::-1]), fmt="%.1f", padding=3)
        axes.set(xlabel=f"{'test' if tested else 'validation'} images read right, %", xlim=(0, 105))
        _save(path, figure)
        return
    figure = Figure(figsize=(1 + 4 * len(known), 5.2), layout="constrained")
    figure.suptitle(found.title)
    kinds = list(dict.fromkeys(points[0] for points in groups))
    for axes, (key, name) in zip(figure.subplots(1, len(known), squeeze=False)[0], known.items(), strict=True):
        marks = []
        for points, group in groups.items():
            if (x := getattr(group[0].outcome, key)) is None:
                continue
            shares = [100 * getattr(row.outcome, measure) for row in group]
            middle = sum(shares) / len(shares)
            marks.append((x, middle))
            kind = kinds.index(points[0])
            colour = f"C{kind % 10}"
            axes.plot([x, x], [min(shares), max(shares)], "-", color=colour, linewidth=1)
            axes.plot(x, middle, MARKS[kind % len(MARKS)], color=colour, label=points[0], markersize=7)
        best = [mark for mark in marks if not any(_beats(other, mark) for other in marks)]
        axes.plot(*zip(*sorted(best), strict=True), "--", color="gray", linewidth=1, zorder=0)
        axes.set(xscale="log", xlabel=name, ylabel=f"{'test' if tested else 'validation'} digits read right, %")
        axes.xaxis.set_major_formatter(FuncFormatter(_plain))
        axes.xaxis.set_minor_formatter(FuncFormatter(_plain))
        axes.tick_params(axis="x", which="both", labelrotation=45)
        axes.grid(which="both", alpha=0.2)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside lower center", ncols=4)
    _save(path, figure)


def _save(path: Path, figure: Figure) -> None:
    with matplotlib.rc_context({"svg.hashsalt": path.stem}), atomic_write(path) as file:
        figure.savefig(file, format="svg", metadata={"Date": None})


def paper(path: Path, quantity: Quantity, bars: list[tuple[str, float, str]]) -> None:
    """Write one of the paper's figures beside ours as an SVG file: a bar an accelerator, logarithmic, with its kind."""
    figure = Figure(figsize=(8, 0.9 + 0.42 * len(bars)), layout="constrained")
    _paper_bars(figure.subplots(), quantity, bars, "tab:blue", "tab:orange")
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": path.stem}), atomic_write(path) as file:
        figure.savefig(file, format="svg", metadata={"Date": None})


def paper_elements(found: PaperTable) -> list[tuple[str, str]]:
    """Return title and SVG element of each of the paper's figures, for the report's page."""
    elements = []
    for quantity in QUANTITIES:
        bars = paper_bars(found, quantity)
        with _chart(f"the paper's figures: {quantity.title}", 5.0, 0.9 + 0.42 * len(bars)) as (_, axes, result):
            _paper_bars(axes, quantity, bars, BLUE, AMBER)
        elements.append((quantity.title, result()))
    return elements


def _paper_bars(axes: Axes, quantity: Quantity, bars: list[tuple[str, float, str]], ours: str, theirs: str) -> None:
    least = min(value for _, value, _ in bars)
    for row, (name, value, kind) in enumerate(bars):
        axes.barh(row, value, height=0.3, color=theirs if "published" in kind else ours)
        axes.text(least / 2, row - 0.22, f"{name}: {shown(value)} ({kind})", va="bottom", fontsize=8)
    axes.set(xscale="log", xlabel=quantity.axis, xlim=(least / 2, None), ylim=(len(bars) - 0.5, -0.8), yticks=[])
    axes.xaxis.set_major_formatter(FuncFormatter(_plain))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)


def _beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Return whether a mark has no more of what is spent and no less accuracy than another, and is not the same."""
    return one != other and one[0] <= other[0] and one[1] >= other[1]


@contextmanager
def _chart(name: str, width: float, height: float) -> Iterator[tuple[Figure, Axes, Callable[[], str]]]:
    """Give a figure, its axes, and a function that returns it as an SVG element once it is drawn; sizes in inches."""
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
        axes = figure.subplots()
        axes.set_facecolor("none")
        written = io.StringIO()
        yield figure, axes, lambda: _element(written.getvalue(), name)
        figure.savefig(written, format="svg", metadata={"Date": None})


def _element(text: str, name: str) -> str:
    """Return matplotlib's SVG file as an element of a page: no head, no size, no ids that two charts would share."""
    element = text[text.index("<svg ") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.S)
    element = re.sub(r' id="(?:figure|axes|patch|line2d|text|matplotlib|xtick|ytick|legend)[^"]*"', "", element)
    element = re.sub(r'(<svg [^>]*?) width="[^"]*"', r"\1", element, count=1)
    element = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", element, count=1)
    element = re.sub(r" *<defs>\s*<style.*?</defs>", "", element, count=1, flags=re.S)  # would hold for the whole page
    element = re.sub(r" font-family: [^;\"]*;?", "", element)
    for colour, variable in VARIABLES.items():
        element = element.replace(colour, f"var(--{variable})")
    return element.replace("<svg ", f'<svg class="chart" role="img" aria-label="{name}" ', 1)


def _decades(axis: Axis) -> None:
    """Let a logarithmic axis span whole powers of ten, each with a plain number."""
    low, high = axis.get_view_interval()
    axis.set_view_interval(10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high)), ignore=True)
    axis.set_major_formatter(FuncFormatter(_plain))
    axis.set_minor_formatter(FuncFormatter(lambda *_: ""))


def _plain(value: float, _: int) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
