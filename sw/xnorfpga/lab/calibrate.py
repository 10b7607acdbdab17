# SPDX-License-Identifier: Apache-2.0
"""Calibrate: synthesize designs of all kinds, for the area model to be fitted to and to be judged by."""

import datetime
import operator
import random
from itertools import pairwise
from typing import Any

from tqdm import tqdm

from xnorfpga.artefacts.hardware import Convolution, Hardware
from xnorfpga.base.files import read_json, sha256, write_block, write_json
from xnorfpga.base.paths import BUILD, DOCS
from xnorfpga.base.strict import check
from xnorfpga.design import area, solver
from xnorfpga.rtl import elaborate
from xnorfpga.synth import netlist, yosys

# Drawn of each kind for the fit, and behind them to judge it
CONNECTED, CONVOLUTIONAL = (18, 12), (12, 8)
SEED = 1
SIZES = (64, 96, 128, 256, 320, 512, 640, 784, 1024)
WORK = (300, 4000)  # binary multiply-accumulates a cycle, of all lanes: some seconds to some ten seconds of synthesis
PACES = (200, 400, 800, 1600)  # cycles that each layer of a convolutional network may take for an image
MEMORY = {"block_bits": 10240, "max_width": 40}
GREY = [1 << plane for plane in range(8)]


def configurations() -> list[tuple[dict[str, Any], bool]]:
    """Draw the configurations, each with whether it is held out of the fit to judge it."""
    drawn = []
    for draw, (fitted, held_out) in ((_connected, CONNECTED), (_convolutional, CONVOLUTIONAL)):
        rng, found = random.Random(SEED), 0
        while found < fitted + held_out:
            hardware = draw(rng, found)
            if hardware and WORK[0] <= _work(hardware) <= WORK[1]:
                drawn.append((hardware, found >= fitted))
                found += 1
    return drawn


def _work(hardware: dict[str, Any]) -> int:
    """Return the multiply-accumulates a cycle."""
    lanes = [layer.get("windows", 1) * len(layer.get("coefficients", [1])) for layer in hardware["layers"]]
    products = [layer["pe"] * layer["simd"] for layer in hardware["layers"]]
    return hardware["copies"] * sum(map(operator.mul, lanes, products))


def _connected(rng: random.Random, number: int) -> dict[str, Any]:
    """Draw a fully connected network and its fold."""
    sizes = [rng.choice(SIZES) for _ in range(rng.randint(2, 4))] + [10]
    return {
        "design": f"sample{number}",
        "clock_mhz": 50,
        "input_word_bits": rng.choice([width for width in (8, 16, 28, 32, 64, 112) if sizes[0] % width == 0]),
        "copies": rng.choice((1, 1, 2, 3, 5)),
        "layers": [_layer(rng, mw, mh) for mw, mh in pairwise(sizes)],
        "memory": MEMORY,
    }


def _convolutional(rng: random.Random, number: int) -> dict[str, Any] | None:
    """Draw a convolutional network and a fold that keeps a pace; None where there is no such."""
    side, channels = rng.choice((8, 10, 12, 14, 16)), rng.choice((1, 3))
    maps = []
    for _ in range(rng.randint(2, 4)):
        windows = {
            "kernel": rng.choice((3, 3, 3, 2)),
            "padding": rng.choice((0, 1)),
            "stride": rng.choice((1, 1, 1, 2)),
        }
        if side + 2 * windows["padding"] < windows["kernel"]:
            return None
        map = Convolution(height=side, width=side, channels=channels, **windows)
        map = map.model_copy(update={"pool": rng.choice((1, 2)) if map.out_width > 1 else 1})
        side, channels = map.pooled_width, rng.choice((8, 16, 24, 32, 48, 64))
        maps.append(map)
    network = solver.Network((side * side * channels, rng.choice((32, 64, 128)), 10), tuple(maps))
    pixels, activations = rng.choice(([1], [1, 2], GREY)), rng.choice(([1], [1], [1, 2]))
    pace, weights = rng.choice(PACES), rng.choice(("binary", "binary", "binary", "ternary"))
    layers = []
    for k, (mw, mh, convolution) in enumerate(network.layers):
        last = k == len(network.layers) - 1
        folds = solver.options(mw, mh, convolution, pace, last)
        if not folds:
            return None
        still = [fold for fold in folds if fold[0] == "stationary"]  # they count pairs, so the solver likes them
        routing, pe, simd, at_once = rng.choice(still if still and rng.random() < 0.7 else folds)
        layer = {"mw": mw, "mh": mh, "routing": routing, "pe": pe, "simd": simd}
        layer |= {"coefficients": activations if k else pixels, "weights": "binary" if last else weights}
        placed = {"convolution": convolution.model_dump(), "windows": at_once} if convolution else {}
        layers.append(layer | placed)
    return {
        "design": f"maps{number}",
        "clock_mhz": 50,
        "input_word_bits": maps[0].channels * len(pixels),
        "copies": 1,
        "layers": layers,
        "memory": MEMORY,
    }


def _layer(rng: random.Random, mw: int, mh: int) -> dict[str, Any]:
    """Draw the fold of a layer: mostly stationary, as in designs that do much with little."""
    routing = rng.choice(("stationary", "stationary", "diagonal", "broadcast"))
    pes = solver.divisors(mh)
    pe = (
        mh
        if routing == "broadcast" and rng.random() < 0.5
        else rng.choice(pes[: 4 if routing == "stationary" else None])
    )
    simd = mw if routing == "stationary" else rng.choice([n for n in solver.divisors(mw) if n <= 256])
    return {"mw": mw, "mh": mh, "routing": routing, "pe": pe, "simd": simd}


def calibrate() -> str:
    """Synthesize what has no figure yet and write area.SAMPLES and the docs; returns how well the model fits.

    Raises UserError where a tool fails; samples that were finished are not lost.
    """
    work = BUILD / "calibrate"
    drawn = configurations()
    elaborate.elaborate_many((check(Hardware, hardware, work), work / hardware["design"]) for hardware, _ in drawn)
    entries = []
    for hardware, held_out in tqdm(drawn, desc="calibrate", unit="design", disable=None):
        directory = work / hardware["design"]
        verilog = directory / "rtl" / "Accelerator.v"
        key = sha256(verilog.read_bytes(), yosys.version().encode(), yosys.SCRIPT.encode(), yosys.MAP.encode())
        result = directory / "area.json"
        if not result.exists() or read_json(result)["key"] != key:
            mapped = yosys.synthesize([verilog], "Accelerator", directory / "synth")
            kept, flattened = netlist.count(mapped.borders_kept), netlist.count(mapped.flattened)
            figures = {"alms_borders_kept": kept.alms, "alms_flattened": flattened.alms, "ffs": kept.ffs}
            write_json(result, {"key": key, **figures})
        figures = read_json(result)
        del figures["key"]
        entries.append({"hardware": hardware, **figures, "held_out": held_out})
    fitted = [area.Sample(**entry) for entry in entries if not entry["held_out"]]
    origin = f"Yosys {yosys.version()}, {datetime.date.today()}, seed {SEED}: python -m xnorfpga calibrate"
    write_json(area.SAMPLES, {"origin": origin, "coefficients": area.fit(fitted), "samples": entries})
    area.samples.cache_clear()
    area.coefficients.cache_clear()
    write_block(DOCS / "folding.md", "model", area.page())
    return area.summary()
