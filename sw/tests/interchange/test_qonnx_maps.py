# SPDX-License-Identifier: Apache-2.0
"""Convolutional QONNX networks, in several forms, against a float model of each of its operators."""

import numpy as np
import pytest
from test_qonnx import QONNX, Graph, float32, signs

from xnorfpga.base.errors import UserError
from xnorfpga.interchange import qonnx
from xnorfpga.interchange.fit import dataset_of, fit
from xnorfpga.network.golden import infer, infer_packed

onnx = pytest.importorskip("onnx")
from onnx import helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402
from onnx.reference.op_run import OpRun  # noqa: E402


class BatchNormalization(OpRun):
    """Of operator set 9; onnx's own evaluator takes a momentum for a training."""

    def _run(self, x, *parameters, **_):
        gain, bias, mean, variance = (each.reshape(1, -1, *[1] * (x.ndim - 2)).astype(float) for each in parameters)
        return (((x - mean) * (gain / np.sqrt(variance + 1e-5)) + bias).astype(np.float32),)


class BipolarQuant(OpRun):
    """QONNX's, for onnx's own evaluator."""

    op_domain = QONNX

    def _run(self, x, scale):
        return (np.where(x >= 0, np.float32(1), np.float32(-1)) * scale,)


class Quant(OpRun):
    """QONNX's signed one, without a zero point."""

    op_domain = QONNX

    def _run(self, x, scale, zero, bits, narrow=None, rounding_mode=None, signed=None):
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0 * bits, 2**bits - 1)
        return ((np.clip(np.round(x / scale), low, high) * scale).astype(np.float32),)


class MultiThreshold(OpRun):
    """QONNX's of one threshold or of some for each channel, on maps or vectors."""

    op_domain = QONNX

    def _run(self, x, thresholds, out_scale=None, out_bias=None):
        limits = thresholds.reshape(1, -1, *[1] * (x.ndim - 2), thresholds.shape[1])
        reached = (x[..., None] >= limits).sum(-1).astype(np.float32)
        return (reached * np.float32(out_scale or 1.0) + np.float32(out_bias or 0.0),)


def compare(path, shape, pixel_max=1.0, count=60):
    """Read a network, and compare its classes with those that onnx computes operator by operator; return the model."""
    model, _ = fit(qonnx.read(path, pixel_max), path, padding=False)
    channels, height, width = shape
    g = np.random.default_rng(7)
    coarse = g.integers(0, 256, (count, 4, 4, channels)).repeat(height // 4, axis=1).repeat(width // 4, axis=2)
    images = np.clip(coarse + g.integers(-60, 60, coarse.shape), 0, 255).astype(np.uint8)
    bits = model.encode(images)
    answer = infer(model, bits)
    assert np.array_equal(infer_packed(model, bits[:3]).scores, answer.scores[:3])
    run = ReferenceEvaluator(str(path), new_ops=[BatchNormalization, BipolarQuant, Quant, MultiThreshold])
    floats = images.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255) * np.float32(pixel_max)
    scores = np.concatenate([run.run(None, {"x": one[None]})[0] for one in floats])
    expected = scores.argmax(1)
    assert len(set(expected)) > 3
    np.testing.assert_array_equal(answer.classes, expected)
    return model


def norm(generator, channels, width):
    """Return a batch norm with gains of both signs; its means lie between the sums, so that no sum is a tie."""
    gain = generator.normal(0, 1, channels)
    mean = 2 * generator.integers(-3, 3, channels) + 0.37
    return [each.astype(np.float32) for each in (gain, 0 * mean, mean, generator.uniform(1, width, channels))]


def cnv(order, pool_first=False, bits=8):
    """Return a small CNV for CIFAR-10 as Brevitas writes it: quantized pixels, no padding, two pools."""
    g, graph = np.random.default_rng(order), Graph((1, 3, 32, 32))
    graph.add("Mul", float32(2)).add("Sub", float32(1))
    graph.add("Quant", float32(2.0 ** (1 - bits)), float32(0), float32(bits), domain=QONNX, signed=1, narrow=0)
    channels = 3
    for filters, pool in ((6, False), (5, True), (8, False), (7, True)):
        graph.add("Conv", signs(g, filters, channels, 3, 3), kernel_shape=[3, 3], strides=[1, 1])
        if pool and pool_first:
            graph.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        graph.add("BatchNormalization", *norm(g, filters, 9 * channels))
        graph.add("BipolarQuant", float32(1), domain=QONNX)
        if pool and not pool_first:
            graph.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        channels = filters
    return g, graph, channels


