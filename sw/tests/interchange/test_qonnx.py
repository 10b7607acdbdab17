# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from xnorfpga.base.errors import UserError
from xnorfpga.interchange import qonnx
from xnorfpga.network.golden import infer

onnx = pytest.importorskip("onnx")
from onnx import helper, numpy_helper  # noqa: E402

SHAPES = ((784, 20), (20, 15), (15, 10))
QONNX = "qonnx.custom_op.general"


class Graph:
    """A chain of nodes on images of 28 × 28, built node by node."""

    def __init__(self, shape=(1, 1, 28, 28)):
        self.nodes, self.constants, self.at, self.shape = [], [], "x", shape

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, kind, *constants, domain="", **attributes):
        name = f"n{len(self.nodes)}"
        inputs = [self.at, *(each if isinstance(each, str) else self.constant(each) for each in constants)]
        self.nodes.append(
            helper.make_node(kind, inputs, [name], f"{kind}_{len(self.nodes)}", domain=domain, **attributes)
        )
        self.at = name
        return self

    def write(self, path):
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes,
            "g",
            [info("x", onnx.TensorProto.FLOAT, self.shape)],
            [info(self.at, onnx.TensorProto.FLOAT, None)],
            self.constants,
        )
        opsets = [helper.make_opsetid("", 13), helper.make_opsetid(QONNX, 1)]
        onnx.save(helper.make_model(graph, opset_imports=opsets), path)
        return path


def signs(generator, *shape):
    return (2 * generator.integers(0, 2, shape) - 1).astype(np.float32)


def float32(*values):
    return np.array(values, np.float32)


def drawn(seed):
    """Return weights ±1 [MH, MW] and batch norms (gain, bias, mean, variance) of a random network."""
    g = np.random.default_rng(seed)
    norms = [
        (g.normal(0, 1, mh), g.normal(0, 1, mh), g.normal(0, 5, mh), g.uniform(1, mw, mh)) for mw, mh in SHAPES[:-1]
    ]
    return [signs(g, mh, mw) for mw, mh in SHAPES], [[each.astype(np.float32) for each in norm] for norm in norms]


def classes_by_float(weights, norms, images):
    """The network in float64, by its definition."""
    x = np.where(images.reshape(len(images), -1) / 255 * 2 - 1 >= 0, 1.0, -1.0)
    for k, weight in enumerate(weights):
        x = x @ weight.T
        if k < len(norms):
            gain, bias, mean, variance = (each.astype(np.float64) for each in norms[k])
            x = np.where((x - mean) / np.sqrt(variance + 1e-5) * gain + bias >= 0, 1.0, -1.0)
    return x.argmax(axis=1)


def brevitas(graph, weights, norms):
    graph.add("Reshape", np.array([1, -1])).add("Mul", float32(2)).add("Sub", float32(1))
    graph.add("BipolarQuant", float32(1), domain=QONNX)
    for k, weight in enumerate(weights):
        graph.add("MatMul", weight.T.copy())
        if k < len(norms):
            graph.add("BatchNormalization", *norms[k]).add("BipolarQuant", float32(1), domain=QONNX)
    return graph.add("Mul", float32(0.25)).add("Add", float32(-1))


def split_norms_and_gemm(graph, weights, norms):
    """Batch norm as Sub, Div, Mul, Add; scales and negative scales; Gemm of weights as they lie; labels at the end."""
    graph.add("Flatten").add("Sub", float32(0.5)).add("Sign").add("Mul", float32(0.5))
    for k, weight in enumerate(weights):
        graph.add("Gemm", weight * float32(0.125), transB=1).add("Mul", float32(16))
        if k < len(norms):
            gain, bias, mean, variance = norms[k]
            graph.add("Sub", mean).add("Div", np.sqrt(variance + np.float32(1e-5))).add("Mul", gain).add("Add", bias)
            graph.add("BipolarQuant", float32(0.5), domain=QONNX)
    return graph.add("Neg").add("Neg").add("Softmax").add("ArgMax", axis=1)


