# SPDX-License-Identifier: Apache-2.0
"""The generator's Verilog under both of Yosys' mappings. Elaborating and mapping take some ten seconds."""

from pathlib import Path

from xnorfpga.rtl import elaborate
from xnorfpga.synth import netlist, yosys

ONE_BIT = {"coefficients": [1], "weights": "binary"}

# Nearly all of it is popcounts of 256 inputs, counted in pairs
HARDWARE = {
    "design": "popcounts",
    "clock_mhz": 50,
    "input_word_bits": 32,
    "copies": 1,
    "layers": [
        {"mw": 256, "mh": 64, "routing": "stationary", "pe": 2, "simd": 256, **ONE_BIT},
        {"mw": 64, "mh": 10, "routing": "diagonal", "pe": 2, "simd": 8, **ONE_BIT},
    ],
    "memory": {"block_bits": 10240, "max_width": 40},
}


def test_a_mapping_across_borders_takes_no_more_for_a_popcount(tmp_path: Path) -> None:
    """Carries in front of the registers take 7 % more here: 738 ALMs flattened, 690 with borders kept."""
    elaborate.elaborate_many([(HARDWARE, tmp_path)])
    both = yosys.synthesize([tmp_path / "rtl" / "Accelerator.v"], "Accelerator", tmp_path / "synth")
    kept, flattened = netlist.count(both.borders_kept), netlist.count(both.flattened)
    assert flattened.alms <= 1.02 * kept.alms
    assert flattened.aluts["6"] < 50  # a LUT of six inputs takes both halves of an ALM


def test_a_bit_plane_more_costs_a_popcount_more_and_zeros_cost_the_pairs(tmp_path: Path) -> None:
    """As docs/engine.md says of 1,024 inputs: twice as much for a second plane, and nearly that for a mask."""
    alms = {}
    for name, operands in {
        "binary": ONE_BIT,
        "two planes": {"coefficients": [1, 2], "weights": "binary"},
        "ternary": {"coefficients": [1], "weights": "ternary"},
    }.items():
        layers = [{**HARDWARE["layers"][0], **operands}, HARDWARE["layers"][1]]
        unit = {"accelerator": {**HARDWARE, "layers": layers}, "layer": 0}
        configuration = {"unit": "ProcessingElement", "configurations": [unit]}
        elaborate.elaborate_many([(configuration, tmp_path / name)], "bench.ElaborateUnits", "unit.json")
        top = "ProcessingElementBench"
        mapped = yosys.synthesize([tmp_path / name / "rtl" / f"{top}.v"], top, tmp_path / name / "synth")
        alms[name] = netlist.count(mapped.borders_kept).alms
    assert 1.9 < alms["two planes"] / alms["binary"] < 2.1
    assert 1.8 < alms["ternary"] / alms["binary"] < 2.1
