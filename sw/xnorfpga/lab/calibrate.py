# SPDX-License-Identifier: Apache-2.0
"""Calibrate: synthesize designs of all kinds, for the area model to be fitted to and to be judged by."""

import datetime
import random
from itertools import pairwise
from typing import Any

from tqdm import tqdm

from xnorfpga.artefacts.hardware import Hardware
from xnorfpga.base.files import read_json, sha256, write_block, write_json
from xnorfpga.base.paths import BUILD, DOCS
from xnorfpga.base.strict import check
from xnorfpga.design import area, solver
from xnorfpga.rtl import elaborate
from xnorfpga.synth import netlist, yosys

FITTED, HELD_OUT = 18, 12
SEED = 1
SIZES = (64, 96, 128, 256, 320, 512, 640, 784, 1024)
WORK = (300, 4000)  # binary multiply-accumulates a cycle, of all copies: some seconds to some ten seconds of synthesis


def configurations() -> list[dict[str, Any]]:
    """Draw the configurations; the last HELD_OUT of them judge the model."""
    rng = random.Random(SEED)
    drawn: list[dict[str, Any]] = []
    while len(drawn) < FITTED + HELD_OUT:
        sizes = [rng.choice(SIZES) for _ in range(rng.randint(2, 4))] + [10]
        hardware: dict[str, Any] = {
            "design": f"sample{len(drawn)}",
            "clock_mhz": 50,
            "input_word_bits": rng.choice([width for width in (8, 16, 28, 32, 64, 112) if sizes[0] % width == 0]),
            "copies": rng.choice((1, 1, 2, 3, 5)),
            "layers": [_layer(rng, mw, mh) for mw, mh in pairwise(sizes)],
            "memory": {"block_bits": 10240, "max_width": 40},
        }
        work = hardware["copies"] * sum(layer["pe"] * layer["simd"] for layer in hardware["layers"])
        if WORK[0] <= work <= WORK[1]:
            drawn.append(hardware)
    return drawn


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
    elaborate.elaborate_many((check(Hardware, hardware, work), work / hardware["design"]) for hardware in drawn)
    entries = []
    for number, hardware in enumerate(tqdm(drawn, desc="calibrate", unit="design", disable=None)):
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
        entries.append({"hardware": hardware, **figures, "held_out": number >= FITTED})
    fitted = [area.Sample(**entry) for entry in entries if not entry["held_out"]]
    origin = f"Yosys {yosys.version()}, {datetime.date.today()}, seed {SEED}: python -m xnorfpga calibrate"
    write_json(area.SAMPLES, {"origin": origin, "coefficients": area.fit(fitted), "samples": entries})
    area.samples.cache_clear()
    area.coefficients.cache_clear()
    write_block(DOCS / "folding.md", "model", area.page())
    return area.summary()