@pytest.mark.parametrize("pool_first", [False, True])
@pytest.mark.parametrize("bits", [8, 3])
def test_a_network_like_cnv(tmp_path, pool_first, bits):
    g, graph, channels = cnv(1, pool_first, bits)
    graph.add("Reshape", np.array([1, -1])).add("MatMul", signs(g, 25 * channels, 20))
    graph.add("BatchNormalization", *norm(g, 20, 175)).add("BipolarQuant", float32(1), domain=QONNX)
    graph.add("MatMul", signs(g, 20, 10)).add("Mul", float32(0.3)).add("Add", float32(2))
    model = compare(graph.write(tmp_path / "m.onnx"), (3, 32, 32))
    assert model.network == (175, 20, 10)
    assert dataset_of(model) == "cifar10"
    assert [layer.convolution and layer.convolution.pool for layer in model.layers] == [1, 2, 1, 2, None, None]
    assert len(model.layers[0].coefficients) == bits
    assert model.levels is not None  # 255 becomes the greatest of an even number of levels around 0


def test_a_shape_that_is_computed_and_weights_behind_quantizers(tmp_path):
    """As Brevitas writes `x.view(x.shape[0], -1)`, and weights: floats, a quantizer of ±a, a transposition."""
    g, graph, channels = cnv(9)
    images, size, batch = graph.at, "size", "batch"
    graph.nodes += [
        helper.make_node("Shape", [images], ["shape"]),
        helper.make_node("Gather", ["shape", graph.constant(np.array(0))], [size]),
        helper.make_node("Unsqueeze", [size, graph.constant(np.array([0]))], [batch]),
        helper.make_node("Concat", [batch, graph.constant(np.array([-1]))], ["target"], axis=0),
    ]
    graph.add("Reshape", "target")
    floats = graph.constant(g.normal(0, 1, (10, 25 * channels)).astype(np.float32))
    graph.nodes += [
        helper.make_node("BipolarQuant", [floats, graph.constant(float32(0.25))], ["weights"], domain=QONNX),
        helper.make_node("Transpose", ["weights"], ["matrix"], perm=[1, 0]),
    ]
    model = compare(graph.add("MatMul", "matrix").write(tmp_path / "m.onnx"), (3, 32, 32))
    assert model.network == (175, 10)


def test_channels_last_before_the_vector(tmp_path):
    g, graph, channels = cnv(2)
    graph.add("Transpose", perm=[0, 2, 3, 1]).add("Flatten").add("Gemm", signs(g, 10, 25 * channels), transB=1)
    compare(graph.write(tmp_path / "m.onnx"), (3, 32, 32))


def test_grey_pixels_as_they_are(tmp_path):
    """8-bit pixels without a quantizer, of 0 to 255; a stride, and a bias for each filter."""
    g, graph = np.random.default_rng(3), Graph()
    weights, bias = signs(g, 6, 1, 5, 5) * float32(0.5), float32(*range(6))
    graph.add("Conv", weights, bias, kernel_shape=[5, 5], strides=[2, 2])
    middle = 127.5 * weights.sum((1, 2, 3)) + bias + g.integers(-2, 3, 6) * 64
    graph.add("Sub", (middle + 0.2).astype(np.float32).reshape(6, 1, 1)).add("Sign")
    graph.add("Flatten").add("MatMul", signs(g, 144 * 6, 10))
    model = compare(graph.write(tmp_path / "m.onnx"), (1, 28, 28), 255.0)
    assert (dataset_of(model), model.levels) == ("mnist", None)
    assert model.layers[0].coefficients == tuple(2**k for k in range(8))


def test_bits_of_zero_and_one_have_a_frame_of_zeros(tmp_path):
    """FINN's form: thresholds give 0 and 1, so ONNX's padding of zeros is a frame of the lower value."""
    g, graph = np.random.default_rng(4), Graph()
    graph.add("MultiThreshold", float32(0.5).reshape(1, 1), domain=QONNX)
    graph.add("Conv", signs(g, 6, 1, 3, 3), kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1])
    graph.add("MultiThreshold", (g.integers(-2, 3, (6, 1)) + 0.5).astype(np.float32), domain=QONNX)
    graph.add("MaxPool", kernel_shape=[3, 3], strides=[3, 3])
    graph.add("Conv", signs(g, 5, 6, 3, 3), kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])
    graph.add("MultiThreshold", (g.integers(-4, 4, (5, 1)) + 0.5).astype(np.float32), domain=QONNX)
    graph.add("Mul", float32(2)).add("Sub", float32(1)).add("Flatten").add("MatMul", signs(g, 125, 10))
    model = compare(graph.write(tmp_path / "m.onnx"), (1, 28, 28))
    assert [layer.convolution.padding for layer in model.layers[:2]] == [1, 1]
    assert model.layers[0].coefficients == (1,)


def test_a_frame_of_minus_one(tmp_path):
    g, graph = np.random.default_rng(5), Graph()
    graph.add("Sub", float32(0.5)).add("Sign")
    graph.add("Pad", np.array([0, 0, 2, 2, 0, 0, 2, 2]), float32(-1)[0])
    graph.add("Conv", signs(g, 6, 1, 5, 5), kernel_shape=[5, 5], strides=[3, 3])
    graph.add("BatchNormalization", *norm(g, 6, 25)).add("Sign").add("Flatten").add("MatMul", signs(g, 600, 10))
    model = compare(graph.write(tmp_path / "m.onnx"), (1, 28, 28))
    assert model.layers[0].convolution.padding == 2


