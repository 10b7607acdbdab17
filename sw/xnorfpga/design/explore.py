# SPDX-License-Identifier: Apache-2.0
"""`python -m xnorfpga fold`: what foldings of a network fit a board, as text."""

from xnorfpga.base import tables
from xnorfpga.base.errors import UserError
from xnorfpga.design import area, solver
from xnorfpga.design.folding import LayerPrediction, Prediction
from xnorfpga.design.schema import MAX_SIZE, MAX_SIZES, Board


def sizes(text: str) -> tuple[int, ...] | None:
    """Return the layer sizes that a text such as 784-256-10 gives, None where it is a design's name.

    Raises UserError for sizes that make no network.
    """
    parts = text.split("-")
    if not all(part.isdecimal() for part in parts):
        return None
    network = tuple(int(part[:9]) for part in parts)  # more digits than that are refused, however many there are
    if not (2 <= len(network) <= MAX_SIZES and all(1 <= size <= MAX_SIZE for size in network)):
        accepted = f"inputs-neurons-…-classes, at most {MAX_SIZES}, each 1 to {MAX_SIZE}, such as 784-256-10"
        raise UserError(f"network {text if len(text) <= 60 else text[:57] + '...'}: accepted: {accepted}")
    return network


def folded(prediction: Prediction, board: Board) -> str:
    """Return the predicted figures of a folding, one line a layer, and what it takes of the board."""
    headers = ("layer", "MW", "MH", "routing", "PE", "SIMD", "windows", "cycles", "M10K")
    rows = [
        (
            *(k, layer.mw, layer.mh, layer.routing, layer.pe, layer.simd, layer.windows if layer.convolution else ""),
            *(max(layer.engine_cycles, layer.map_cycles), layer.m10k(prediction.block)),
        )
        for k, layer in enumerate(prediction.layers)
    ]
    cycles, mhz = float(prediction.cycles_per_image), board.clock_mhz
    return "\n".join(
        [
            tables.terminal(headers, rows),
            f"copies            {prediction.copies}",
            f"cycles per image  {cycles:g} ({mhz * 1e6 / cycles:,.0f} images/s at {mhz:g} MHz)",
            f"latency           {prediction.latency_cycles} cycles ({prediction.latency_cycles / mhz:.2f} µs)",
            f"M10K              {_of(prediction.m10k, board.capacity.m10k)}",
            f"ALMs, by model    {_of(area.alms(prediction), board.capacity.alms)}",
            f"                  ({area.summary()})",
        ]
    )


def _of(used: int, there: int) -> str:
    return f"{used:,} of {there:,}" + ("" if used <= there else f": {used - there:,} too many")


def table(solutions: list[solver.Solution], clock_mhz: float) -> str:
    """Return a Pareto front, a line a folding, the fastest first; a layer as PE×SIMD, with a map ×windows."""
    headers = ("cycles/image", "images/s", "latency", "ALMs", "M10K", "copies", "PE×SIMD by layer")
    rows = []
    for solution in solutions:
        prediction = solution.prediction
        cycles = float(prediction.cycles_per_image)
        folds = "  ".join(_fold(layer) for layer in prediction.layers)
        rate = round(clock_mhz * 1e6 / cycles)
        rows.append((cycles, rate, prediction.latency_cycles, solution.alms, prediction.m10k, prediction.copies, folds))
    return tables.terminal(headers, rows)


def toml(prediction: Prediction) -> str:
    """Return a folding as the text of a design file."""
    layers = []
    for layer in prediction.layers:
        windows = f", windows = {layer.windows}" if layer.convolution else ""
        layers.append(f'    {{ routing = "{layer.routing}", pe = {layer.pe}, simd = {layer.simd}{windows} }},')
    head = ["[folding]", f"copies = {prediction.copies}", f"input_word_bits = {prediction.input_word_bits}"]
    return "\n".join([*head, "layers = [", *layers, "]"])


def _fold(layer: LayerPrediction) -> str:
    """Return PE×SIMD of a layer, of a map ×windows."""
    return f"{layer.pe}×{layer.simd}" + (f"×{layer.windows}" if layer.convolution else "")


def explore(network: str, board: Board, own: Prediction | None, solutions: list[solver.Solution]) -> str:
    """Return a design's own folding, if any, and the Pareto front of a network, named in a line, as text."""
    head = [folded(own, board), ""] if own else []
    front = f"{network} on {board.title}: no smaller folding is as fast, by the model"
    return "\n".join([*head, front, table(solutions, board.clock_mhz)])
