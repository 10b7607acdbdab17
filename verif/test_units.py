# SPDX-License-Identifier: Apache-2.0
"""Every unit alone at its own ports: its configurations stand side by side in one simulator, which serves all seeds.

The units are the modules of `units/`, each named after its component: `xnor_popcount.py` is the bench of XnorPopcount.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.builds import elaborated
from bench.configurations import Parameters, configuration
from xnorfpga.base.paths import BUILD
from xnorfpga.rtl import verilator

BENCHES = sorted(file.stem for file in (Path(__file__).parent / "units").glob("*.py"))


@dataclass(frozen=True)
class Simulator:
    """Instances of one unit, one for each of its parameters, and the module of their bench."""

    module: str
    parameters: Parameters

    @property
    def unit(self) -> str:
        """Name of the component."""
        return "".join(word.capitalize() for word in self.module.split("_"))


def simulators(hardware: int) -> dict[str, Simulator]:
    """Return all simulators; some layers are drawn from the seed `hardware`."""
    drawn = configuration(1000, hardware)
    return {
        name: Simulator(bench, parameters)
        for bench in BENCHES
        for name, parameters in importlib.import_module(f"units.{bench}").simulators(drawn).items()
    }


@pytest.fixture(scope="session")
def directories(pytestconfig: pytest.Config) -> dict[str, Path]:
    """Return the directory of each simulator's Verilog, all elaborated in one java run."""
    hardware = pytestconfig.getoption("hardware")
    wanted = {
        BUILD / "verif" / f"units{hardware}" / name: {"unit": each.unit, "configurations": each.parameters}
        for name, each in simulators(hardware).items()
    }
    elaborated(wanted, "bench.ElaborateUnits", "unit.json")
    return {directory.name: directory for directory in wanted}


def run(directory: Path, simulator: Simulator, seed: int, **environment: object) -> list[str]:
    """Run the bench of a unit and return the names of the tests that failed."""
    top = f"{simulator.unit}Bench"
    built = verilator.build([directory / "rtl" / f"{top}.v"], top, verilator.QUICK)
    variables = {"VERIF_DIRECTORY": directory, "VERIF_SEED": seed, **environment}
    variables = {key: str(value) for key, value in variables.items()}
    log = directory / f"run_{seed}{''.join(environment)}.log"
    return verilator.run(built, f"units.{simulator.module}", directory, variables, log, seed)


@pytest.mark.parametrize("name", simulators(1))
def test_unit(name: str, directories: dict[str, Path], seed: int, pytestconfig: pytest.Config) -> None:
    hardware = pytestconfig.getoption("hardware")
    simulator = simulators(hardware)[name]
    failed = run(directories[name], simulator, seed)
    wrong = {each: simulator.parameters[int(each.rpartition("=")[2])] for each in failed}
    replay = f"pytest 'verif/test_units.py::test_unit[{name}]' --seed {seed} --hardware {hardware}"
    assert not failed, f"failed: {wrong}, see {directories[name]}; replay: {replay}"


@pytest.mark.parametrize("name", simulators(1))
def test_a_wrong_value_is_caught(
    name: str, directories: dict[str, Path], seed: int, pytestconfig: pytest.Config
) -> None:
    simulator = simulators(pytestconfig.getoption("hardware"))[name]
    failed = run(directories[name], simulator, seed, VERIF_CORRUPT="a value")
    caught = {int(each.rpartition("=")[2]) for each in failed}
    assert caught == set(range(len(simulator.parameters))), "by the bench of every configuration"
