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
from onnx.reference.op_run import OpRun  # noqa: E402


def drawn(sizes, input_threshold, seed=0):
    random = np.random.default_rng(seed)
    layers = []
    for mw, mh in pairwise(sizes):
        thresholds = np.clip(np.round(mw / 2 + random.normal(0, mw**0.5 / 2, mh)), 0, mw + 1).astype(np.int32)
        thresholds[:2] = (0, mw + 1)  # always and never +1
        layers.append(LayerWeights(random.random((mh, mw)) < 0.5, thresholds))
    layers[-1] = LayerWeights(layers[-1].weights, None)
    return Model(tuple(layers), input_threshold, tuple(sizes))


class BipolarQuant(OpRun):
    """QONNX's operator, by its definition."""

    op_domain = to_qonnx.DOMAIN

    def _run(self, x, scale):
        return (np.where(x >= 0, scale, -scale).astype(np.float32),)


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
        pixels = image.reshape(to_qonnx.SHAPE).astype(np.float32) / np.float32(255)
        np.testing.assert_array_equal(session.run(None, {"images": pixels})[0], scores[None])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"coefficients": (1, 2)}, "several bits a pixel or activation"),
        ({"mask": np.ones((10, 17), bool)}, "weights of 0"),
        ({"convolution": Convolution(height=1, width=1, channels=17, kernel=1)}, "convolutions"),
        ({}, "pruned pixels"),
    ],
)
def test_a_model_beyond_one_bit_is_one_line_and_no_file(tmp_path, change, said):
    model = drawn((784, 17, 10), 128)
    *hidden, last = model.layers
    pixels = None if change else np.arange(784)
    beyond = replace(model, layers=(*hidden, replace(last, **change)), pixels=pixels)
    with pytest.raises(UserError, match=f"the model has {said}; accepted by --onnx: fully connected, one bit"):
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
