# SPDX-License-Identifier: Apache-2.0
"""Every unit alone at its own ports: its configurations stand side by side in one simulator, which serves all seeds."""

from pathlib import Path
from typing import Any

import pytest

from bench.builds import elaborated
from bench.configurations import MEMORY, NAMED, Configuration, chain, configuration
from xnorfpga.base.paths import BUILD
from xnorfpga.rtl import verilator

BENCHES = {  # of each unit, its module in units/
    "XnorPopcount": "xnor_popcount",
    "ProcessingElement": "processing_element",
    "InputRegister": "input_register",
    "ImageCollector": "image_collector",
    "Collector": "collector",
    "Serializer": "collector",
    "Layer": "layer",
    "LoadPort": "load_port",
    "ArgMax": "arg_max",
}

CHAINS = {
    "rings": NAMED["rings"],
    "serial": NAMED["serial"],
    "smallest": chain(
        1, 1,
        (1, 1, "stationary", 1, 1), (1, 3, "diagonal", 1, 1), (3, 2, "broadcast", 1, 1),
        (2, 3, "stationary", 3, 2), (3, 4, "diagonal", 2, 1), (4, 1, "broadcast", 1, 2),
    ),
    # pairs counted where whole vectors arrive; words used as they come, cut from wider beats
    "whole": chain(2, 16, (16, 20, "stationary", 20, 16), (20, 8, "broadcast", 8, 4), (8, 3, "diagonal", 3, 2)),
}  # fmt: skip

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


def simulators(hardware: int) -> dict[str, tuple[str, Parameters]]:
    """Return of each simulator its unit and parameters; some layers are drawn from the seed `hardware`.

    Layers of one chain share a simulator: their memories are named after their place in the chain.
    """
    drawn = configuration(1000, hardware)
    sizes = [(size, "plain") for size in (1, 2, 3, 5, 7, 16, 67)] + [
        (size, "paired") for size in (2, 4, 6, 14, 100, 300)
    ]
    return {
        "popcount": ("XnorPopcount", rows("size counting", *sizes)),
        "processing_element": (
            "ProcessingElement",
            layers(CHAINS["rings"], CHAINS["smallest"], CHAINS["whole"]),  # serial layers have another
        ),
        "input_register": ("InputRegister", layers(*CHAINS.values(), drawn)),
        "image_collector": (
            "ImageCollector",
            rows(
                "word_bits image_bits copies transition_bits",
                (1, 1, 1, 0), (1, 1, 3, 0), (1, 3, 2, 0), (2, 2, 2, 0), (2, 8, 3, 3), (4, 20, 1, 4), (7, 49, 2, 0),
            ),
        ),
        "collector": (
            "Collector",
            rows(
                "in_width out_width copies transition_bits",
                (1, 1, 1, 0), (1, 3, 2, 0), (2, 2, 3, 0), (2, 8, 2, 3), (4, 20, 1, 4), (5, 15, 3, 0), (3, 21, 2, 0),
            ),
        ),
        "serializer": (
            "Serializer",
            rows("in_width out_width copies", (2, 1, 1), (3, 1, 2), (4, 2, 3), (20, 4, 1), (15, 5, 2), (49, 7, 3)),
        ),
        "load_port": (
            "LoadPort",
            [
                memories((1, 1)),
                memories((40, 3), (7, 1)),
                memories((41, 5)),
                memories((100, 2), (25, 260), (81, 4)),
                memories((1, 17), (2, 1), (45, 2)),
            ],
        ),
        "argmax": (
            "ArgMax",
            rows(
                "classes score_bits copies",
                (1, 1, 1), (1, 4, 3), (2, 1, 2), (3, 5, 1), (10, 8, 2), (10, 3, 3), (7, 1, 3),
            ),
        ),
        **{f"layer_{name}": ("Layer", layers(each)) for name, each in CHAINS.items()},
        "layer_drawn": ("Layer", layers(drawn)),
    }  # fmt: skip


@pytest.fixture(scope="session")
def directories(pytestconfig: pytest.Config) -> dict[str, Path]:
    """Return the directory of each simulator's Verilog, all elaborated in one java run."""
    hardware = pytestconfig.getoption("hardware")
    wanted = {
        BUILD / "verif" / f"units{hardware}" / name: {"unit": unit, "configurations": parameters}
        for name, (unit, parameters) in simulators(hardware).items()
    }
    elaborated(wanted, "bench.ElaborateUnits", "unit.json")
    return {directory.name: directory for directory in wanted}


def run(directory: Path, unit: str, seed: int, **environment: object) -> list[str]:
    """Run the bench of a unit and return the names of the tests that failed."""
    built = verilator.build([directory / "rtl" / f"{unit}Bench.v"], f"{unit}Bench", verilator.QUICK)
    variables = {"VERIF_DIRECTORY": directory, "VERIF_SEED": seed, **environment}
    variables = {key: str(value) for key, value in variables.items()}
    log = directory / f"run_{seed}{''.join(environment)}.log"
    return verilator.run(built, f"units.{BENCHES[unit]}", directory, variables, log)


@pytest.mark.parametrize("name", simulators(1))
def test_unit(name: str, directories: dict[str, Path], seed: int, pytestconfig: pytest.Config) -> None:
    hardware = pytestconfig.getoption("hardware")
    unit, parameters = simulators(hardware)[name]
    failed = run(directories[name], unit, seed)
    wrong = {each: parameters[int(each.rpartition("=")[2])] for each in failed}
    replay = f"pytest 'verif/test_units.py::test_unit[{name}]' --seed {seed} --hardware {hardware}"
    assert not failed, f"failed: {wrong}, see {directories[name]}; replay: {replay}"


@pytest.mark.parametrize("name", simulators(1))
def test_a_wrong_value_is_caught(
    name: str, directories: dict[str, Path], seed: int, pytestconfig: pytest.Config
) -> None:
    unit, parameters = simulators(pytestconfig.getoption("hardware"))[name]
    failed = run(directories[name], unit, seed, VERIF_CORRUPT=1)
    caught = {int(each.rpartition("=")[2]) for each in failed}
    assert caught == set(range(len(parameters))), "by the bench of every configuration"
