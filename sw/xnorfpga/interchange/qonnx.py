# SPDX-License-Identifier: Apache-2.0
"""Read a binary network in QONNX (ONNX with the quantizers of https://github.com/fastmachinelearning/qonnx).

No formula of any operator is inverted. A neuron before its quantizer depends on one integer: its sum, a popcount, or,
at the input, the level of its pixel. So each tensor between two layers is a *table*, its value at every such integer,
and every operator is asked for its answers to the whole table. Where the next layer begins, the table must hold two
values, or up to four at equal distances, and steps between them. The places of the steps are the integer thresholds.
Pixels may have up to 256 values there.

A map [N, C, H, W] has one table for each channel. What of several sums a pool lets through is the greatest or the least
of them, as the table rises or falls.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from xnorfpga.artefacts.hardware import Convolution
from xnorfpga.base.errors import UserError
from xnorfpga.interchange.table import Levels, Table
from xnorfpga.network.golden import LayerWeights, Model

LEVELS = 256  # of a pixel
ELEMENTWISE = (
    "Abs", "Add", "Cast", "Ceil", "Clip", "Div", "Equal", "Floor", "Greater", "GreaterOrEqual", "HardSigmoid",
    "Identity", "LeakyRelu", "Less", "LessOrEqual", "Max", "Min", "Mul", "Neg", "Not", "PRelu", "Pow", "Relu",
    "Round", "Sigmoid", "Sign", "Sqrt", "Sub", "Tanh", "Where", "BatchNormalization",
)  # fmt: skip
QUANTIZERS = ("BipolarQuant", "MultiThreshold", "Quant")
RESHAPES = ("Flatten", "Reshape", "Squeeze", "Unsqueeze", "Dropout")  # they keep the order of elements
LAYERS = ("MatMul", "Gemm", "Conv")
RANKINGS = ("Softmax", "LogSoftmax", "ArgMax", "TopK")  # they rank the classes as the scores do
MAPS = ("MaxPool", "Pad", "Transpose")
SUPPORTED = f"elementwise {', '.join((*ELEMENTWISE, *QUANTIZERS))}; {', '.join((*LAYERS, *MAPS, *RESHAPES, *RANKINGS))}"
MOST_LEVELS = 4  # of an activation
EQUAL = 1e-3  # of a distance of two levels: floats at equal distances differ by less


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
        self.pixel_levels: NDArray[np.uint8] | None = None
        inputs = [each for each in graph.input if each.name not in self.known]
        if len(inputs) != 1:
            self._refuse("the graph", f"has {len(inputs)} inputs; supported: one, the images")
        sizes = [dim.dim_value for dim in inputs[0].type.tensor_type.shape.dim][1:]
        if not sizes or not all(sizes):
            self._refuse(f"input {inputs[0].name!r}", f"has the shape [N, {sizes}]; supported: known sizes of an image")
        grey = np.arange(LEVELS, dtype=np.float32) / np.float32(255) * np.float32(pixel_max)
        on_map = len(sizes) == 3  # channels, rows, columns
        columns = sizes[0] if on_map else math.prod(sizes)
        image = Table(np.repeat(grey[:, None], columns, axis=1), map=(sizes[1], sizes[2]) if on_map else None)
        self.known[inputs[0].name] = image

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
        last = tables[0]
        self.layers.append(LayerWeights(self._ranked(last), None, None, last.coefficients, last.convolution))
        self._connect_last()
        if self.layers[-1].convolution:
            self._refuse(last.node, "is the last and has several windows; supported: a vector of scores")
        planes = {layer.coefficients for layer in self.layers[1:]}
        if len(planes) > 1:
            self._refuse("the graph", "has activations of 2 and of 4 values; supported: as many in all layers")
        connected = [layer for layer in self.layers if not layer.convolution]
        network = (connected[0].weights.shape[1], *(len(layer.weights) for layer in connected))
        return Model(tuple(self.layers), self.input_threshold, network, None, self.pixel_levels)

    def _connect_last(self) -> None:
        """Make the last layers fully connected that are convolutions with one window, all of their map."""
        for k in reversed(range(len(self.layers))):
            each = self.layers[k].convolution
            if each is None or each.padding or not each.kernel == each.height == each.width:
                return
            self.layers[k] = replace(self.layers[k], convolution=None)

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
            return [self._reshaped(node, inputs), *[Unknown()] * (len(node.output) - 1)]
        if kind in MAPS:
            return [getattr(self, f"_{kind.lower()}")(node, inputs)]
        if kind in RANKINGS:
            self._check_ranking(node)
            return [first] * len(node.output)
        if kind in LAYERS:
            return [self._convolution(node, inputs) if kind == "Conv" else self._layer(node, inputs)]
        if kind not in ELEMENTWISE and kind not in QUANTIZERS:
            self._refuse(node, f"is not supported on the path of the images; supported: {SUPPORTED}")
        return [self._elementwise(node, inputs, tables[0])]

    def _elementwise(self, node: Any, inputs: list[Any], table: Table) -> Table:
        channels = table.values.shape[1]
        arguments: list[Any] = []
        if table.frame[0]:
            self._refuse(node, "comes between Pad and Conv; supported: Pad in front of Conv")
        for number, each in enumerate(inputs):
            if isinstance(each, Unknown):
                self._refuse(node, "computes with the shape of the images; supported: constants")
            if isinstance(each, Table):
                arguments.append(each.values)
            elif each is None or each.size == 1:
                batch_norm = node.op_type == "BatchNormalization"
                arguments.append(np.repeat(each.reshape(1), channels) if batch_norm else each)
            elif node.op_type in QUANTIZERS:
                arguments.append(each)
            elif each.size == channels and (table.map is None or node.op_type == "BatchNormalization"):
                arguments.append(each.reshape(channels))
            elif table.map is not None and (of_channels := table.of_channels(each)) is not None:
                arguments.append(of_channels)
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

    def _attributes(self, node: Any) -> dict[str, Any]:
        from onnx import helper

        return {each.name: helper.get_attribute_value(each) for each in node.attribute}

    def _layer(self, node: Any, inputs: list[Any]) -> Table:
        """Close the layer before, and return the table of the sums of a layer of weights."""
        table, matrix = inputs[0], inputs[1]
        attributes = self._attributes(node)
        if not isinstance(table, Table) or not isinstance(matrix, np.ndarray) or matrix.ndim != 2:
            self._refuse(node, "is not images times a constant matrix; supported: only that")
        if node.op_type == "Gemm":
            if attributes.get("transA"):
                self._refuse(node, "has transA; supported: transA = 0")
            matrix = matrix.T if attributes.get("transB") else matrix
        if table.map is not None:
            if table.map != (1, 1):
                self._refuse(node, f"takes a map of {table.map[0]} × {table.map[1]}; supported: Flatten before it")
            table = table.flat()
        if table.values.shape[1] != len(matrix):
            self._refuse(node, f"takes {len(matrix)} values, but {table.values.shape[1]} come")
        bias = (
            inputs[2] * np.float32(attributes.get("beta", 1.0)) if len(inputs) > 2 and inputs[2] is not None else None
        )
        levels = self._close(node, table)
        found = self._sums(node, matrix.T, levels, levels.inverted, bias, attributes.get("alpha", 1.0))
        if table.places is None:
            return found
        assert found.weights is not None
        weights = np.empty_like(found.weights)
        weights[:, table.places] = found.weights
        return replace(found, weights=weights)

    def _convolution(self, node: Any, inputs: list[Any]) -> Table:
        """Close the layer before, and return the table of the sums of a convolution."""
        table, filters = inputs[0], inputs[1]
        attributes = self._attributes(node)
        if not isinstance(table, Table) or not isinstance(filters, np.ndarray) or filters.ndim != 4:
            self._refuse(node, "is not maps under constant filters; supported: only that, of two dimensions")
        if table.map is None or table.last:
            self._refuse(node, "takes no map; supported: a map [N, C, H, W]")
        side, stride = self._square(node, "kernel_shape", filters.shape[2:]), self._square(node, "strides", (1, 1))
        padding = self._padding(node)
        if self._square(node, "dilations", (1, 1)) != 1 or attributes.get("group", 1) != 1:
            self._refuse(node, "has dilations or groups; supported: dilations = 1, group = 1")
        if table.values.shape[1] != filters.shape[1] or filters.shape[2:] != (side, side):
            self._refuse(node, f"has filters of shape {filters.shape[1:]}; {table.values.shape[1]} channels come")
        levels = self._close(node, table)
        frame = table.frame if table.frame[0] else (padding, 0.0)
        if table.frame[0] and padding:
            self._refuse(node, "pads once more; supported: one frame")
        padding = frame[0]
        if padding and (frame[1] != levels.low or levels.inverted.any()):
            given = f"{levels.low:g} to {levels.low + levels.step * (2**levels.planes - 1):g}"
            self._refuse(node, f"has {frame[1]:g} around a map of {given}; supported: the least of them, a bit 0")
        height, width = table.map
        if side > min(height, width) + 2 * padding or padding >= side:
            taken = f"has windows of {side} on a map of {height} × {width} with a padding of {padding}"
            self._refuse(node, f"{taken}; supported: windows inside, and none of padding alone")
        sizes = {"kernel": side, "stride": stride, "padding": padding}
        made = Convolution(height=height, width=width, channels=filters.shape[1], **sizes)
        matrix = filters.transpose(0, 2, 3, 1).reshape(len(filters), -1)
        bias = inputs[2] if len(inputs) > 2 else None
        found = self._sums(node, matrix, levels, np.tile(levels.inverted, side * side), bias)
        return replace(found, convolution=made, map=(made.out_height, made.out_width))

    def _sums(
        self,
        node: Any,
        matrix: NDArray[Any],
        levels: Levels,
        inverted: NDArray[np.bool_],
        bias: NDArray[Any] | None,
        scale: float = 1.0,
    ) -> Table:
        """Return the table of the sums of weights [MH, MW], ±a of each neuron, for inputs of those levels."""
        mw, weights = matrix.shape[1], matrix > 0
        magnitudes = np.abs(matrix).max(axis=1)
        if not (np.abs(matrix.T) == magnitudes).all() or not magnitudes.all() or not np.isfinite(magnitudes).all():
            self._refuse(node, "has weights that are not ±a for each neuron; supported: binary weights")
        # With x = low + step · code, Σ w·x is step / 2 · (2·s − greatest) + middle · Σ w; s is the sum of all planes.
        greatest = (2**levels.planes - 1) * mw
        sums = levels.step / 2 * (2 * np.arange(greatest + 1.0)[:, None] - greatest)
        sums = sums + levels.middle * (2.0 * weights.sum(axis=1) - mw)
        values = (sums * magnitudes * scale).astype(np.float32)
        if bias is not None:
            values = values + bias.reshape(-1)
        apart = None if (values == values[:, :1]).all() else self._name(node)
        return Table(values, weights ^ inverted, self._name(node), apart, levels.coefficients)

    def _close(self, node: Any, table: Table) -> Levels:
        """Turn the table before a layer into thresholds, and return what its inputs are."""
        found = np.unique(table.values)
        if not np.isfinite(found).all():
            self._refuse(node, f"gets values that are not finite from {table.node}")
        most = LEVELS if table.weights is None else MOST_LEVELS
        if not 2 <= len(found) <= most:
            hint = "; is --pixel-max right?" if table.weights is None and len(found) == 1 else ""
            numbers = f"two, or up to {most}" if most > 2 else "two"
            self._refuse(node, f"gets {len(found)} different values from {table.node}; supported: {numbers}{hint}")
        low, step = float(found[0]), float(np.diff(found).min())
        last = round((float(found[-1]) - low) / step)
        step = (float(found[-1]) - low) / last
        codes = np.rint((table.values - low) / step).astype(np.int64)
        if last >= most or (np.abs(low + step * codes - table.values) > EQUAL * step).any():
            self._refuse(node, f"gets values at other distances from {table.node}; supported: {most} at equal ones")
        planes = last.bit_length()
        if table.weights is None:
            return self._close_image(node, table, codes, Levels(low, step, planes, np.zeros(codes.shape[1], bool)))
        channel = np.arange(codes.shape[1]) if table.channel is None else table.channel
        channels = codes[:, np.unique(channel, return_index=True)[1]]  # of a vector that was a map, an element of each
        if (channels[:, channel] != codes).any():
            self._refuse(node, f"gets a threshold for each pixel from {table.node}; supported: one for a channel")
        steps = np.diff(channels, axis=0)
        falls = np.asarray((steps < 0).any(axis=0))
        if (falls & (steps > 0).any(axis=0)).any():
            self._refuse(node, f"gets a value from {table.node} that is no step; supported: one threshold a neuron")
        flipped = falls if table.least is None else table.least
        # The engine's neuron rises with its sum, and its pool lets the greatest through. Where the table after the pool
        # falls while what is let through is the greatest sum, its answer is the other way round, and so are the weights
        # behind it.
        inverted = falls ^ flipped
        code = np.where(inverted, 2**planes - 1 - channels, channels)
        code = np.where(flipped, code[::-1], code)
        below = np.stack([(code < level).sum(axis=0) for level in range(1, 2**planes)], axis=1).astype(np.int32)
        thresholds = below[:, 0] if planes == 1 else below
        weights = table.weights ^ flipped[:, None]
        self.layers.append(LayerWeights(weights, thresholds, None, table.coefficients, table.convolution))
        return Levels(low, step, planes, inverted[channel])

    def _close_image(self, node: Any, table: Table, codes: NDArray[np.int64], levels: Levels) -> Levels:
        """Read what a pixel of each level is to the network: a bit with one threshold, or a number of planes."""
        code = codes[:, 0]
        if (code != codes.T).any():
            self._refuse(node, "has a threshold of its own for some pixels; supported: one for all")
        if levels.planes == 1:
            changed = np.asarray(
                code != code[0]
            )  # what a pixel of 0 is; with dark pixels as +1 that is the higher value
            self.input_threshold = int(changed.argmax())
            if not np.array_equal(changed, np.arange(LEVELS) >= self.input_threshold):
                self._refuse(node, f"gets a value from {table.node} that is no step; supported: one threshold a neuron")
            return replace(levels, inverted=np.full_like(levels.inverted, code[0] == 1))
        self.input_threshold = LEVELS // 2  # of no use with several planes
        pixel = (code << (8 - levels.planes)).astype(np.uint8)
        if not np.array_equal(pixel >> (8 - levels.planes), np.arange(LEVELS) >> (8 - levels.planes)):
            self.pixel_levels = pixel
        return levels

    def _square(self, node: Any, name: str, default: tuple[int, ...]) -> int:
        """Return an attribute of two sizes that are the same."""
        sizes = set(self._attributes(node).get(name, default))
        if len(sizes) != 1:
            self._refuse(node, f"has {name} = {sorted(sizes)}; supported: the same in rows and columns")
        return int(sizes.pop())

    def _padding(self, node: Any) -> int:
        attributes = self._attributes(node)
        if attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
            self._refuse(node, f"has auto_pad = {attributes['auto_pad'].decode()}; supported: pads")
        pads = set(attributes.get("pads", (0,)))
        if len(pads) != 1:
            self._refuse(node, f"has pads = {list(attributes['pads'])}; supported: the same on all sides")
        return int(pads.pop())

    def _maxpool(self, node: Any, inputs: list[Any]) -> Table:
        """Let of each square the greatest value through: of a table that falls, the one at the least sum."""
        table = inputs[0]
        side = self._square(node, "kernel_shape", (1, 1))
        if table.map is None or table.last or table.convolution is None:
            self._refuse(node, "has no convolution before it; supported: MaxPool behind Conv")
        if self._padding(node) or self._square(node, "dilations", (1, 1)) != 1:
            self._refuse(node, "has pads or dilations; supported: squares side by side")
        if self._square(node, "strides", (1, 1)) != side:
            self._refuse(node, "has squares that overlap or lie apart; supported: strides = kernel_shape")
        if self._attributes(node).get("ceil_mode") and (table.map[0] % side or table.map[1] % side):
            self._refuse(node, "has squares beyond the map; supported: ceil_mode = 0")
        steps = np.diff(table.values, axis=0)
        falls = (steps < 0).any(axis=0)
        if (falls & (steps > 0).any(axis=0)).any():
            self._refuse(node, f"gets values from {table.node} that rise and fall with its sum; supported: one of both")
        if table.least is not None and (falls != table.least)[(steps != 0).any(axis=0)].any():
            self._refuse(node, "takes another end of the sums than the pool before it; supported: the same")
        least = falls if table.least is None else table.least
        made = table.convolution.model_copy(update={"pool": table.convolution.pool * side})
        if side > min(table.map):
            self._refuse(node, f"has squares of {side} on a map of {table.map[0]} × {table.map[1]}; supported: inside")
        return replace(table, convolution=made, map=(made.pooled_height, made.pooled_width), least=least)

    def _pad(self, node: Any, inputs: list[Any]) -> Table:
        """Put a frame of one value around a map, for the convolution behind it."""
        table, attributes = inputs[0], self._attributes(node)
        pads = attributes.get("pads") if len(inputs) < 2 else inputs[1]
        value = attributes.get("value", 0.0) if len(inputs) < 3 or inputs[2] is None else inputs[2]
        sizes: list[int] = []
        if isinstance(pads, (list, np.ndarray)) and not isinstance(value, Unknown) and len(inputs) < 4:
            sizes = [int(each) for each in pads]
        if attributes.get("mode", b"constant") != b"constant" or len(sizes) != 8 or table.map is None or table.last:
            self._refuse(node, "is no constant frame around a map [N, C, H, W]; supported: that")
        frames = {sizes[2], sizes[3], sizes[6], sizes[7]}
        if len(frames) != 1 or any(sizes[k] for k in (0, 1, 4, 5)) or table.frame[0]:
            self._refuse(node, f"has pads = {sizes}; supported: the same on all sides of the map")
        return replace(table, frame=(frames.pop(), float(np.asarray(value).reshape(-1)[0])))

    def _transpose(self, node: Any, inputs: list[Any]) -> Table:
        """Move the channels of a map to the end, or back."""
        table, order = inputs[0], tuple(self._attributes(node).get("perm", ()))
        if table.map is None or order != ((0, 3, 1, 2) if table.last else (0, 2, 3, 1)):
            self._refuse(node, f"has perm = {list(order)}; supported: of a map, the channels to the end and back")
        return replace(table, last=not table.last)

    def _reshaped(self, node: Any, inputs: list[Any]) -> Table:
        """Return a table behind an operator that keeps the order of elements: a map becomes a vector."""
        table, kind = inputs[0], node.op_type
        if table.frame[0]:
            self._refuse(node, "comes between Pad and Conv; supported: Pad in front of Conv")
        sizes = [int(each) for each in inputs[1]] if kind == "Reshape" and isinstance(inputs[1], np.ndarray) else None
        if table.map is None:
            if sizes is None or len(sizes) != 4:
                return table
            return self._as_map(node, table, sizes[1:])
        if kind == "Dropout" or (kind in ("Squeeze", "Unsqueeze") and table.map != (1, 1)):
            return table
        if sizes is not None and len(sizes) == 4:
            channels = table.values.shape[1]
            as_it_is = [*table.map, channels] if table.last else [channels, *table.map]
            if all(size in (-1, 0, known) for size, known in zip(sizes[1:], as_it_is, strict=True)):
                return table
            self._refuse(node, f"makes a map {sizes[1:]} of a map {as_it_is}; supported: a vector")
        if kind == "Flatten" and self._attributes(node).get("axis", 1) != 1:
            self._refuse(node, "has another axis than 1; supported: axis = 1")
        return table.flat()

    def _as_map(self, node: Any, table: Table, sizes: list[int]) -> Table:
        """Return a vector of pixels as a map."""
        channels, height, width = sizes
        same = (table.values == table.values[:, :1]).all()
        if table.weights is not None or min(sizes) < 1 or math.prod(sizes) != table.values.shape[1] or not same:
            self._refuse(node, f"makes a map {sizes} of {table.node}; supported: of the image, all of its sizes given")
        return replace(table, values=table.values[:, :channels], map=(height, width))

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
