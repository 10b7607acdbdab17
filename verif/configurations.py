# SPDX-License-Identifier: Apache-2.0
"""Random hardware configurations, legal by construction, and random networks to run on them."""

import random
from itertools import pairwise
from typing import Any

import numpy as np

from xnorfpga.golden import LayerWeights, Model

SIZES = (1, 2, 3, 4, 7, 8, 12, 16, 20, 24, 30, 36, 49)
MEMORY = {"block_bits": 10240, "max_width": 40}


def divisors(n: int) -> list[int]:
    """Return all divisors of n."""
    return [d for d in range(1, n + 1) if n % d == 0]


def layer(rng: random.Random, mw: int, mh: int, routing: str | None = None) -> dict[str, Any]:
    """Draw the fold of one layer."""
    routing = routing or rng.choice(("stationary", "diagonal", "broadcast"))
    pe = mh if routing == "broadcast" and rng.random() < 0.5 else rng.choice(divisors(mh))
    simd = mw if routing == "stationary" else rng.choice(divisors(mw))
    return {"mw": mw, "mh": mh, "routing": routing, "pe": pe, "simd": simd}


PARALLEL = {  # a group in every place of every buffer: as many images inside as there can be
    "design": "parallel",
    "clock_mhz": 50,
    "input_word_bits": 6,
    "copies": 1,
    "layers": [
        {"mw": 6, "mh": 5, "routing": "stationary", "pe": 5, "simd": 6},
        {"mw": 5, "mh": 4, "routing": "stationary", "pe": 4, "simd": 5},
        {"mw": 4, "mh": 2, "routing": "stationary", "pe": 2, "simd": 4},
    ],
    "memory": MEMORY,
}


def configuration(seed: int | str) -> dict[str, Any]:
    """Draw a whole accelerator, reproducibly from its seed: depth, sizes, folds, copies, input word.

    The seed "parallel" stands for the one in which every layer takes a single cycle.
    """
    if seed == "parallel":
        return PARALLEL
    rng = random.Random(f"configuration {seed}")
    sizes = [rng.choice(SIZES) for _ in range(rng.randint(1, 4))] + [rng.choice((1, 2, 3, 10))]
    return {
        "design": f"random{seed}",
        "clock_mhz": 50,
        "input_word_bits": rng.choice(divisors(sizes[0])),
        "copies": rng.randint(1, 4),
        "layers": [layer(rng, mw, mh) for mw, mh in pairwise(sizes)],
        "memory": MEMORY,
    }


KINDS = ("uniform", "zeros", "ones", "ties", "extremes")


def network(configuration: dict[str, Any], rng: np.random.Generator, kind: str) -> Model:
    """Draw a network for a configuration.

    `kind`: uniform; all weights −1 (zeros) or +1 (ones); thresholds at which popcounts tie (ties); thresholds 0 and
    MW+1, which are constant neurons (extremes).
    """
    layers, shapes = [], configuration["layers"]
    for k, shape in enumerate(shapes):
        mh, mw = shape["mh"], shape["mw"]
        weights = rng.random((mh, mw)) < {"zeros": 0.0, "ones": 1.0}.get(kind, 0.5)
        if kind == "ties":
            thresholds = np.clip(mw // 2 + rng.integers(-1, 2, mh), 0, mw + 1)
        elif kind == "extremes":
            thresholds = rng.choice((0, mw + 1), mh)
        else:
            thresholds = rng.integers(0, mw + 2, mh)
        layers.append(LayerWeights(weights, thresholds.astype(np.int32) if k < len(shapes) - 1 else None))
    return Model(tuple(layers), 128, (shapes[0]["mw"], *(shape["mh"] for shape in shapes)))


def images(configuration: dict[str, Any], rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw bool[count, MW] images: dense, sparse, all zero or all one."""
    mw = configuration["layers"][0]["mw"]
    density = rng.choice((0.0, 0.1, 0.5, 0.5, 0.5, 0.9, 1.0), (count, 1))
    return rng.random((count, mw)) < density
