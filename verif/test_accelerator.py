# SPDX-License-Identifier: Apache-2.0
"""Random accelerators, each built once and run with many random networks."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from configurations import configuration, network
from xnorfpga import elaborate, memory, verilator
from xnorfpga.common import BUILD, read_json, write_text

CONFIGURATIONS = (*range(8), "parallel")
NETWORKS = 24  # a run of a configuration


@cache
def simulator(number: int | str, seed: int) -> tuple[Path, Path]:
    """Return the directory of configuration `number` and its simulator, built where they are not there yet."""
    directory = BUILD / "verif" / f"configuration{number}"
    wanted = configuration(number)
    elaborate.elaborate_many([(wanted, directory)])
    manifest = read_json(directory / "manifest.json")
    model = network(wanted, np.random.default_rng(seed), "ties")
    for file, text in memory.images(manifest, model).items():
        write_text(directory / "mem" / file, text)
    return directory, verilator.build([directory / "rtl" / "Accelerator.v"], "Accelerator", verilator.QUICK)


def run(number: int | str, seed: int, **environment: object) -> list[str]:
    """Run all cocotb tests on a configuration and return the names of those that failed."""
    directory, built = simulator(number, seed)
    variables = {"VERIF_DIRECTORY": directory, "VERIF_SEED": seed, "VERIF_NETWORKS": NETWORKS, **environment}
    variables = {key: str(value) for key, value in variables.items()}
    return verilator.run(built, "accelerator_bench", directory / "mem", variables, directory / f"run_{seed}.log")


@pytest.mark.parametrize("number", CONFIGURATIONS)
def test_random_accelerator(number: int | str, seed: int) -> None:
    failed = run(number, seed)
    replay = f"pytest 'verif/test_accelerator.py::test_random_accelerator[{number}]' --seed {seed}"
    assert not failed, f"{failed} failed on {configuration(number)}; replay: {replay}"


def test_a_wrong_bit_is_caught(seed: int) -> None:
    failed = run(0, seed, VERIF_CORRUPT=1)
    assert "networks_follow_each_other_under_random_pauses" in failed
    assert "unhindered_it_takes_the_predicted_cycles" in failed
