# SPDX-License-Identifier: Apache-2.0
"""Random hardware configurations, legal by construction, and random networks to run on them."""

import random
from itertools import pairwise
from typing import Any

import numpy as np

from xnorfpga.artefacts.hardware import Convolution, Hardware
from xnorfpga.base.strict import check
from xnorfpga.design import folding
from xnorfpga.network.golden import LayerWeights, Model
from xnorfpga.rtl import memory

Configuration = dict[str, Any]
"""What `hardware.json` holds: see docs/contracts.md and `xnorfpga.design.hardware`."""

SIZES = (1, 2, 3, 4, 7, 8, 12, 16, 20, 24, 30, 36, 49)
MEMORY = {"block_bits": 10240, "max_width": 40}
MAX_CYCLES = 64  # of a layer or of a group at the input: how long a random network takes to simulate
CONVOLUTIONAL = range(38, 54)  # numbers of accelerators that begin with convolutions
MAX_PRODUCTS = 400  # of a layer, a cycle: how long a random accelerator takes to build


def divisors(n: int) -> list[int]:
    """Return all divisors of n."""
    return [d for d in range(1, n + 1) if n % d == 0]


def layer(
    rng: random.Random, mw: int, mh: int, lanes: int, routing: str | None = None, cycles: int = MAX_CYCLES
) -> Configuration:
    """Draw the fold of one layer; of the folds that are neither too slow nor too large, where there are such."""
    routing = routing or rng.choice(("stationary", "diagonal", "broadcast"))
    folds = [(pe, simd) for pe in divisors(mh) for simd in ([mw] if routing == "stationary" else divisors(mw))]
    if routing == "broadcast" and rng.random() < 0.5:
        folds = [(pe, simd) for pe, simd in folds if pe == mh]
    quick = [fold for fold in folds if mw * mh <= cycles * fold[0] * fold[1]]
    small = [fold for fold in quick if fold[0] * fold[1] * lanes <= MAX_PRODUCTS]
    pe, simd = rng.choice(small or quick or folds)
    return {"mw": mw, "mh": mh, "routing": routing, "pe": pe, "simd": simd}


def operands(rng: random.Random, last: bool) -> tuple[tuple[int, ...], str]:
    """Draw the coefficients of a layer's bit planes, and its weights: of one bit more often than not."""
    coefficients = rng.choice((*[(1,)] * 4, (1, 2), (1, 4), (2, 1), (1, 2, 4)))
    return coefficients, "ternary" if not last and rng.random() < 0.3 else "binary"


def chain(copies: int, input_word_bits: int, *layers: tuple[Any, ...]) -> Configuration:
    """Return a configuration of layers (mw, mh, routing, pe, simd); coefficients and weights where not of one bit.

    A convolutional layer also has its convolution and the windows that share every weight read.
    """
    keys = ("mw", "mh", "routing", "pe", "simd", "coefficients", "weights", "convolution", "windows")
    one_bit = ([1], "binary", None, 1)
    return {
        "design": "accelerator",
        "clock_mhz": 50,
        "input_word_bits": input_word_bits,
        "copies": copies,
        "layers": [dict(zip(keys, (*layer, *one_bit[len(layer) - 5 :]), strict=True)) for layer in layers],
        "memory": MEMORY,
    }


def registered(configuration: Configuration) -> Configuration:
    """Return a configuration with the output registers of its block RAM."""
    return {**configuration, "memory": {**configuration["memory"], "read_cycles": 2}}


def convolution(
    height: int, width: int, channels: int, kernel: int, stride: int = 1, padding: int = 0, pool: int = 1
) -> Configuration:
    """Return a map and the windows on it."""
    return dict(Convolution(**locals()).model_dump())


