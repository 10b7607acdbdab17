# SPDX-License-Identifier: Apache-2.0
"""An exported model's files, written and read without torch."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from xnorfpga.artefacts.accelerator import Accelerator, Accuracies, DataNames
from xnorfpga.artefacts.hardware import Convolution
from xnorfpga.base.errors import UserError
from xnorfpga.network import package
from xnorfpga.network.golden import LayerWeights, Model


def model(thresholds=(0, 3, 8)) -> Model:
    random = np.random.default_rng(1)
    hidden = LayerWeights(random.random((3, 7)) < 0.5, np.array(thresholds, np.int32))
    return Model((hidden, LayerWeights(random.random((2, 3)) < 0.5, None)), 128, (7, 3, 2))


def quantized() -> Model:
    """A model of three input planes, a ternary layer with two output planes, and four of ten pixels."""
    random = np.random.default_rng(1)
    hidden = LayerWeights(
        random.random((3, 4)) < 0.5,
        np.array([[0, 3, 8], [5, 5, 29], [1, 2, 3]], np.int32),
        random.random((3, 4)) < 0.5,
        (1, 2, 4),
    )
    last = LayerWeights(random.random((2, 3)) < 0.5, None, None, (1, 4))
    return Model((hidden, last), 128, (4, 3, 2), np.array([0, 2, 3, 9]))


def convolutional() -> Model:
    """A model of one convolutional layer of two planes and one other."""
    random = np.random.default_rng(1)
    convolution = Convolution(height=3, width=4, channels=2, kernel=2, padding=1, pool=2)
    levels = np.array([[0, 3, 8], [1, 5, 7], [2, 2, 9]], np.int32)
    hidden = LayerWeights(random.random((3, 8)) < 0.5, levels, None, (1,), convolution)
    return Model((hidden, LayerWeights(random.random((2, 12)) < 0.5, None, None, (1, 2))), 128, (12, 2))


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
        pixels=None if written.pixels is None else tuple(written.pixels.tolist()),
    ).write(build / package.DESCRIPTION)


@pytest.mark.parametrize("make", [model, quantized, convolutional])
def test_a_model_comes_back_as_it_was(tmp_path, make):
    write(tmp_path, make())
    loaded = package.load(tmp_path)
    assert loaded.digest == make().digest
    for mine, theirs in zip(make().layers, loaded.layers, strict=True):
        assert np.array_equal(mine.weights, theirs.weights)
        assert np.array_equal(mine.thresholds, theirs.thresholds)
        assert np.array_equal(mine.mask, theirs.mask)
        assert mine.coefficients == theirs.coefficients
    assert np.array_equal(make().pixels, loaded.pixels)
    assert loaded.layers[0].weights.dtype == bool
    assert loaded.layers[0].thresholds.dtype == np.int32


@pytest.mark.parametrize("threshold", [-1, 9, 2**31 - 1])
def test_a_threshold_that_no_popcount_can_have_is_refused(tmp_path, threshold):
    write(tmp_path, model((0, threshold, 8)))
    with pytest.raises(UserError, match=r"^[^\n]*layer0.npz: threshold -?\d+ of neuron 1; accepted: 0 to 8, [^\n]+$"):
        package.load(tmp_path)


@pytest.mark.parametrize("row", [(-1, 3, 8), (3, 2, 8), (3, 8, 30), (3, 30, 30)])
def test_thresholds_that_do_not_ascend_are_refused(tmp_path, row):
    right = quantized()
    thresholds = right.layers[0].thresholds.copy()
    thresholds[1] = row
    write(tmp_path, replace(right, layers=(replace(right.layers[0], thresholds=thresholds), right.layers[1])))
    with pytest.raises(UserError, match=r"^[^\n]*layer0.npz: threshold -?\d+ of neuron 1; accepted: 0 to 29, [^\n]+$"):
        package.load(tmp_path)


def test_thresholds_are_as_many_as_the_next_layer_has_planes_for(tmp_path):
    right = quantized()
    for thresholds in (right.layers[0].thresholds[:, :2], right.layers[0].thresholds[:, 0]):
        write(tmp_path, replace(right, layers=(replace(right.layers[0], thresholds=thresholds), right.layers[1])))
        with pytest.raises(UserError, match=r"^[^\n]*layer0.npz: thresholds \(3[^\n]+ 2 planes: \(3, 3\)[^\n]+$"):
            package.load(tmp_path)


@pytest.mark.parametrize(
    "arrays, said",
    [
        ({"weights": np.zeros((3, 1), np.uint8)}, "thresholds"),
        ({"thresholds": np.zeros(3, np.int32)}, "weights"),
        ({"weights": np.zeros(3, np.uint8), "thresholds": np.zeros(3, np.int32)}, "axis"),
        ({"weights": np.zeros((3, 1)), "thresholds": np.zeros(3, np.int32)}, "unsigned byte"),
        ({"weights": np.zeros((2, 1), np.uint8), "thresholds": np.zeros(3, np.int32)}, "not a layer of 3 neurons"),
        ({"weights": np.zeros((3, 1), np.uint8), "thresholds": np.zeros(2, np.int32)}, "needed for 1 planes"),
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
