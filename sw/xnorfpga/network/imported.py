# SPDX-License-Identifier: Apache-2.0
"""Imported models: `sw/models/NAME.npz` holds the integers of a network that was trained elsewhere.

The arrays are `weights{k}` (packed signs), `thresholds{k}` (int32[MH], for all layers but the last) and `record`. The
record's digest is over all of the integer model. Nothing else is known of the network: no batch norm, no training.
"""

import json
from itertools import pairwise
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
        for k, (mw, mh) in enumerate(pairwise(known.network)):
            last = k == len(known.network) - 2
            weights = unpack_bytes(arrays[f"weights{k}"], mw)
            thresholds = None if last else arrays[f"thresholds{k}"].astype("<i4", casting="safe").reshape(mh)
            layers.append(LayerWeights(weights.reshape(mh, mw), thresholds))
    except (KeyError, TypeError, ValueError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"{path}: not a model as `xnorfpga import` writes it ({reason}); {AGAIN}") from None
    model = Model(tuple(layers), known.input_threshold, known.network)
    if model.digest != known.digest:
        raise UserError(f"{path}: digest {known.digest} is not that of its content, {model.digest}; {AGAIN}")
    return model, known