NAMED = {  # what the random ones seldom are
    # a group in every place of every buffer: as many images inside as there can be
    "parallel": chain(1, 6, (6, 5, "stationary", 5, 6), (5, 4, "stationary", 4, 5), (4, 2, "stationary", 2, 4)),
    # pairs counted while the words of the input go round
    "rings": chain(3, 6, (24, 16, "broadcast", 4, 8), (16, 12, "diagonal", 4, 8), (12, 5, "stationary", 5, 12)),
    # thresholds entered bit by bit
    "serial": chain(2, 9, (36, 49, "diagonal", 49, 1), (49, 10, "broadcast", 10, 1), (10, 3, "broadcast", 3, 1)),
    # bit planes of grey images and of activations; weights that may be 0
    "planes": chain(
        3, 8,
        (24, 12, "stationary", 3, 24, [1, 2, 4], "ternary"), (12, 16, "broadcast", 16, 3, [1, 2], "ternary"),
        (16, 8, "diagonal", 4, 8, [1, 4], "binary"), (8, 3, "broadcast", 3, 2, [1, 2], "binary"),
    ),
    # windows that overlap, in a frame, a whole row of them to a weight read; a pool that leaves a column out
    "maps": chain(
        1, 4,
        (18, 4, "stationary", 2, 18, [1, 2], "binary", convolution(6, 5, 2, kernel=3, padding=1, pool=2), 4),
        (16, 6, "broadcast", 3, 4, [1], "ternary", convolution(3, 2, 4, kernel=2), 1),
        (12, 3, "broadcast", 3, 4, [1, 2], "binary"),
    ),
    # a layer that is first and last, in words
    "only": chain(2, 3, (6, 4, "broadcast", 4, 2)),
    # memories deeper than a block is at its widest
    "deep": chain(1, 20, (20, 16, "diagonal", 1, 1), (16, 3, "broadcast", 1, 16)),
    # another device's block RAM, wider than 40 bits
    "wide": {
        **chain(2, 20, (20, 16, "stationary", 4, 20), (16, 3, "broadcast", 3, 16)),
        "memory": {"block_bits": 20480, "max_width": 72},
    },
}  # fmt: skip


CHAINS = {  # whose layers are tried alone
    "rings": NAMED["rings"],
    "serial": NAMED["serial"],
    "planes": NAMED["planes"],
    # pairs counted in each bit plane, word by word and at once; an answer of three planes
    "paired_planes": chain(
        2, 4,
        (16, 20, "stationary", 20, 16, [1, 4], "binary"), (20, 6, "stationary", 2, 20, [1, 2], "binary"),
        (6, 3, "diagonal", 3, 2, [1, 2, 4], "ternary"), (3, 4, "broadcast", 4, 3, [2, 1], "binary"),
    ),
    "smallest": chain(
        1, 1,
        (1, 1, "stationary", 1, 1), (1, 3, "diagonal", 1, 1), (3, 2, "broadcast", 1, 1),
        (2, 3, "stationary", 3, 2), (3, 4, "diagonal", 2, 1), (4, 1, "broadcast", 1, 2),
    ),
    # pairs counted where whole vectors arrive; words used as they come, cut from wider beats
    "whole": chain(2, 16, (16, 20, "stationary", 20, 16), (20, 8, "broadcast", 8, 4), (8, 3, "diagonal", 3, 2)),
    # every kind of buffer, counting and threshold where rows come a cycle later
    "registered": registered(chain(
        2, 4,
        (16, 20, "stationary", 20, 16, [1, 4], "binary"), (20, 8, "broadcast", 8, 4),
        (8, 6, "stationary", 2, 8, [1, 2], "ternary"), (6, 36, "diagonal", 4, 3), (36, 8, "diagonal", 8, 1),
        (8, 3, "broadcast", 3, 2),
    )),
}  # fmt: skip


BAUD = 2_500_000  # ten samples of a bit, two cycles each
BOARD = {  # ten classes, one for each digit; images of no whole byte, scores of two; a model of two chunks on the cable
    **chain(2, 5, (10, 260, "stationary", 4, 10), (260, 10, "broadcast", 10, 4)),
    "baud": BAUD,
}

PLL_BOARD = registered({**BOARD, "clock_mhz": 110})  # eleven samples of a bit, four cycles each; a cycle is no whole ps
SLOW_BOARD = {**BOARD, "clock_mhz": 27.5}  # a cycle each: fast to simulate

BOARDS = {  # whose frames are of other sizes
    # an image of three bit planes that takes a memory of 2 KiB
    "long images": chain(2, 100, (3000, 4, "broadcast", 4, 20, [1, 2, 4]), (4, 3, "stationary", 3, 4)),
    # classes of two bytes, an answer of two COBS blocks and more
    "many classes": chain(1, 8, (16, 300, "broadcast", 20, 4)),
    # an image a word, one bit of a model's word
    "smallest": chain(1, 1, (1, 1, "stationary", 1, 1)),
    # slower than the oscillator
    "PLL": {**chain(1, 8, (16, 8, "stationary", 8, 16), (8, 3, "broadcast", 3, 4)), "clock_mhz": 37.5},
}  # fmt: skip

