# SPDX-License-Identifier: Apache-2.0
"""An exported model's files, written and read without torch."""

import subprocess
import sys

import numpy as np
import pytest

from xnorfpga.artefacts.accelerator import Accelerator, Accuracies, DataNames
from xnorfpga.base.errors import UserError
from xnorfpga.network import package
from xnorfpga.network.golden import LayerWeights, Model


def model(thresholds=(0, 3, 8)) -> Model:
    random = np.random.default_rng(1)
    hidden = LayerWeights(random.random((3, 7)) < 0.5, np.array(thresholds, np.int32))
    return Model((hidden, LayerWeights(random.random((2, 3)) < 0.5, None)), 128, (7, 3, 2))


def write(build, written: Model) -> None:
    """Write a model as export does, with figures that nobody reads here."""
    Accelerator(
        design="tiny",
        network=written.network,
        input_threshold=written.input_threshold,
        digest=written.digest,
        layers=package.write_layers(written, build),
        accuracy=Accuracies(float=0.5, golden=0.5),
        data=DataNames(
            train="a", train_source="b", validation="c", validation_images=2, validation_digest="d", source="e"
        ),
        origin="trained",
    ).write(build / package.DESCRIPTION)


def test_a_model_comes_back_as_it_was(tmp_path):
    write(tmp_path, model())
    loaded = package.load(tmp_path)
    assert loaded.digest == model().digest
    for mine, theirs in zip(model().layers, loaded.layers, strict=True):
        assert np.array_equal(mine.weights, theirs.weights)
        assert np.array_equal(mine.thresholds, theirs.thresholds)
    assert loaded.layers[0].weights.dtype == bool
    assert loaded.layers[0].thresholds.dtype == np.int32


@pytest.mark.parametrize("threshold", [-1, 9, 2**31 - 1])
def test_a_threshold_that_no_popcount_can_have_is_refused(tmp_path, threshold):
    write(tmp_path, model((0, threshold, 8)))
    with pytest.raises(UserError, match=r"^[^\n]*layer0.npz: threshold -?\d+ of neuron 1; accepted: 0 to MW \+ 1 = 8$"):
        package.load(tmp_path)


@pytest.mark.parametrize(
    "arrays, said",
    [
        ({"weights": np.zeros((3, 1), np.uint8)}, "thresholds"),
        ({"thresholds": np.zeros(3, np.int32)}, "weights"),
        ({"weights": np.zeros(3, np.uint8), "thresholds": np.zeros(3, np.int32)}, "axis"),
        ({"weights": np.zeros((3, 1)), "thresholds": np.zeros(3, np.int32)}, "unsigned byte"),
        ({"weights": np.zeros((2, 1), np.uint8), "thresholds": np.zeros(3, np.int32)}, "not a layer of 3 neurons"),
        ({"weights": np.zeros((3, 1), np.uint8), "thresholds": np.zeros(2, np.int32)}, "not a layer of 3 neurons"),
    ],
)
def test_a_layer_file_of_another_make_is_one_line(tmp_path, arrays, said):
    write(tmp_path, model())
    digest = package.write_npz(tmp_path / "weights/layer0.npz", arrays)
    described = Accelerator.read(tmp_path / package.DESCRIPTION)
    first = described.layers[0].model_copy(update={"sha256": digest})
    described.model_copy(update={"layers": (first, *described.layers[1:])}).write(tmp_path / package.DESCRIPTION)
    with pytest.raises(UserError, match=rf"^[^\n]*layer0.npz: [^\n]*{said}[^\n]*$"):
        package.load(tmp_path)


def test_reading_a_model_needs_no_torch():
    modules = "xnorfpga.network.package, xnorfpga.rtl.memory, xnorfpga.rtl.simulate, sys"
    script = f"import {modules}; print({{'torch'}} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"
