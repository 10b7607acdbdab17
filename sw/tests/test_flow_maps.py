# SPDX-License-Identifier: Apache-2.0
"""The real flow with convolutions, from training to the simulated RTL, and what must be noticed in it."""

import os
import subprocess
import sys

import pytest

from xnorfpga.artefacts.accelerator import Accelerator
from xnorfpga.artefacts.simulation import Simulation
from xnorfpga.base.errors import UserError
from xnorfpga.base.paths import ROOT
from xnorfpga.design import designs
from xnorfpga.design.fold import folding_of
from xnorfpga.design.hardware import predict
from xnorfpga.network import golden
from xnorfpga.rtl import simulate, verilator

pytestmark = pytest.mark.xdist_group("flow of maps")
DESIGN = """
weights = "train"
[network]
dataset = "mnist"
convolutions = [{ filters = 8, stride = 2, padding = 1 }, { filters = 8, pool = 2 }]
layers = [288, 10]
[quantization]
weight_bits = 1
activation_bits = 2
input_threshold = 128
input_bits = 2
[training]
images = 20_000
batch_size = 100
learning_rate = 0.005
dropout = 0.0
shift_pixels = 0
seed = 1
[folding]
cycles_per_image = 1500
[simulation]
images = 40
[board]
name = "de1soc"
clock_mhz = 50
"""
STAGES = ("train", "export", "fold", "elaborate", "images", "simulate")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the design and its build directory, after all stages up to the simulation, from the embedded digits."""
    directory = tmp_path_factory.mktemp("maps")
    failed = directory / "cache" / "xnorfpga" / "download-failed"
    failed.parent.mkdir(parents=True)
    failed.write_text("the tests take the embedded digits")
    file = directory / "maps.toml"
    file.write_text(DESIGN)
    environment = {name: value for name, value in os.environ.items() if name != "XNORFPGA_DATA"}
    environment |= {"XNORFPGA_BUILD": str(directory / "build"), "XDG_CACHE_HOME": str(directory / "cache")}
    for stage in STAGES:
        command = [sys.executable, "-m", "xnorfpga", stage, str(file)]
        run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
    return designs.load(file), directory / "build" / "maps", directory / "cache"


def test_it_learns_and_the_rtl_answers_as_the_golden_model_in_the_predicted_cycles(built):
    design, build, _ = built
    found, prediction = Simulation.read(build / "sim.json"), predict(design, folding_of(design))
    assert Accelerator.read(build / "accelerator.json").accuracy.golden > 0.6
    assert (found.images, found.mismatches, found.hidden_mismatches) == (40, 0, 0)
    assert found.hidden_vectors_checked == 2 * 40  # the maps of both layers
    assert found.interval_cycles == (prediction.interval_cycles,) * 2
    assert found.latency_cycles == prediction.latency_cycles


@pytest.mark.parametrize("layer", [0, 1])
def test_a_wrong_bit_of_a_map_is_noticed(built, monkeypatch, layer):
    design, build, cache = built
    monkeypatch.setattr(verilator, "BUILD", build.parent)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.delenv("XNORFPGA_DATA", raising=False)
    infer = golden.infer

    def wrong(model, images, hidden=None):
        answer = infer(model, images, hidden)
        answer.hidden[layer][7, 100] ^= True
        return answer

    monkeypatch.setattr(golden, "infer", wrong)
    with pytest.raises(UserError, match=rf"^maps: the RTL differs [^\n]*image 7: hidden layer {layer} differs"):
        simulate.simulate(design, build, images=12)