MUTATED = {  # small ones which together hold every kind of unit of the published designs
    # pairs, their transitions counted word by word; batches; memories of several columns, with output registers, as a
    # fast clock needs: rows come a cycle later
    "registered": registered(chain(
        3, 4, (24, 8, "stationary", 2, 24), (8, 8, "stationary", 2, 8), (8, 3, "broadcast", 3, 2)
    )),
    # words used as they come; pairs, their transitions counted at once
    "streamed": chain(
        2, 5,
        (20, 12, "stationary", 2, 20), (12, 16, "broadcast", 16, 2), (16, 8, "stationary", 4, 16),
        (8, 3, "broadcast", 3, 4),
    ),
    # a ring for every neuron, thresholds entered bit by bit; a block RAM so small that rows take several columns
    "serial": {
        **chain(2, 4, (36, 6, "diagonal", 6, 1), (6, 3, "diagonal", 3, 1)),
        "memory": {"block_bits": 256, "max_width": 40},
    },
    # weights that may be 0, two bit planes an activation, levels in a memory of several columns
    "planes": chain(
        2, 4,
        (16, 8, "stationary", 2, 16, [1], "ternary"), (8, 16, "stationary", 8, 8),
        (16, 8, "stationary", 2, 16, [1, 2], "binary"),
        (8, 3, "broadcast", 3, 2, [1, 2], "binary"),
    ),
    # weights of windows that never change, pixels of two planes; then pairs of windows in words; and whole vectors
    "maps": chain(
        1, 2,
        (9, 6, "stationary", 6, 9, [1, 2], "binary", convolution(6, 5, 1, kernel=3, padding=1, pool=2), 1),
        (24, 8, "broadcast", 4, 12, [1], "binary", convolution(3, 2, 6, kernel=2), 1),
        (16, 6, "broadcast", 1, 4), (6, 3, "broadcast", 1, 2),
    ),
    # several windows to a weight read, pairs of theirs, a pool that leaves a row out
    "windows": chain(
        1, 2,
        (9, 4, "stationary", 2, 9, [1, 2], "binary", convolution(6, 5, 1, kernel=3, padding=1), 5),
        (16, 6, "stationary", 2, 16, [1], "binary", convolution(6, 5, 4, kernel=2, pool=2), 2),
        (24, 3, "broadcast", 3, 4),
    ),
}  # fmt: skip


