# SPDX-License-Identifier: Apache-2.0
"""The exported model on disk: `accelerator.json`, and of each layer its packed bits in `weights/layer{k}.npz`.

Whoever reads a model needs no torch. Every digest is checked on the way in: each file's, and the whole model's.
"""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from xnorfpga.artefacts.accelerator import Accelerator, ExportedLayer
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import atomic_write, sha256
from xnorfpga.network.encoding import unpack_bytes
from xnorfpga.network.golden import LayerWeights, Model

DESCRIPTION = "accelerator.json"


def write_layers(model: Model, build: Path) -> tuple[ExportedLayer, ...]:
    """Write each layer's file into `build` and return what `accelerator.json` says of them."""
    written = []
    for k, layer in enumerate(model.layers):
        mh, mw = layer.weights.shape
        file = f"weights/layer{k}.npz"
        digest = write_npz(build / file, layer.arrays())
        thresholded = layer.thresholds is not None
        written.append(ExportedLayer(mw=mw, mh=mh, file=file, sha256=digest, thresholded=thresholded))
    return tuple(written)


def load(build: Path) -> Model:
    """Load the exported model of a build directory.

    Raises UserError naming the file that is absent, damaged, impossible or not the one that was exported.
    """
    path = build / DESCRIPTION
    described = Accelerator.read(path)
    layers = tuple(_read_layer(build / entry.file, entry) for entry in described.layers)
    model = Model(layers, described.input_threshold, described.network)
    if model.digest != described.digest:
        raise UserError(f"{path}: digest {described.digest} is not that of its layers, {model.digest}; export again")
    return model


def _read_layer(path: Path, entry: ExportedLayer) -> LayerWeights:
    arrays = read_npz(path, entry.sha256)
    try:
        weights = unpack_bytes(arrays["weights"], entry.mw)
        thresholds = arrays["thresholds"].astype(np.int32) if entry.thresholded else None
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not as export writes it ({error}); export again") from None
    if len(weights) != entry.mh or (thresholds is not None and thresholds.shape != (entry.mh,)):
        raise UserError(f"{path}: not a layer of {entry.mh} neurons; export again")
    if thresholds is not None:
        outside = (thresholds < 0) | (thresholds > entry.mw + 1)
        if outside.any():
            neuron = int(outside.argmax())
            raise UserError(
                f"{path}: threshold {thresholds[neuron]} of neuron {neuron}; accepted: 0 to MW + 1 = {entry.mw + 1}"
            )
    return LayerWeights(weights, thresholds)


def write_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> str:
    """Write the arrays as .npz, the same bytes for the same arrays, and return the file's SHA-256."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    content = buffer.getvalue()
    with atomic_write(path) as file:
        file.write(content)
    return sha256(content)


def read_npz(path: Path, digest: str | None = None) -> dict[str, np.ndarray]:
    """Return all arrays of an .npz whose SHA-256 must be `digest` (None: not known from elsewhere).

    Raises UserError where the file cannot be read, is damaged or another one.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot read: {error.strerror}; export again") from None
    if digest is not None and sha256(content) != digest:
        raise UserError(f"{path}: SHA-256 {sha256(content)} is not the exported {digest}; export again")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return dict(archive)
    except Exception as error:  # numpy and zipfile name no one type for a damaged archive
        raise UserError(f"{path}: damaged ({type(error).__name__}: {error}); fetch or export it again") from None