def test_activations_of_two_bits(tmp_path):
    g, graph = np.random.default_rng(6), Graph()
    graph.add("Sub", float32(0.5)).add("Sign")
    for channels, filters in ((1, 6), (6, 5)):
        graph.add("Conv", signs(g, filters, channels, 4, 4), kernel_shape=[4, 4], strides=[2, 2])
        graph.add("BatchNormalization", *norm(g, filters, 16 * channels))
        graph.add("Quant", float32(1), float32(0), float32(2), domain=QONNX, signed=1).add("Add", float32(0.5))
    graph.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2]).add("Flatten").add("MatMul", signs(g, 20, 10))
    model = compare(graph.write(tmp_path / "m.onnx"), (1, 28, 28))
    assert [layer.coefficients for layer in model.layers] == [(1,), (1, 2), (1, 2)]


def test_a_last_convolution_of_the_whole_map_is_fully_connected(tmp_path):
    g, graph = np.random.default_rng(8), Graph()
    graph.add("Sub", float32(0.5)).add("Sign").add("Conv", signs(g, 4, 1, 7, 7), kernel_shape=[7, 7], strides=[7, 7])
    graph.add("BatchNormalization", *norm(g, 4, 49)).add("Sign")
    graph.add("Conv", signs(g, 10, 4, 4, 4), kernel_shape=[4, 4]).add("Squeeze", np.array([2, 3]))
    model = compare(graph.write(tmp_path / "m.onnx"), (1, 28, 28))
    assert model.network == (64, 10)


def start(graph, **attributes):
    """Return bits of an image behind a convolution of three filters of 3 × 3, with more attributes."""
    weights = signs(np.random.default_rng(0), 3, 1, 3, 3)
    return graph.add("Sub", float32(0.5)).add("Sign").add("Conv", weights, **{"kernel_shape": [3, 3]} | attributes)


REFUSED = {
    "'Conv_2' (Conv) has 0 around a map of -1 to 1": lambda g: start(g, pads=[1, 1, 1, 1]),
    "'Conv_2' (Conv) has strides = [1, 2]": lambda g: start(g, strides=[1, 2]),
    "'Conv_2' (Conv) has pads = [1, 1, 0, 0]": lambda g: start(g, pads=[1, 1, 0, 0]),
    "'Conv_2' (Conv) has auto_pad = SAME_UPPER": lambda g: start(g, auto_pad="SAME_UPPER"),
    "'Conv_2' (Conv) has dilations or groups": lambda g: start(g, dilations=[2, 2]),
    "'MaxPool_3' (MaxPool) has squares that overlap": lambda g: start(g).add("MaxPool", kernel_shape=[2, 2]),
    "'MaxPool_3' (MaxPool) has pads": lambda g: start(g).add(
        "MaxPool", kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1]
    ),
    "'MaxPool_4' (MaxPool) gets values from node 'Conv_2' (Conv) that rise and fall": lambda g: (
        start(g).add("Abs").add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    ),
    "'AveragePool_3' (AveragePool) is not supported": lambda g: start(g).add("AveragePool", kernel_shape=[2, 2]),
    "'MatMul_3' (MatMul) takes a map of 26 × 26": lambda g: start(g).add("MatMul", np.ones((26, 10), np.float32)),
    "'Transpose_3' (Transpose) has perm = [0, 3, 2, 1]": lambda g: start(g).add("Transpose", perm=[0, 3, 2, 1]),
    "'Add_3' (Add) has input 1 of shape (26,)": lambda g: start(g).add("Add", np.arange(26, dtype=np.float32)),
    "'Conv_2' (Conv) is the last and has several windows": lambda g: start(g),
    "'Mul_3' (Mul) comes between Pad and Conv": lambda g: (
        g.add("Sub", float32(0.5)).add("Sign").add("Pad", np.array([0, 0, 1, 1, 0, 0, 1, 1])).add("Mul", float32(2))
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_not_supported_is_named_with_its_node(tmp_path, message):
    path = REFUSED[message](Graph()).write(tmp_path / "m.onnx")
    with pytest.raises(UserError) as told:
        qonnx.read(path)
    assert message in str(told.value) and "supported: " in str(told.value)
    assert "\n" not in str(told.value)


def test_images_of_another_size_are_refused(tmp_path):
    path = tmp_path / "m.onnx"
    graph = start(Graph((1, 1, 20, 20))).add("Sign").add("Flatten").add("MatMul", np.ones((972, 10), np.float32))
    with pytest.raises(UserError, match=r"takes 1 × 20 × 20 values; needed: 1 × 28 × 28 or 3 × 32 × 32"):
        fit(qonnx.read(graph.write(path)), path, padding=False)