def convolutional(rng: random.Random) -> Configuration:
    """Draw an accelerator of one to three convolutional layers, down to maps of a pixel, and those behind them."""
    height, width, channels = rng.randint(1, 7), rng.randint(1, 7), rng.choice((1, 2, 3, 4))
    drawn: list[tuple[Convolution, int]] = []
    for _ in range(rng.randint(1, 2)):
        padding = rng.choice((0, 0, 1))
        kernel = rng.randint(1 + padding, max(1 + padding, min(3, height, width)))
        slides = {"kernel": kernel, "padding": padding, "stride": rng.choice((1, 1, 2))}
        map = Convolution(height=height, width=width, channels=channels, **slides)
        map = map.model_copy(update={"pool": rng.randint(1, min(3, map.out_height, map.out_width))})
        height, width, channels = map.pooled_height, map.pooled_width, rng.choice((1, 2, 3, 4, 6))
        drawn.append((map, channels))
    sizes = [height * width * channels, *rng.choice(((), (5,), (8,))), rng.choice((1, 2, 3, 10))]
    shapes = [(map.mw, filters) for map, filters in drawn] + list(pairwise(sizes))
    layers = []
    for k, (mw, mh) in enumerate(shapes):
        coefficients, kind = operands(rng, last=k == len(shapes) - 1)
        map = drawn[k][0] if k < len(drawn) else None
        windows = rng.choice([each for each in divisors(map.out_width) if each <= 4]) if map else 1
        groups = map.windows // windows if map else 1
        fold = layer(rng, mw, mh, windows * len(coefficients), cycles=MAX_CYCLES // groups)
        layers.append((*fold.values(), list(coefficients), kind, map and map.model_dump(), windows))
    return chain(1, drawn[0][0].channels * len(layers[0][5]), *layers)


def configuration(number: int | str, hardware: int = 1) -> Configuration:
    """Draw a whole accelerator: depth, sizes, folds, copies, input word, cycles of a read.

    Args:
        number: the same number gives the same accelerator, or a key of `NAMED`.
        hardware: seed of all numbers.
    """
    if isinstance(number, str):
        return NAMED[number]
    rng = random.Random(f"configuration {hardware} {number}")
    drawn = convolutional(rng) if number in CONVOLUTIONAL else connected(rng)
    return registered(drawn) if rng.random() < 0.4 else drawn


def connected(rng: random.Random) -> Configuration:
    """Draw an accelerator of one to four fully connected layers."""
    sizes = [rng.choice(SIZES) for _ in range(rng.randint(1, 4))] + [rng.choice((1, 2, 3, 10))]
    copies = rng.randint(1, 4)
    drawn = [operands(rng, last=k == len(sizes) - 2) for k in range(len(sizes) - 1)]
    layers = [
        layer(rng, mw, mh, copies * len(coefficients))
        for (mw, mh), (coefficients, _) in zip(pairwise(sizes), drawn, strict=True)
    ]
    lanes = copies * len(drawn[0][0])
    words = [word for word in divisors(sizes[0]) if lanes * sizes[0] <= MAX_CYCLES * word] or sizes[:1]
    each = (
        (*fold.values(), list(coefficients), kind) for fold, (coefficients, kind) in zip(layers, drawn, strict=True)
    )
    return chain(copies, rng.choice(words), *each)


Parameters = list[dict[str, Any]]
"""Of each instance of a unit side by side."""


def rows(keys: str, *values: tuple[Any, ...]) -> Parameters:
    """Return each row of values under the keys."""
    return [dict(zip(keys.split(), row, strict=True)) for row in values]


def layers(*chains: Configuration) -> Parameters:
    """Return every layer of some chains."""
    return [{"accelerator": each, "layer": k} for each in chains for k in range(len(each["layers"]))]


def memories(*shapes: tuple[int, int]) -> dict[str, Any]:
    """Return memories (width, depth) behind one load port."""
    return {"memory": MEMORY, "shapes": rows("width depth", *shapes)}


def routing(layer: folding.LayerPrediction) -> str:
    """Return the routing of a layer, and what else makes its parts others than most layers'."""
    parts = {
        "serial": layer.threshold.name == "serial",
        "streamed": layer.input_buffer.name == "pass_through",
        "paired": layer.counting.name == "paired",
    }
    return f"{layer.routing} {next((part for part, chosen in parts.items() if chosen), 'plain')}"


def place(k: int, layers: int) -> str:
    """Return where layer `k` of so many is in the chain."""
    return "only" if layers == 1 else {0: "first", layers - 1: "last"}.get(k, "hidden")


PLANES = {1: "1", 2: "2", 3: "more"}


def bins(configuration: Configuration) -> set[tuple[str, str]]:
    """Return the points and bins of the coverage plan that a configuration itself meets."""
    layers = folding.predict_hardware(check(Hardware, configuration, "configuration")).layers
    met = {
        ("network.layers", str(len(layers))),
        ("network.copies", str(configuration["copies"])),
        ("network.classes", {1: "1", 2: "2"}.get(layers[-1].mh, "more")),
        ("image.words", "1" if configuration["input_word_bits"] == layers[0].mw else "more"),
    }
    for k, each in enumerate(layers):
        met.add(("layer.routing", routing(each)))
        met.add(("layer.weights", each.weights))
        met.add(("layer.input_planes", PLANES[each.planes]))
        met.add(("layer.output_planes", PLANES[each.output_planes]))
        met.add(("layer.place", place(k, len(layers))))
        for axis, size in (("mw", each.mw), ("mh", each.mh)):
            met.add((f"layer.{axis}", "1" if size == 1 else "odd" if size % 2 else "even"))
        if map := each.convolution:
            met |= map_bins(map, each.windows)
        for part, whole, value in (("pe", each.mh, each.pe), ("simd", each.mw, each.simd)):
            met.add((f"layer.{part}", "all" if value == whole else "1" if value == 1 else "some"))
        wanted = each.input_buffer.width
        arriving = each.arrival_width
        met.add(("layer.input", "fits" if arriving == wanted else "narrower" if arriving < wanted else "wider"))
        for width, depth in ((each.pe * each.simd * each.weight_bits, each.steps), *each.threshold.memories):
            met.add(("memory.rows", "1" if depth == 1 else "more than 256" if depth > 256 else "more"))
            met.add(("memory.columns", "1" if width <= MEMORY["max_width"] else "more"))
        met.add(("layer.reads", f"{each.input_buffer.name} in {each.read_cycles}"))
    return met


def map_bins(map: Convolution, windows: int) -> set[tuple[str, str]]:
    """Return the points and bins that the map of a layer meets."""
    sizes = sorted((map.height, map.width))
    answers = map.model_copy(update={"pool": 1})
    left = answers.out_height % map.pool or answers.out_width % map.pool
    passed = (map.height + 2 * map.padding - map.kernel) % map.stride
    return {
        ("map.size", "a pixel" if sizes == [1, 1] else "a line" if sizes[0] == 1 else "larger"),
        ("map.kernel", str(map.kernel)),
        ("map.stride", f"{map.stride} {'with rest' if passed else 'without'}" if map.stride > 1 else "1"),
        ("map.padding", str(map.padding)),
        ("map.pool", "none" if map.pool == 1 else "with rest" if left else "whole"),
        ("map.lanes", "1" if windows == 1 else "a row" if windows == map.out_width else "some"),
        ("map.goes_on", "a pixel" if map.pooled_height * map.pooled_width == 1 else "larger"),
    }


KINDS = ("uniform", "zeros", "ones", "ties", "extremes")


def network(configuration: Configuration, rng: np.random.Generator, kind: str) -> Model:
    """Draw a network for a configuration.

    `kind`: uniform; all weights −1 (zeros) or +1 (ones); thresholds at which sums tie (ties); thresholds 0 and one more
    than the greatest sum, which are constant neurons (extremes). Of ternary weights none, some or all are 0.
    """
    layers, shapes = [], configuration["layers"]
    for k, shape in enumerate(shapes):
        mh, mw = shape["mh"], shape["mw"]
        weights = rng.random((mh, mw)) < {"zeros": 0.0, "ones": 1.0}.get(kind, 0.5)
        mask = rng.random((mh, mw)) < rng.choice((0.0, 0.3, 0.7, 1.0)) if shape["weights"] == "ternary" else None
        thresholds = None
        if k < len(shapes) - 1:
            greatest, levels = sum(shape["coefficients"]) * mw, 2 ** len(shapes[k + 1]["coefficients"]) - 1
            if kind == "ties":
                usual = greatest / 2 * (1 if mask is None else mask.mean())
                drawn = np.clip(int(usual) + rng.integers(-1, 2, (mh, levels)), 0, greatest + 1)
            elif kind == "extremes":
                drawn = rng.choice((0, greatest + 1), (mh, levels))
            else:
                drawn = rng.integers(0, greatest + 2, (mh, levels))
            thresholds = np.sort(drawn, axis=1).astype(np.int32).reshape(mh, *[levels] * (levels > 1))
        map = shape.get("convolution") and Convolution(**shape["convolution"])
        layers.append(LayerWeights(weights, thresholds, mask, tuple(shape["coefficients"]), map or None))
    connected = [shape for shape, each in zip(shapes, layers, strict=True) if not each.convolution]
    return Model(tuple(layers), 128, (connected[0]["mw"], *(shape["mh"] for shape in connected)))


def initial_network(configuration: Configuration, seed: int) -> Model:
    """Draw the network that the memories hold before any load."""
    return network(configuration, np.random.default_rng(seed), "ties")


def images(configuration: Configuration, rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw bool[count, planes · elements] images: dense, sparse, all zero or all one."""
    first = configuration["layers"][0]
    map = first.get("convolution")
    elements = map["height"] * map["width"] * map["channels"] if map else first["mw"]
    density = rng.choice((0.0, 0.1, 0.5, 0.5, 0.5, 0.9, 1.0), (count, 1))
    return rng.random((count, len(first["coefficients"]) * elements)) < density


def stored_images(configuration: Configuration, seed: int, count: int) -> np.ndarray:
    """Draw bool[count, planes · MW], the images that the board holds."""
    return images(configuration, np.random.default_rng(seed + 1), count)


def contents(configuration: Configuration, manifest: dict[str, Any], seed: int) -> dict[str, str]:
    """Return what all memories hold from the start, the board's too: text by file."""
    stored = stored_images(configuration, seed, manifest["link"]["stored"]["images"])
    model = initial_network(configuration, seed)
    return memory.images(manifest, model) | memory.stored_images(manifest, stored)
