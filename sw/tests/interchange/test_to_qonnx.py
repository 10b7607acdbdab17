# SPDX-License-Identifier: Apache-2.0
"""What is written as QONNX comes back unchanged, and computes what the integer model does."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from xnorfpga import __main__ as cli
from xnorfpga.artefacts.hardware import Convolution
from xnorfpga.base import paths
from xnorfpga.base.errors import UserError
from xnorfpga.interchange import qonnx, to_qonnx
from xnorfpga.network import package
from xnorfpga.network.encoding import binarize
from xnorfpga.network.golden import LayerWeights, Model, infer

onnx = pytest.importorskip("onnx")
from onnx.reference import ReferenceEvaluator  # noqa: E402
from test_qonnx_maps import BipolarQuant, MultiThreshold  # noqa: E402


def drawn(sizes, input_threshold, seed=0):
    random = np.random.default_rng(seed)
    layers = []
    for mw, mh in pairwise(sizes):
        thresholds = np.clip(np.round(mw / 2 + random.normal(0, mw**0.5 / 2, mh)), 0, mw + 1).astype(np.int32)
        thresholds[:2] = (0, mw + 1)  # always and never +1
        layers.append(LayerWeights(random.random((mh, mw)) < 0.5, thresholds))
    layers[-1] = LayerWeights(layers[-1].weights, None)
    return Model(tuple(layers), input_threshold, tuple(sizes))


PLANES = {1: (1,), 2: (1, 2), 8: (1, 2, 4, 8, 16, 32, 64, 128)}


def drawn_maps(image, maps, sizes, planes=1, activation=1, seed=0):
    """Return a model whose first layers are convolutions (filters and what Convolution takes beside its map)."""
    random, layers = np.random.default_rng(seed), []

    def add(mw, mh, convolution=None):
        coefficients = PLANES[planes if not layers else activation]
        greatest = sum(coefficients) * mw
        levels = np.round(greatest / 2 + random.normal(0, greatest**0.5, (mh, 2**activation - 1)))
        levels = np.sort(np.clip(levels, 0, greatest + 1), axis=1).astype(np.int32)
        thresholds = levels[:, 0] if activation == 1 else levels
        layers.append(LayerWeights(random.random((mh, mw)) < 0.5, thresholds, None, coefficients, convolution))

    height, width, channels = image
    for filters, how in maps:
        convolution = Convolution(height=height, width=width, channels=channels, **how)
        add(convolution.mw, filters, convolution)
        height, width, channels = convolution.pooled_height, convolution.pooled_width, filters
    network = (height * width * channels, *sizes)
    for mw, mh in pairwise(network):
        add(mw, mh)
    layers[-1] = replace(layers[-1], thresholds=None)
    return Model(tuple(layers), 128, network)


MAPS = {
    "pools": drawn_maps((28, 28, 1), [(5, {"kernel": 3, "pool": 2}), (6, {"kernel": 3, "pool": 3})], (12, 10)),
    "frame and stride": drawn_maps(
        (32, 32, 3), [(4, {"kernel": 3, "padding": 1, "stride": 2}), (6, {"kernel": 2, "pool": 2})], (10,), planes=8
    ),
    "planes": drawn_maps((28, 28, 1), [(5, {"kernel": 4, "pool": 4})], (16, 10), planes=2, activation=2),
    "planes in a frame": drawn_maps(
        (28, 28, 1), [(4, {"kernel": 3, "padding": 1, "pool": 2}), (3, {"kernel": 3, "padding": 2})], (10,), 2, 2
    ),
    "fully connected, in color": drawn_maps((32, 32, 3), [], (24, 10)),
    "fully connected, planes": drawn_maps((28, 28, 1), [], (24, 16, 10), planes=2, activation=2),
}


@pytest.mark.parametrize("name", MAPS)
def test_maps_and_planes_come_back_and_another_program_computes_the_same(tmp_path, name):
    model, path = MAPS[name], tmp_path / "m.onnx"
    to_qonnx.write(path, model)
    assert qonnx.read(path).digest == model.digest
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = ReferenceEvaluator(str(path), new_ops=[BipolarQuant, MultiThreshold])
    _, channels, height, width = (each.dim_value for each in onnx.load(path).graph.input[0].type.tensor_type.shape.dim)
    images = np.random.default_rng(1).integers(0, 256, (5, height, width, channels)).astype(np.uint8)
    answers = infer(model, model.encode(images))
    last = model.layers[-1]
    expected = 2 * answers.scores - last.weights.shape[1] * sum(last.coefficients)
    for image, scores in zip(images, expected, strict=True):
        pixels = image.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255)
        np.testing.assert_array_equal(session.run(None, {"images": pixels})[0], scores[None])


@pytest.mark.parametrize("input_threshold", [1, 2, 100, 128, 254, 255])
@pytest.mark.parametrize("sizes", [(784, 10), (784, 17, 10), (784, 33, 8, 10)])
def test_what_is_written_comes_back_unchanged(tmp_path, sizes, input_threshold):
    model, path = drawn(sizes, input_threshold), tmp_path / "m.onnx"
    to_qonnx.write(path, model)
    assert qonnx.read(path).digest == model.digest
    before = path.read_bytes()
    to_qonnx.write(path, qonnx.read(path))
    assert path.read_bytes() == before
    onnx.checker.check_model(onnx.load(path))


def test_another_program_computes_the_same(tmp_path):
    """onnx's evaluator on every grey level: the scores are 2 · popcount − MW."""
    model, path = drawn((784, 33, 16, 10), 100), tmp_path / "m.onnx"
    to_qonnx.write(path, model)
    session = ReferenceEvaluator(str(path), new_ops=[BipolarQuant])
    images = np.random.default_rng(1).integers(0, 256, (20, 28, 28)).astype(np.uint8)
    images[0].reshape(-1)[:256] = np.arange(256)
    expected = 2 * infer(model, binarize(images, 100)).scores - 16
    for image, scores in zip(images, expected, strict=True):
        pixels = image.reshape(1, 1, 28, 28).astype(np.float32) / np.float32(255)
        np.testing.assert_array_equal(session.run(None, {"images": pixels})[0], scores[None])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"coefficients": (1, 4)}, "activations of two planes at 4:1"),
        ({"mask": np.ones((10, 17), bool)}, "weights of 0"),
        ({}, "pruned pixels, grey levels that count as others"),
    ],
)
def test_a_model_that_qonnx_cannot_say_is_one_line_and_no_file(tmp_path, change, said):
    model = drawn((784, 17, 10), 128)
    *hidden, last = model.layers
    others = {} if change else {"pixels": np.arange(784), "levels": np.arange(256, dtype=np.uint8)}
    beyond = replace(model, layers=(*hidden, replace(last, **change)), **others)
    with pytest.raises(UserError, match=f"the model has {said}; accepted by --onnx: weights of two values"):
        to_qonnx.write(tmp_path / "m.onnx", beyond)
    assert not list(tmp_path.iterdir())


def test_the_command_writes_a_published_model_beside_it_or_elsewhere(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    monkeypatch.delenv("XNORFPGA_DATA", raising=False)
    assert cli.main(["export", "mnist_fast", "--onnx"]) == 0
    path = tmp_path / "mnist_fast" / "mnist_fast.onnx"
    assert capsys.readouterr().out == f"{path}\n"
    assert qonnx.read(path).digest == package.load(path.parent).digest
    assert cli.main(["export", "mnist_fast", "--onnx", str(tmp_path / "other.onnx")]) == 0
    assert (tmp_path / "other.onnx").read_bytes() == path.read_bytes()
