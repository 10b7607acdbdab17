# SPDX-License-Identifier: Apache-2.0
"""Write an integer model as QONNX, so that `qonnx.read` gives the same model again and other tools can run it.

The network takes images of pixels from 0 (black) to 1 (white). Popcounts become sums s = 2 · popcount − MW, and each
threshold lies in the middle between two sums, so nothing depends on how a float is rounded.
"""

from pathlib import Path
from typing import Any

import numpy as np

from xnorfpga.base.errors import UserError
from xnorfpga.base.files import atomic_write
from xnorfpga.interchange.qonnx import onnx_module
from xnorfpga.network.golden import Model

SHAPE = (1, 1, 28, 28)  # of an image, as Brevitas has it: one channel
DOMAIN = "qonnx.custom_op.general"
OPSET, IR = 13, 8  # operators and format as QONNX's own tools write them


def write(path: Path, model: Model) -> None:
    """Write a model as .onnx: images float32[1, 1, 28, 28] → scores float32[1, classes], the sums of the last layer.

    Raises UserError where onnx is not installed, the model is of more than one bit, leaves out pixels or has
    convolutions, or the file cannot be written.
    """
    beyond = {
        "several bits a pixel or activation": any(layer.coefficients != (1,) for layer in model.layers),
        "weights of 0": any(layer.mask is not None for layer in model.layers),
        "pruned pixels": model.pixels is not None,
        "convolutions": any(layer.convolution for layer in model.layers),
    }
    if found := [what for what, there in beyond.items() if there]:
        accepted = "accepted by --onnx: fully connected, one bit for each weight, activation and pixel, all pixels"
        raise UserError(f"{path}: the model has {', '.join(found)}; {accepted}")
    onnx = onnx_module()
    from onnx import helper, numpy_helper

    nodes, shapes, at = [], [], "images"
    constants = [numpy_helper.from_array(np.ones((), np.float32), "one")]

    def tensor(name: str, *shape: int) -> Any:
        return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)

    def add(kind: str, name: str, width: int, constant: np.ndarray | None = None, **how: str) -> None:
        nonlocal at
        given = [at]
        if constant is not None:
            constants.append(numpy_helper.from_array(constant.astype(np.float32), f"{name}_constant"))
            given.append(f"{name}_constant")
        if kind == "BipolarQuant":
            given.append("one")
        nodes.append(helper.make_node(kind, given, [name], name, **how))
        shapes.append(tensor(name, 1, width))
        at = name

    inputs = model.network[0]
    add("Flatten", "pixels", inputs)
    add("Sub", "above_threshold", inputs, np.array((model.input_threshold - 0.5) / 255))
    add("BipolarQuant", "bits", inputs, domain=DOMAIN)
    for k, layer in enumerate(model.layers):
        mh, mw = layer.weights.shape
        add("MatMul", "scores" if layer.thresholds is None else f"sums{k}", mh, 2.0 * layer.weights.T - 1)
        if layer.thresholds is not None:
            add("Sub", f"margins{k}", mh, 2.0 * layer.thresholds - mw - 1)
            add("BipolarQuant", f"hidden{k}", mh, domain=DOMAIN)

    *between, scores = shapes
    graph = helper.make_graph(nodes, "xnorfpga", [tensor("images", *SHAPE)], [scores], constants, value_info=between)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)]
    whole = helper.make_model(graph, opset_imports=opsets, producer_name="xnorfpga", ir_version=IR)
    helper.set_model_props(whole, {"digest": model.digest})
    with atomic_write(path) as file:
        file.write(whole.SerializeToString(deterministic=True))
