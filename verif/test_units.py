# SPDX-License-Identifier: Apache-2.0
"""Every unit alone at its own ports: its configurations stand side by side in one simulator, which serves all seeds."""

from pathlib import Path
from typing import Any

import pytest

from builds import elaborated
from configurations import MEMORY, NAMED, chain, configuration
from xnorfpga import verilator
from xnorfpga.common import BUILD, write_text

CHAINS = {
    "rings": NAMED["rings"],
    "serial": NAMED["serial"],
    # the smallest of every routing
    "corners": chain(
        1, 1, (1, 1, "stationary", 1, 1), (1, 3, "diagonal", 1, 1), (3, 2, "broadcast", 2, 1), (2, 3, "stationary", 3, 2),
        (3, 4, "diagonal", 2, 1), (4, 1, "broadcast", 1, 2),
    ),
    # pairs counted where whole vectors arrive, streamed words that come in wider beats
    "whole": chain(2, 16, (16, 20, "stationary", 20, 16), (20, 8, "broadcast", 8, 4), (8, 3, "diagonal", 3, 2)),
}  # fmt: skip


def plans(*names: str, **others: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every layer of some chains as parameters of a unit."""
    chains = [CHAINS[name] for name in names] + list(others.values())
    return [{"accelerator": each, "layer": k} for each in chains for k in range(len(each["layers"]))]


def named(keys: str, *rows: tuple[int, ...]) -> list[dict[str, Any]]:
    """Return parameters: each row's values under the keys."""
    return [dict(zip(keys.split(), row, strict=True)) for row in rows]


def units(hardware: int) -> dict[str, tuple[str, str, list[dict[str, Any]]]]:
    """Return of each simulator: its unit, the module in `units/` with its bench, and parameters.

    Layers of one chain share a simulator: the index of a layer names its memories.
    """
    drawn = configuration(1000, hardware)
    plain, paired = ((size, False) for size in (1, 2, 3, 5, 7, 16, 67)), ((size, True) for size in (2, 4, 6, 14, 100, 300))
    narrow_to_wide = ((1, 1, 1, 0), (1, 3, 2, 0), (2, 2, 3, 0), (2, 8, 2, 3), (4, 20, 1, 4), (5, 15, 3, 0), (3, 21, 2, 0))
    shapes = [[(1, 1)], [(40, 3), (7, 1)], [(41, 5)], [(100, 2), (3, 300), (81, 4)], [(1, 17), (2, 1), (45, 2)], [(9, 600)]]
    return {
        "popcount": ("XnorPopcount", "popcount", named("size paired", *plain, *paired)),
        "processing_element": ("ProcessingElement", "processing_element", plans("rings", "corners", "whole")),
        "input_register": ("InputRegister", "input_register", plans(*CHAINS, drawn=drawn)),
        "argmax": (
            "ArgMax",
            "argmax",
            named("classes score_bits copies", (1, 1, 1), (1, 4, 3), (2, 1, 2), (3, 5, 1), (10, 8, 2), (10, 3, 3), (7, 1, 3)),
        ),
        "image_collector": (
            "ImageCollector",
            "image_collector",
            named(
                "word_bits image_bits copies unlike_bits",
                (1, 1, 1, 0), (1, 1, 3, 0), (1, 3, 2, 0), (2, 2, 2, 0), (2, 8, 3, 3), (4, 20, 1, 4), (7, 49, 2, 0),
            ),
        ),
        "collector": ("Collector", "adapters", named("in_width out_width copies unlike_bits", *narrow_to_wide)),
        "serializer": (
            "Serializer",
            "adapters",
            named("in_width out_width copies", (2, 1, 1), (3, 1, 2), (4, 2, 3), (20, 4, 1), (15, 5, 2), (49, 7, 3)),
        ),
        "load_port": (
            "LoadPort",
            "load_port",
            [{"memory": MEMORY, "shapes": named("width depth", *of_layers)} for of_layers in shapes],
        ),
        **{f"layer_{name}": ("Layer", "layer", plans(name)) for name in CHAINS},
        "layer_drawn": ("Layer", "layer", plans(drawn=drawn)),
    }  # fmt: skip


@pytest.fixture(scope="session")
def directories(request: pytest.FixtureRequest) -> dict[str, Path]:
    """Return the directory of each simulator's Verilog, elaborated in one java run."""
    hardware = request.config.getoption("hardware")
    wanted = {
        BUILD / "verif" / f"units{hardware}" / name: {"unit": unit, "configurations": parameters}
        for name, (unit, _, parameters) in units(hardware).items()
    }
    elaborated(wanted, "ElaborateUnits", "unit.json")
    return {directory.name: directory for directory in wanted}


def run(directory: Path, hardware: int, seed: int, **environment: object) -> list[str]:
    """Run the bench of a simulator and return the names of the tests that failed."""
    unit, module, _ = units(hardware)[directory.name]
    built = verilator.build([directory / "rtl" / f"{unit}Bench.v"], f"{unit}Bench", verilator.QUICK)
    variables = {"VERIF_DIRECTORY": directory, "VERIF_SEED": seed, **environment}
    variables = {key: str(value) for key, value in variables.items()}
    log = directory / f"run_{seed}{''.join(environment)}.log"
    return verilator.run(built, f"units.{module}", directory, variables, log)


@pytest.mark.parametrize("name", units(1))
def test_unit(name: str, directories: dict[str, Path], seed: int, pytestconfig: pytest.Config) -> None:
    hardware = pytestconfig.getoption("hardware")
    failed = run(directories[name], hardware, seed)
    replay = f"pytest 'verif/test_units.py::test_unit[{name}]' --seed {seed} --hardware {hardware}"
    assert not failed, f"{failed} failed, see {directories[name]}; replay: {replay}"


@pytest.mark.parametrize("name", units(1))
def test_a_wrong_value_is_caught(name: str, directories: dict[str, Path], seed: int, pytestconfig) -> None:
    hardware = pytestconfig.getoption("hardware")
    failed = run(directories[name], hardware, seed, VERIF_CORRUPT=1)
    assert failed, "a wrong expectation passed"
