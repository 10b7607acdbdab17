# SPDX-License-Identifier: Apache-2.0
"""`python -m xnorfpga fold`: what foldings of a network fit a board, as text and as a picture."""

from pathlib import Path

from xnorfpga.base.errors import UserError
from xnorfpga.base.files import atomic_write
from xnorfpga.design import area, folding, solver
from xnorfpga.design.designs import Board, Design, device
from xnorfpga.design.folding import Prediction


def sizes(text: str) -> tuple[int, ...] | None:
    """Return the layer sizes that a text such as 784-256-10 gives, None where it is a design's name.

    Raises UserError for sizes that make no network.
    """
    parts = text.split("-")
    if not all(part.isdecimal() for part in parts):
        return None
    network = tuple(map(int, parts))
    if len(network) < 2 or min(network) < 1:
        raise UserError(f"network {text}: accepted: inputs-neurons-…-classes, each at least 1, such as 784-256-10")
    return network


def folded(prediction: Prediction, board: Board) -> str:
    """Return the predicted figures of a folding, one line a layer, and what it takes of the board."""
    lines = [f"{'layer':>5} {'MW':>5} {'MH':>5}  {'routing':10} {'PE':>4} {'SIMD':>5} {'cycles':>7} {'M10K':>5}"]
    for k, layer in enumerate(prediction.layers):
        lines.append(
            f"{k:5} {layer.mw:5} {layer.mh:5}  {layer.routing:10} {layer.pe:4} {layer.simd:5} {layer.cycles:7} "
            f"{layer.m10k(prediction.block):5}"
        )
    cycles, mhz = float(prediction.cycles_per_image), board.clock_mhz
    return "\n".join(
        [
            *lines,
            f"copies            {prediction.copies}",
            f"cycles an image   {cycles:g} ({mhz * 1e6 / cycles:,.0f} images/s at {mhz:g} MHz)",
            f"latency           {prediction.latency_cycles} cycles ({prediction.latency_cycles / mhz:.2f} µs)",
            f"M10K              {_of(prediction.m10k, board.capacity.m10k)}",
            f"ALMs, by model    {_of(area.alms(prediction), board.capacity.alms)}",
            f"                  ({area.summary()})",
        ]
    )


def _of(used: int, there: int) -> str:
    return f"{used:,} of {there:,}" + ("" if used <= there else f": {used - there:,} too many")


def table(solutions: list[solver.Solution], clock_mhz: float) -> str:
    """Return a Pareto front, a line a folding, the fastest first; a layer is shown as PE×SIMD."""
    lines = [
        f"{'cycles/image':>12} {'images/s':>11} {'latency':>8} {'ALMs':>7} {'M10K':>5} {'copies':>6}  PE×SIMD a layer"
    ]
    for solution in solutions:
        prediction = solution.prediction
        cycles = float(prediction.cycles_per_image)
        folds = "  ".join(f"{layer.pe}×{layer.simd}" for layer in prediction.layers)
        lines.append(
            f"{cycles:12.4g} {clock_mhz * 1e6 / cycles:11,.0f} {prediction.latency_cycles:8} {solution.alms:7,} "
            f"{prediction.m10k:5} {prediction.copies:6}  {folds}"
        )
    return "\n".join(lines)


def picture(solutions: list[solver.Solution], own: Prediction | None, board: Board, title: str, path: Path) -> None:
    """Write the front as SVG: cycles an image against ALMs, with what the board has, and a design's own folding."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    cycles = [float(solution.cycles_per_image) for solution in solutions]
    axes.plot(cycles, [solution.alms for solution in solutions], "o-", label="smallest foldings found")
    if own:
        axes.plot(float(own.cycles_per_image), area.alms(own), "D", color="tab:red", label="the design file's folding")
    axes.axhline(board.capacity.alms, color="gray", linestyle="--", label=f"ALMs of {board.device}")
    axes.set(xscale="log", yscale="log", xlabel="cycles an image", ylabel="ALMs (model)", title=title)
    axes.grid(which="both", alpha=0.2)
    axes.legend()
    with atomic_write(path) as file:
        figure.savefig(file, format="svg", metadata={"Date": None})


def toml(prediction: Prediction) -> str:
    """Return a folding as the text of a design file."""
    layers = [
        f'    {{ routing = "{layer.routing}", pe = {layer.pe}, simd = {layer.simd} }},' for layer in prediction.layers
    ]
    head = ["[folding]", f"copies = {prediction.copies}", f"input_word_bits = {prediction.input_word_bits}"]
    return "\n".join([*head, "layers = [", *layers, "]"])


def explore(network: tuple[int, ...], board: Board, own: Design | None, file: Path) -> str:
    """Return a design's own folding, if any, and the Pareto front as text; write the front's picture to `file`."""
    solutions = solver.front(network, device(board))
    prediction = folding.predict(own) if own else None
    name = "-".join(map(str, network))
    picture(solutions, prediction, board, f"{name} on {board.name}", file)
    head = [folded(prediction, board), ""] if prediction else []
    front = f"{name} on {board.name}: no smaller folding is as fast, by the model"
    return "\n".join([*head, front, table(solutions, board.clock_mhz), "", str(file)])