def multi_threshold(graph, weights, norms):
    """Outputs of 0 and 1, turned into ±1 after it; FINN's form."""
    graph.add("Flatten").add("MultiThreshold", float32(0.5).reshape(1, 1), domain=QONNX, out_scale=2.0, out_bias=-1.0)
    for k, weight in enumerate(weights):
        graph.add("MatMul", weight.T.copy())
        if k < len(norms):
            graph.add("BatchNormalization", *norms[k])
            graph.add("MultiThreshold", np.zeros((1, 1), np.float32), domain=QONNX)
            graph.add("Mul", float32(2)).add("Sub", float32(1))
    return graph


@pytest.mark.parametrize("form", [brevitas, split_norms_and_gemm, multi_threshold])
@pytest.mark.parametrize("seed", range(3))
def test_classes_are_those_of_the_float_network(tmp_path, form, seed):
    weights, norms = drawn(seed)
    images = np.random.default_rng(seed + 100).integers(0, 256, (300, 28, 28), np.uint8)
    model = qonnx.read(form(Graph(), weights, norms).write(tmp_path / "m.onnx"))
    assert (model.network, model.input_threshold) == ((784, 20, 15, 10), 128)
    bits = images.reshape(300, -1) >= model.input_threshold
    expected = classes_by_float(weights, norms, images)
    assert len(set(expected)) > 3
    np.testing.assert_array_equal(infer(model, bits).classes, expected)


def one_layer(graph, weight, *before):
    graph.add("Flatten")
    for kind, *constants in before:
        graph.add(kind, *constants)
    return graph.add("Sign").add("MatMul", weight.T.copy())


def test_dark_pixels_as_plus_one_flip_the_first_weights(tmp_path):
    weight = signs(np.random.default_rng(0), 10, 784)
    bright = qonnx.read(one_layer(Graph(), weight, ("Sub", float32(0.25))).write(tmp_path / "a.onnx"))
    dark = qonnx.read(one_layer(Graph(), weight, ("Sub", float32(0.25)), ("Neg",)).write(tmp_path / "b.onnx"))
    assert bright.input_threshold == dark.input_threshold == 64
    np.testing.assert_array_equal(bright.layers[0].weights, ~dark.layers[0].weights)


def test_pixels_from_0_to_255(tmp_path):
    weight = signs(np.random.default_rng(0), 10, 784)
    path = one_layer(Graph(), weight, ("Sub", float32(99.5))).write(tmp_path / "m.onnx")
    assert qonnx.read(path, pixel_max=255).input_threshold == 100
    with pytest.raises(UserError, match="--pixel-max"):
        qonnx.read(path)


def test_falling_scores_flip_the_last_weights(tmp_path):
    weight = signs(np.random.default_rng(0), 10, 784)
    rising = qonnx.read(one_layer(Graph(), weight, ("Sub", float32(0.5))).write(tmp_path / "a.onnx"))
    graph = one_layer(Graph(), weight, ("Sub", float32(0.5))).add("Mul", float32(-3))
    falling = qonnx.read(graph.write(tmp_path / "b.onnx"))
    np.testing.assert_array_equal(rising.layers[0].weights, ~falling.layers[0].weights)


REFUSED = {
    "'Erf_1' (Erf) is not supported": lambda g, w: g.add("Flatten").add("Erf").add("Sign").add("MatMul", w),
    "'MatMul_2' (MatMul) gets values at other distances": lambda g, w: g.add("Flatten").add("Sqrt").add("MatMul", w),
    "'MatMul_3' (MatMul) has weights that are not": lambda g, w: one_layer(
        g, w.T * np.arange(1, 785, dtype=np.float32), ("Sub", float32(0.5))
    ),
    "'Add_4' (Add) gives a class a scale or offset": lambda g, w: one_layer(g, w.T, ("Sub", float32(0.5))).add(
        "Add", np.arange(10, dtype=np.float32)
    ),
    "'ArgMax_4' (ArgMax) ranks the last": lambda g, w: one_layer(g, w.T, ("Sub", float32(0.5))).add(
        "ArgMax", select_last_index=1
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_not_supported_is_named_with_its_node(tmp_path, message):
    weight = signs(np.random.default_rng(0), 784, 10)
    path = REFUSED[message](Graph(), weight).write(tmp_path / "m.onnx")
    with pytest.raises(UserError) as told:
        qonnx.read(path)
    assert message in str(told.value) and "supported: " in str(told.value)
    assert "\n" not in str(told.value)


def test_a_file_that_is_no_onnx_is_named(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"no network")
    with pytest.raises(UserError, match=r"m\.onnx"):
        qonnx.read(path)
