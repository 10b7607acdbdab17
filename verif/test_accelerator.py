# SPDX-License-Identifier: Apache-2.0
"""Random accelerators, each built once and run with many random networks."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench import coverage
from bench.builds import elaborated
from bench.configurations import CONVOLUTIONAL, MEMORY, NAMED, configuration, initial_network
from xnorfpga.artefacts.hardware import Hardware
from xnorfpga.base.files import read_json, write_text
from xnorfpga.base.paths import BUILD
from xnorfpga.design import folding
from xnorfpga.rtl import memory, verilator

NUMBERS = (*NAMED, *range(CONVOLUTIONAL.stop))
NETWORKS = 50  # a run of a configuration
FEWER_NETWORKS = {"deep": 10}  # of the slow ones

Simulator = Callable[[int | str], tuple[Path, Path]]


@pytest.fixture(scope="session")
def simulator(request: pytest.FixtureRequest) -> Simulator:
    """Return what gives a configuration's directory and simulator, all chosen ones elaborated in one java run."""
    hardware, seed = (request.config.getoption(option) for option in ("hardware", "seed"))
    chosen = {
        item.callspec.params.get("number", "rings")
        for item in request.session.items
        if "simulator" in item.fixturenames and hasattr(item, "callspec")
    }
    root = BUILD / "verif" / f"hardware{hardware}"
    elaborated({root / f"{number}": configuration(number, hardware) for number in sorted(chosen, key=str)})

    def build(number: int | str) -> tuple[Path, Path]:
        directory = root / f"{number}"
        model = initial_network(configuration(number, hardware), seed)
        for file, text in memory.images(read_json(directory / "manifest.json"), model).items():
            write_text(directory / f"mem_{seed}" / file, text)
        return directory, verilator.build([directory / "rtl" / "Accelerator.v"], "Accelerator", verilator.QUICK)

    return build


def run(simulator: Simulator, number: int | str, seed: int, **environment: object) -> list[str]:
    """Run all cocotb tests on a configuration and return the names of those that failed."""
    directory, built = simulator(number)
    networks = FEWER_NETWORKS.get(str(number), NETWORKS)
    variables = {"VERIF_DIRECTORY": directory, "VERIF_SEED": seed, "VERIF_NETWORKS": networks, **environment}
    variables = {key: str(value) for key, value in variables.items()}
    log = directory / f"run_{seed}{''.join(f'_{value}' for value in environment.values())}.log"
    return verilator.run(built, "systems.accelerator", directory / f"mem_{seed}", variables, log, seed)


@pytest.mark.parametrize("number", NUMBERS)
def test_random_accelerator(number: int | str, simulator: Simulator, seed: int, pytestconfig: pytest.Config) -> None:
    failed = run(simulator, number, seed)
    hardware = pytestconfig.getoption("hardware")
    test = f"verif/test_accelerator.py::test_random_accelerator[{number}]"
    replay = f"pytest '{test}' --seed {seed} --hardware {hardware}"
    assert not failed, f"{failed} failed on {configuration(number, hardware)}; replay: {replay}"
    coverage.count("configurations")


@pytest.mark.parametrize("number", NUMBERS)
def test_the_hardware_is_as_predicted(number: int | str, simulator: Simulator, pytestconfig: pytest.Config) -> None:
    directory = BUILD / "verif" / f"hardware{pytestconfig.getoption('hardware')}" / f"{number}"
    manifest = read_json(directory / "manifest.json")
    prediction = folding.predict_hardware(Hardware.read(directory / "hardware.json"))
    for layer, predicted in zip(manifest["layers"], prediction.layers, strict=True):
        assert layer == layer | predicted.facts()
    loaded = sum(len(each["files"]) for each in manifest["memories"] if each["depth"] > 1)
    rows = [row for layer in manifest["layers"] for row in layer["map_memories"] if row["depth"] > 1]
    assert prediction.m10k == loaded + sum(-(-row["width"] // MEMORY["max_width"]) for row in rows)


EVERYWHERE = {
    "initial_memory_content_works_without_a_load",
    "networks_follow_each_other_under_random_pauses",
    "a_load_waits_for_every_image_inside",
    "unhindered_it_takes_the_predicted_cycles",
}
LOADING = EVERYWHERE - {"initial_memory_content_works_without_a_load"}
NOTICED = {  # what is expected wrongly, and the tests that must notice
    "score": EVERYWHERE,
    "label": EVERYWHERE,
    "hidden": EVERYWHERE,
    "lanes": EVERYWHERE,
    "checksum": LOADING,
    "interval": {"unhindered_it_takes_the_predicted_cycles"},
    "latency": {"unhindered_it_takes_the_predicted_cycles"},
}


@pytest.mark.parametrize("number", ["rings", "maps"])
@pytest.mark.parametrize("wrong", NOTICED)
def test_a_wrong_expectation_is_noticed(wrong: str, number: str, simulator: Simulator, seed: int) -> None:
    """One bit or one cycle is expected wrongly in each test of the bench (a reset may wipe that out)."""
    failed = set(run(simulator, number, seed, VERIF_CORRUPT=wrong, VERIF_NETWORKS=3))
    assert failed - {"a_reset_at_any_moment_leaves_nothing_behind"} == NOTICED[wrong]
