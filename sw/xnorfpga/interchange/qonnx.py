# SPDX-License-Identifier: Apache-2.0
"""Read a binary network in QONNX (ONNX with the quantizers of https://github.com/fastmachinelearning/qonnx).

No formula of any operator is inverted. A neuron before its quantizer depends on one integer: its popcount, or, at the
input, the grey level of its pixel. So each tensor between two layers is a *table*, its value at every such integer, and
every operator is asked for its answers to the whole table. Where the next layer begins, the table must hold two values
and one step between them. The place of that step is the integer threshold.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from xnorfpga.base.errors import UserError
from xnorfpga.network.golden import LayerWeights, Model

LEVELS = 256  # of a pixel
ELEMENTWISE = (
    "Abs", "Add", "Cast", "Ceil", "Clip", "Div", "Equal", "Floor", "Greater", "GreaterOrEqual", "HardSigmoid",
    "Identity", "LeakyRelu", "Less", "LessOrEqual", "Max", "Min", "Mul", "Neg", "Not", "PRelu", "Pow", "Relu",
    "Round", "Sigmoid", "Sign", "Sqrt", "Sub", "Tanh", "Where", "BatchNormalization",
)  # fmt: skip
QUANTIZERS = ("BipolarQuant", "MultiThreshold", "Quant")
RESHAPES = ("Flatten", "Reshape", "Squeeze", "Unsqueeze", "Dropout")  # they keep the order of elements
LAYERS = ("MatMul", "Gemm")
RANKINGS = ("Softmax", "LogSoftmax", "ArgMax", "TopK")  # they rank the classes as the scores do
SUPPORTED = f"elementwise {', '.join((*ELEMENTWISE, *QUANTIZERS))}; {', '.join((*LAYERS, *RESHAPES, *RANKINGS))}"


@dataclass(frozen=True, eq=False)
class Table:
    """Values float [levels, channels] of a tensor at every pixel or popcount.

    weights: of the layer whose popcounts they are, bool[MH, MW]; None at the input.
    node: the layer's node. apart: the first node after which the channels differ.
    """

    values: NDArray[Any]
    weights: NDArray[np.bool_] | None = None
    node: str = "the input"
    apart: str | None = None


class Unknown:
    """What follows from the shape of the images alone: the target of a Reshape."""


def read(path: Path, pixel_max: float = 1.0) -> Model:
    """Return the integer model of the network in an .onnx file.

    pixel_max: what the network expects for white; grey level g of 0 to 255 gives g / 255 · pixel_max in float32.

    Raises UserError where onnx is not installed, the file is none, or the network is not a chain of binary layers.
    """
    onnx = onnx_module()
    try:
        proto = onnx.load(path)
    except OSError as error:
        raise UserError(f"{path}: cannot read: {error.strerror}") from None
    except Exception as error:  # protobuf's own types are no part of onnx's interface
        raise UserError(f"{path}: not an ONNX file ({type(error).__name__})") from None
    return _Reader(path, proto, pixel_max).model()


def onnx_module() -> Any:
    """Return the module onnx; raises UserError where it is not installed."""
    try:
        import onnx
    except ImportError:
        raise UserError("onnx is not installed; `pip install -c constraints.txt -e '.[onnx]'` brings it") from None
    return onnx


class _Reader:
    """The walk along the nodes of one graph."""

    def __init__(self, path: Path, proto: Any, pixel_max: float):
        from onnx import numpy_helper

        self.path, self.proto, graph = path, proto, proto.graph
        self.known: dict[str, Any] = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
        self.layers: list[LayerWeights] = []
        self.input_threshold = 0
        inputs = [each for each in graph.input if each.name not in self.known]
        if len(inputs) != 1:
            self._refuse("the graph", f"has {len(inputs)} inputs; supported: one, the images")
        sizes = [dim.dim_value for dim in inputs[0].type.tensor_type.shape.dim][1:]
        if not sizes or not all(sizes):
            self._refuse(f"input {inputs[0].name!r}", f"has the shape [N, {sizes}]; supported: known sizes of an image")
        grey = np.arange(LEVELS, dtype=np.float32) / np.float32(255) * np.float32(pixel_max)
        self.known[inputs[0].name] = Table(np.repeat(grey[:, None], np.prod(sizes), axis=1))

    def model(self) -> Model:
        """Return the model; the last layer's scores must rank the classes as its popcounts do."""
        for node in self.proto.graph.node:
            results = self._answer(node)
            for name, value in zip(node.output, results, strict=False):
                if name:
                    self.known[name] = value
        outputs = [self.known.get(each.name) for each in self.proto.graph.output]
        tables = [each for each in outputs if isinstance(each, Table) and each.weights is not None]
        if not tables:
            self._refuse("the graph", "has no layer of weights before its output")
        self.layers.append(LayerWeights(self._ranked(tables[0]), None))
        network = (self.layers[0].weights.shape[1], *(len(layer.weights) for layer in self.layers))
        return Model(tuple(self.layers), self.input_threshold, network)

    def _answer(self, node: Any) -> list[Any]:
        """Return a node's outputs."""
        inputs = [self.known[name] if name else None for name in node.input]
        tables = [each for each in inputs if isinstance(each, Table)]
        if not tables:
            if any(isinstance(each, Unknown) for each in inputs):
                return [Unknown()] * len(node.output)
            return self._evaluate(node, inputs)
        kind, first = node.op_type, inputs[0]
        if len(tables) > 1:
            self._refuse(node, "joins two branches of the network; supported: a chain")
        if kind == "Shape":
            return [Unknown()]
        if kind in RESHAPES:
            return [first, *[Unknown()] * (len(node.output) - 1)]
        if kind in RANKINGS:
            self._check_ranking(node)
            return [first] * len(node.output)
        if kind in LAYERS:
            return [self._layer(node, inputs)]
        if kind not in ELEMENTWISE and kind not in QUANTIZERS:
            self._refuse(node, f"is not supported on the path of the images; supported: {SUPPORTED}")
        return [self._elementwise(node, inputs, tables[0])]

    def _elementwise(self, node: Any, inputs: list[Any], table: Table) -> Table:
        channels = table.values.shape[1]
        arguments = []
        for number, each in enumerate(inputs):
            if isinstance(each, Unknown):
                self._refuse(node, "computes with the shape of the images; supported: constants")
            if isinstance(each, Table):
                arguments.append(each.values)
            elif each is None or each.size == 1:
                batch_norm = node.op_type == "BatchNormalization"
                arguments.append(np.repeat(each.reshape(1), channels) if batch_norm else each)
            elif each.size == channels and node.op_type not in QUANTIZERS:
                arguments.append(each.reshape(channels))
            elif node.op_type in QUANTIZERS:
                arguments.append(each)
            else:
                self._refuse(node, f"has input {number} of shape {each.shape}; supported: 1 or {channels} values")
        values = np.asarray(self._evaluate(node, arguments)[0])
        if values.shape != table.values.shape:
            self._refuse(node, f"makes shape {values.shape[1:]} of {channels} values; supported: one for each")
        apart = table.apart or (None if (values == values[:, :1]).all() else self._name(node))
        return replace(table, values=values, apart=apart)

    def _evaluate(self, node: Any, inputs: list[Any]) -> list[Any]:
        """Return what a node answers to arrays: QONNX's quantizers by their definition, others by onnx itself."""
        import onnx
        from onnx import helper
        from onnx.reference import ReferenceEvaluator

        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        with np.errstate(all="ignore"):  # what is not finite is refused where the next layer begins
            match node.op_type:
                case "BipolarQuant":
                    return [np.where(inputs[0] >= 0, np.float32(1), np.float32(-1)) * _column(inputs[1], inputs[0])]
                case "MultiThreshold":
                    reached = (inputs[0][..., None] >= inputs[1]).sum(axis=-1).astype(np.float32)
                    return [reached * attributes.get("out_scale", 1.0) + attributes.get("out_bias", 0.0)]
                case "BatchNormalization":  # in float64: onnx's own, of operator set 9, takes a momentum for a training
                    x, gain, bias, mean, variance = (np.asarray(each, np.float64) for each in inputs)
                    gain = gain / np.sqrt(variance + attributes.get("epsilon", 1e-5))
                    return [((x - mean) * gain + bias).astype(np.float32)]
                case "Quant":
                    return [self._quant(node, inputs, attributes)]
        if node.domain not in ("", "ai.onnx"):
            self._refuse(node, f"is not supported; supported: {SUPPORTED}")
        lone = onnx.NodeProto()
        lone.CopyFrom(node)
        names = [name for name in dict.fromkeys(node.input) if name]
        values = [helper.make_tensor_value_info(name, onnx.TensorProto.UNDEFINED, None) for name in names]
        outputs = [
            helper.make_tensor_value_info(name, onnx.TensorProto.UNDEFINED, None) for name in node.output if name
        ]
        graph = helper.make_graph([lone], "one", values, outputs)
        opsets = [each for each in self.proto.opset_import if each.domain in ("", "ai.onnx")]
        try:
            run = ReferenceEvaluator(helper.make_model(graph, opset_imports=opsets))
            return list(run.run(None, {name: value for name, value in zip(node.input, inputs, strict=True) if name}))
        except Exception as error:  # onnx names no one type
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            self._refuse(node, f"cannot be evaluated ({reason})")

    def _quant(self, node: Any, inputs: list[Any], attributes: dict[str, Any]) -> NDArray[Any]:
        """Return QONNX's integer quantizer: round(x / scale + zero point), clipped, and scaled back."""
        x, (scale, zero, bits) = inputs[0], (_column(each, inputs[0]) for each in inputs[1:])
        if attributes.get("rounding_mode", b"ROUND").upper() != b"ROUND":
            self._refuse(node, f"rounds by {attributes['rounding_mode'].decode()}; supported: ROUND")
        signed, narrow = attributes.get("signed", 1), attributes.get("narrow", 0)
        low = -(2.0 ** (bits - 1)) + narrow if signed else 0.0 * bits
        high = 2.0 ** (bits - 1) - 1 if signed else 2.0**bits - 1 - narrow
        return (((np.clip(np.round(x / scale + zero), low, high)) - zero) * scale).astype(np.float32)

    def _layer(self, node: Any, inputs: list[Any]) -> Table:
        """Close the layer before, and return the table of the sums of a layer of weights."""
        table, matrix = inputs[0], inputs[1]
        attributes = {each.name: each for each in node.attribute}
        scale = 1.0
        if not isinstance(table, Table) or not isinstance(matrix, np.ndarray) or matrix.ndim != 2:
            self._refuse(node, "is not images times a constant matrix; supported: only that")
        if node.op_type == "Gemm":
            if "transA" in attributes and attributes["transA"].i:
                self._refuse(node, "has transA; supported: transA = 0")
            matrix = matrix.T if "transB" in attributes and attributes["transB"].i else matrix
            scale = attributes["alpha"].f if "alpha" in attributes else 1.0
        mw = len(matrix)
        if table.values.shape[1] != mw:
            self._refuse(node, f"takes {mw} values, but {table.values.shape[1]} come")
        weights = matrix.T > 0
        magnitudes = np.abs(matrix).max(axis=0)
        if not (np.abs(matrix) == magnitudes).all() or not magnitudes.all() or not np.isfinite(magnitudes).all():
            self._refuse(node, "has weights that are not ±a for each neuron; supported: binary weights")
        low, high, falling = self._close(node, table)
        # Σ w·x with x = low or high is half · (2·popcount − MW) + middle · Σ w, whatever the two values are.
        sums = (high - low) / 2 * (2 * np.arange(mw + 1.0)[:, None] - mw)
        sums = sums + (high + low) / 2 * (2.0 * weights.sum(axis=1) - mw)
        values = (sums * magnitudes * scale).astype(np.float32)
        bias = inputs[2] if len(inputs) > 2 else None
        if bias is not None:
            values = values + np.float32(attributes["beta"].f if "beta" in attributes else 1.0) * bias.reshape(-1)
        apart = None if (values == values[:, :1]).all() else self._name(node)
        return Table(values, weights ^ falling, self._name(node), apart)

    def _close(self, node: Any, table: Table) -> tuple[float, float, NDArray[np.bool_] | bool]:
        """Turn the table before a layer into thresholds.

        Returns the two values of its inputs, and for the image whether a *dark* pixel has the higher one.
        """
        found = np.unique(table.values)
        if not np.isfinite(found).all():
            self._refuse(node, f"gets values that are not finite from {table.node}")
        if len(found) != 2:
            hint = "; is --pixel-max right?" if table.weights is None and len(found) == 1 else ""
            self._refuse(node, f"gets {len(found)} different values from {table.node}; supported: two{hint}")
        fires = table.values == found[1]
        falling = fires[0] & ~fires[-1]
        rising = np.where(falling, fires[::-1], fires)
        levels = len(fires)
        integers = (levels - rising.sum(axis=0)).astype(np.int32)
        if not np.array_equal(rising, np.arange(levels)[:, None] >= integers):
            self._refuse(node, f"gets a value from {table.node} that is no step; supported: one threshold a neuron")
        if table.weights is not None:
            self.layers.append(LayerWeights(table.weights ^ falling[:, None], integers))
            return float(found[0]), float(found[1]), False
        if (integers != integers[0]).any() or (falling != falling[0]).any() or not 0 < integers[0] < levels:
            self._refuse(node, "has a threshold of its own for some pixels; supported: one for all")
        dark = bool(falling[0])
        self.input_threshold = int(levels - integers[0] if dark else integers[0])
        return float(found[0]), float(found[1]), dark

    def _ranked(self, table: Table) -> NDArray[np.bool_]:
        """Return the last layer's weights, flipped where the scores fall with the popcount."""
        assert table.weights is not None
        if table.apart:
            self._refuse(table.apart, "gives a class a scale or offset of its own; supported: the same for all classes")
        steps = np.diff(table.values[:, 0])
        if not ((steps > 0).all() or (steps < 0).all()):
            self._refuse(table.node, "is followed by scores that do not rise with the sums; supported: one-to-one")
        return table.weights ^ bool(steps[0] < 0)

    def _check_ranking(self, node: Any) -> None:
        attributes = {each.name: each.i for each in node.attribute}
        if attributes.get("select_last_index") or attributes.get("largest", 1) == 0:
            self._refuse(node, "ranks the last or the least first; supported: the lowest index of the highest score")

    def _name(self, node: Any) -> str:
        return node if isinstance(node, str) else f"node {node.name or node.output[0]!r} ({node.op_type})"

    def _refuse(self, node: Any, why: str) -> NoReturn:
        raise UserError(f"{self.path}: {self._name(node)} {why}")


def _column(constant: NDArray[Any], like: NDArray[Any]) -> NDArray[Any]:
    """Return a quantizer's parameter in a shape that meets the channels of `like`, its last axis."""
    return constant.reshape(-1) if constant.size == like.shape[-1] and constant.ndim > like.ndim else constant
