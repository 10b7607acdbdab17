# SPDX-License-Identifier: Apache-2.0
"""Write an integer model as QONNX, so that `qonnx.read` gives the same model again and other tools can run it.

The network takes images of pixels from 0 (black) to 1 (white). A plane of bits becomes ±1 times its coefficient, so a
sum s of the model is (y + MW · sum of the coefficients) / 2 of the sum y there. Each threshold lies in the middle
between two sums, so nothing depends on how a float is rounded.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorfpga.base.errors import UserError
from xnorfpga.base.files import atomic_write
from xnorfpga.data.datasets import DATASETS
from xnorfpga.interchange.qonnx import onnx_module
from xnorfpga.network.golden import LayerWeights, Model

DOMAIN = "qonnx.custom_op.general"
OPSET, IR = 13, 8  # operators and format as QONNX's own tools write them
EQUAL = ((1,), (1, 2))  # coefficients of activations whose values are at equal distances


def write(path: Path, model: Model) -> None:
    """Write a model as .onnx: images float32[1, C, H, W] → scores float32[1, classes], the sums of the last layer.

    Raises UserError where onnx is not installed, the model has what QONNX cannot say or `qonnx.read` does not read, or
    the file cannot be written.
    """
    beyond = {
        "activations of two planes at 4:1": any(layer.coefficients not in EQUAL for layer in model.layers[1:]),
        "weights of 0": any(layer.mask is not None for layer in model.layers),
        "pruned pixels": model.pixels is not None,
        "grey levels that count as others": model.levels is not None,
    }
    if found := [what for what, there in beyond.items() if there]:
        accepted = "accepted by --onnx: weights of two values, activations at equal distances, all pixels as they are"
        raise UserError(f"{path}: the model has {', '.join(found)}; {accepted}")
    onnx = onnx_module()
    from onnx import helper

    chain = _Chain(*_image(model))
    _add_pixels(chain, model)
    for k, layer in enumerate(model.layers):
        _add_layer(chain, k, layer)

    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)]
    whole = helper.make_model(chain.graph(onnx), opset_imports=opsets, producer_name="xnorfpga", ir_version=IR)
    helper.set_model_props(whole, {"digest": model.digest})
    with atomic_write(path) as file:
        file.write(whole.SerializeToString(deterministic=True))


class _Chain:
    """Nodes one behind the other, the shape of what leaves the last one, and their constants."""

    def __init__(self, channels: int, height: int, width: int) -> None:
        """Begin at `images` float32[1, channels, height, width]."""
        self.at = "images"
        self.shape: tuple[int, ...] = (channels, height, width)
        self.inputs = self.shape
        self.nodes: list[Any] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self.shapes: list[tuple[str, tuple[int, ...]]] = []

    def add(
        self, kind: str, name: str, *constants: NDArray[Any], shape: tuple[int, ...] | None = None, **attributes: Any
    ) -> None:
        """Put a node at the end; `shape` is that of its output, without the batch, where it is another one."""
        from onnx import helper

        names = [f"{name}_{number}" for number in range(len(constants))]
        self.constants.update(zip(names, constants, strict=True))
        self.nodes.append(helper.make_node(kind, [self.at, *names], [name], name, **attributes))
        self.at, self.shape = name, self.shape if shape is None else shape
        self.shapes.append((name, self.shape))

    def graph(self, onnx: Any) -> Any:
        """Return the graph: what leaves the last node is its output."""
        from onnx import helper, numpy_helper

        def tensor(name: str, shape: tuple[int, ...]) -> Any:
            return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, (1, *shape))

        constants = [numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        *between, scores = [tensor(*each) for each in self.shapes]
        inputs = [tensor("images", self.inputs)]
        return helper.make_graph(self.nodes, "xnorfpga", inputs, [scores], constants, value_info=between)


def _image(model: Model) -> tuple[int, int, int]:
    """Return channels, rows and columns of a model's images."""
    first = model.layers[0].convolution
    if first:
        return first.channels, first.height, first.width
    return next(
        (each.channels, each.height, each.width) for each in DATASETS.values() if each.inputs == model.network[0]
    )


def _float(value: Any) -> NDArray[np.float32]:
    return np.asarray(value, np.float32)


def _add_pixels(chain: _Chain, model: Model) -> None:
    """Make bits of grey levels, or of several planes the odd numbers that their coefficients add up to."""
    planes = len(model.layers[0].coefficients)
    if planes == 1:
        chain.add("Sub", "above_threshold", _float((model.input_threshold - 0.5) / 255))
        chain.add("BipolarQuant", "bits", _float(1), domain=DOMAIN)
        return
    chain.add("Mul", "grey", _float(255))
    chain.add("Add", "inside_level", _float(0.5))  # so that a pixel is never at a level's border
    chain.add("Mul", "levels", _float(2.0 ** (planes - 8)))
    chain.add("Floor", "level")
    chain.add("Mul", "even", _float(2))
    chain.add("Sub", "pixels", _float(2**planes - 1))


def _add_layer(chain: _Chain, k: int, layer: LayerWeights) -> None:
    """Add the sums of a layer, their quantizer and the pool; the last layer's sums are the scores."""
    sums, weights = "scores" if layer.thresholds is None else f"sums{k}", 2 * _float(layer.weights) - 1
    map = layer.convolution
    if map:
        if map.padding:
            frame = np.array([0, 0, map.padding, map.padding] * 2, np.int64)
            padded = (map.channels, map.height + 2 * map.padding, map.width + 2 * map.padding)
            chain.add("Pad", f"frame{k}", frame, _float(-sum(layer.coefficients)), shape=padded)
        filters = weights.reshape(-1, map.kernel, map.kernel, map.channels).transpose(0, 3, 1, 2)
        out = [(size - map.kernel) // map.stride + 1 for size in chain.shape[1:]]
        kernel, strides = [map.kernel] * 2, [map.stride] * 2
        shape = (len(filters), *out)
        chain.add("Conv", sums, np.ascontiguousarray(filters), shape=shape, kernel_shape=kernel, strides=strides)
    else:
        if len(chain.shape) > 1:  # the channels of a pixel are side by side
            channels, *pixels = chain.shape
            if channels > 1:
                chain.add("Transpose", f"pixels{k}", shape=(*pixels, channels), perm=[0, 2, 3, 1])
            chain.add("Flatten", f"vector{k}", shape=(channels * int(np.prod(pixels)),))
        chain.add("MatMul", sums, np.ascontiguousarray(weights.T), shape=(len(weights),))
    if layer.thresholds is None:
        return
    middle = 2.0 * layer.levels - layer.weights.shape[1] * sum(layer.coefficients) - 1
    levels = middle.shape[1]
    if levels == 1:
        limits = middle[:, 0].reshape(-1, *[1] * (len(chain.shape) - 1))
        chain.add("Sub", f"margins{k}", _float(limits))
        chain.add("BipolarQuant", f"hidden{k}", _float(1), domain=DOMAIN)
    else:
        chain.add("MultiThreshold", f"hidden{k}", _float(middle), domain=DOMAIN, out_scale=2.0, out_bias=-float(levels))
    if map and map.pool > 1:
        side = [map.pool] * 2
        shape = (len(layer.weights), map.pooled_height, map.pooled_width)
        chain.add("MaxPool", f"pool{k}", shape=shape, kernel_shape=side, strides=side)
