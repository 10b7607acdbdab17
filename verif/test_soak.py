# SPDX-License-Identifier: Apache-2.0
"""The long run, apart from the suite: `pytest verif/test_soak.py --soak`, some minutes."""

import time

import pytest

from bench.builds import elaborated
from bench.configurations import chain, initial_network
from xnorfpga.base.files import read_json, write_json, write_text
from xnorfpga.base.paths import BUILD
from xnorfpga.rtl import memory, verilator

IMAGES = 100_000
# Each routing, pairs and streamed words, collectors and serializers, two copies; six cycles a group
HARDWARE = chain(2, 16, (32, 16, "stationary", 4, 32), (16, 12, "diagonal", 6, 8), (12, 4, "broadcast", 4, 3))
RESULT = BUILD / "verif" / "soak.json"


def test_a_hundred_thousand_images_under_random_pauses(seed: int, pytestconfig: pytest.Config) -> None:
    if not pytestconfig.getoption("soak"):
        pytest.skip("takes minutes: run it with --soak")
    RESULT.unlink(missing_ok=True)
    directory = BUILD / "verif" / "soak"
    (directory / "soak.json").unlink(missing_ok=True)
    elaborated({directory: HARDWARE})
    manifest = read_json(directory / "manifest.json")
    for file, text in memory.images(manifest, initial_network(HARDWARE, seed)).items():
        write_text(directory / "mem" / file, text)
    built = verilator.build([directory / "rtl" / "Accelerator.v"], "Accelerator", verilator.QUICK)
    variables = {"VERIF_DIRECTORY": str(directory), "VERIF_SEED": str(seed), "VERIF_IMAGES": str(IMAGES)}
    started = time.monotonic()
    failed = verilator.run(built, "systems.soak", directory / "mem", variables, directory / f"run_{seed}.log", seed)
    seconds = round(time.monotonic() - started, 1)
    assert not failed, f"see {directory / f'run_{seed}.log'}; replay: pytest verif/test_soak.py --soak --seed {seed}"
    result = read_json(directory / "soak.json")
    write_json(RESULT, {**result, "seconds": seconds})
    assert result["images"] >= IMAGES and result["mismatches"] == 0
