# SPDX-License-Identifier: Apache-2.0
"""Imported models: `sw/models/NAME.npz` holds the integers of a network that was trained elsewhere.

The arrays are `weights{k}` (packed signs), `thresholds{k}` (as `LayerWeights` has them, for all layers but the last)
and `record`. The record's digest is over all of the integer model. Nothing else is known of the network: no batch norm,
no training.
"""

import json
from pathlib import Path

import numpy as np

from xnorfpga.artefacts.imported import Imported
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import sha256
from xnorfpga.base.strict import check
from xnorfpga.network import package
from xnorfpga.network.encoding import unpack_bytes
from xnorfpga.network.golden import LayerWeights, Model

AGAIN = "import the model again"


def record(model: Model, source: Path, pixel_max: float | None) -> Imported:
    """Return the record of a model that was read from the file `source`."""
    return Imported(
        source=source.name,
        source_sha256=sha256(source.read_bytes()),
        pixel_max=pixel_max,
        network=model.network,
        input_threshold=model.input_threshold,
        digest=model.digest,
        convolutions=tuple(layer.convolution for layer in model.layers if layer.convolution),
        input_planes=len(model.layers[0].coefficients),
        activation_planes=len(model.layers[-1].coefficients) if len(model.layers) > 1 else 1,
        levels=None if model.levels is None else tuple(model.levels.tolist()),
    )


def write(path: Path, model: Model, known: Imported) -> None:
    """Write a model and its record, whole or not at all; the same bytes for the same model."""
    arrays = {"record": np.frombuffer(known.model_dump_json().encode(), np.uint8)}
    for k, layer in enumerate(model.layers):
        arrays |= {f"{name}{k}": values for name, values in layer.arrays().items()}
    package.write_npz(path, arrays)


def load(path: Path) -> tuple[Model, Imported]:
    """Return an imported model and its record.

    Raises UserError where the file is absent, damaged, no imported model, or not as `import` wrote it.
    """
    arrays = package.read_npz(path)
    if "log_scale" in arrays:
        raise UserError(f"{path}: a published model, not an imported one; its design needs the table training")
    try:
        known = check(Imported, json.loads(arrays["record"].tobytes()), path)
        layers = []
        maps = [*known.convolutions, *[None] * (len(known.network) - 1)]
        filters = [each.channels for each in known.convolutions[1:]]
        if known.convolutions:
            last_map = known.convolutions[-1]
            filters.append(known.network[0] // (last_map.pooled_height * last_map.pooled_width))
        widths = [*(each.mw for each in known.convolutions), *known.network[:-1]]
        heights = [*filters, *known.network[1:]]
        for k, (mw, mh, convolution) in enumerate(zip(widths, heights, maps, strict=True)):
            planes = known.activation_planes if k else known.input_planes
            weights = unpack_bytes(arrays[f"weights{k}"], mw).reshape(mh, mw)
            thresholds = None
            if k < len(widths) - 1:
                shape = (mh,) if known.activation_planes == 1 else (mh, 2**known.activation_planes - 1)
                thresholds = arrays[f"thresholds{k}"].astype("<i4", casting="safe").reshape(shape)
            coefficients = tuple(2**plane for plane in range(planes))
            layers.append(LayerWeights(weights, thresholds, None, coefficients, convolution))
    except (KeyError, TypeError, ValueError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"{path}: not a model as `xnorfpga import` writes it ({reason}); {AGAIN}") from None
    levels = None if known.levels is None else np.array(known.levels, np.uint8)
    model = Model(tuple(layers), known.input_threshold, known.network, None, levels)
    if model.digest != known.digest:
        raise UserError(f"{path}: digest {known.digest} is not that of its content, {model.digest}; {AGAIN}")
    return model, known
