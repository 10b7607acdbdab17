# SPDX-License-Identifier: Apache-2.0
"""The command `import`: a network that was trained elsewhere becomes a design file and a model file."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xnorfpga.base import paths
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import write_text
from xnorfpga.base.strict import check, show
from xnorfpga.design import designs
from xnorfpga.design.checks import excess_of_bits
from xnorfpga.design.schema import Filters, Network
from xnorfpga.interchange import plain, qonnx
from xnorfpga.interchange.fit import dataset_of, fit
from xnorfpga.network import imported
from xnorfpga.network.golden import LayerWeights

DESIGN = """# SPDX-License-Identifier: Apache-2.0
# Imported from {source}.
weights = "{name}.npz"
folding = "auto"

[network]
dataset = "{dataset}"
{convolutions}layers = [{layers}]

[quantization]
weight_bits = 1
activation_bits = {activation_bits}
input_threshold = {threshold}
input_bits = {input_bits}

[simulation]
images = "all"

[board]
name = "{board}"
clock_mhz = {clock:g}
"""


def bring(
    source: Path, name: str | None, pixel_max: float | None = None, board: str | None = None, replace: bool = False
) -> str:
    """Write sw/designs/NAME.toml and sw/models/NAME.npz, and return two lines: what was read, and the next command.

    Args:
        source: an .onnx or .npz file. name: of the design (None: that of the file).
        pixel_max: what a network in .onnx expects for white (None: 1). board: None for the default one.
        replace: overwrite a design or a model of that name.

    Raises UserError where the network cannot be read or built, or is there already.
    """
    if name is None:
        name = re.sub(r"[^A-Za-z0-9_-]", "_", source.stem)
    if not designs.NAME.fullmatch(name):
        accepted = "accepted: up to 64 letters, digits, _ and -, a letter or digit first"
        raise UserError(f"--name {show(name)}: {accepted}")
    chosen = designs.board(board)
    if source.suffix == ".onnx":
        pixel_max = 1.0 if pixel_max is None else pixel_max
        model, notes = fit(qonnx.read(source, pixel_max), source, padding=False)  # a padded pixel is black
    elif source.suffix == ".npz":
        if pixel_max is not None:
            raise UserError("--pixel-max is for .onnx; an .npz gives its `input_threshold`")
        model, notes = plain.read(source)
    else:
        raise UserError(f"{source}: accepted: a file .onnx (QONNX) or .npz")
    convolutions = [_filters(layer) for layer in model.layers if layer.convolution]
    tables = {"dataset": dataset_of(model), "layers": model.network, "convolutions": tuple(convolutions)}
    network = check(Network, tables, source)
    if excess := excess_of_bits(sum(layer.weights.size for layer in model.layers), chosen):
        raise UserError(f"{source}: {excess}")
    design, file = paths.DESIGNS / f"{name}.toml", paths.MODELS / f"{name}.npz"
    if there := [path for path in (design, file) if path.exists() and not replace]:
        raise UserError(f"{there[0]}: is there already; --replace overwrites it, --name gives another name")
    imported.write(file, model, imported.record(model, source, pixel_max))
    text = DESIGN.format(
        source=show(source.name),
        name=name,
        dataset=network.dataset,
        convolutions=_table(convolutions),
        activation_bits=len(model.layers[-1].coefficients) if len(model.layers) > 1 else 1,
        input_bits=len(model.layers[0].coefficients),
        layers=", ".join(map(str, model.network)),
        threshold=model.input_threshold,
        board=chosen.name,
        clock=chosen.clock_mhz,
    )
    write_text(design, text)
    bits = len(model.layers[0].coefficients)
    pixel = f"a pixel of {model.input_threshold} or more is +1" if bits == 1 else f"{bits} bits a pixel"
    said = "; ".join([f"{network.title}, {pixel}", *notes])
    return f"{source.name}: {said} → {design}, {file}\nnext: doit report:{name}"


def _filters(layer: LayerWeights) -> dict[str, Any]:
    """Return a convolution as a design file has it, without what is as usual."""
    convolution = layer.convolution
    assert convolution is not None
    sizes = {key: getattr(convolution, key) for key in Filters.model_fields if key != "filters"}
    usual = {key: field.default for key, field in Filters.model_fields.items()}
    return {"filters": len(layer.weights), **{key: size for key, size in sizes.items() if size != usual[key]}}


def _table(convolutions: Sequence[dict[str, Any]]) -> str:
    """Return the convolutions' key of a design file, as TOML; none: no key."""
    if not convolutions:
        return ""
    rows = (", ".join(f"{key} = {size}" for key, size in each.items()) for each in convolutions)
    return "convolutions = [\n" + "".join(f"    {{ {row} }},\n" for row in rows) + "]\n"
