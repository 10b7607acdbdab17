# SPDX-License-Identifier: Apache-2.0
"""The exported model on disk: `accelerator.json`, and of each layer its packed bits in `weights/layer{k}.npz`.

Whoever reads a model needs no torch. Every digest is checked on the way in: each file's, and the whole model's.
"""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from xnorfpga.artefacts.accelerator import Accelerator, ExportedLayer
from xnorfpga.artefacts.training import Training
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import atomic_write, sha256
from xnorfpga.base.strict import check
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
        written.append(
            ExportedLayer(
                mw=mw,
                mh=mh,
                file=file,
                sha256=digest,
                thresholded=layer.thresholds is not None,
                masked=layer.mask is not None,
                coefficients=layer.coefficients,
                convolution=layer.convolution,
            )
        )
    return tuple(written)


def load(build: Path) -> Model:
    """Load the exported model of a build directory.

    Raises UserError naming the file that is absent, damaged, impossible or not the one that was exported.
    """
    path = build / DESCRIPTION
    described = Accelerator.read(path)
    planes = [len(entry.coefficients) for entry in described.layers[1:]]
    layers = tuple(
        _read_layer(build / entry.file, entry, outputs)
        for entry, outputs in zip(described.layers, [*planes, 0], strict=True)
    )
    pixels = None if described.pixels is None else np.array(described.pixels)
    levels = None if described.levels is None else np.array(described.levels, np.uint8)
    model = Model(layers, described.input_threshold, described.network, pixels, levels)
    if model.digest != described.digest:
        raise UserError(f"{path}: digest {described.digest} is not that of its layers, {model.digest}; export again")
    return model


def _read_layer(path: Path, entry: ExportedLayer, planes: int) -> LayerWeights:
    """Return a layer whose outputs have so many planes (of the last layer, which has no outputs: 0)."""
    arrays = read_npz(path, entry.sha256)
    try:
        weights = unpack_bytes(arrays["weights"], entry.mw)
        mask = unpack_bytes(arrays["mask"], entry.mw) if entry.masked else None
        thresholds = arrays["thresholds"].astype(np.int32) if entry.thresholded else None
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not as export writes it ({error}); export again") from None
    layer = LayerWeights(weights, thresholds, mask, entry.coefficients, entry.convolution)
    if entry.convolution and entry.convolution.mw != entry.mw:
        raise UserError(f"{path}: a window of {entry.convolution.mw} elements for {entry.mw} weights; export again")
    if len(weights) != entry.mh or (mask is not None and len(mask) != entry.mh):
        raise UserError(f"{path}: not a layer of {entry.mh} neurons; export again")
    if thresholds is not None:
        needed = (entry.mh,) if planes == 1 else (entry.mh, 2**planes - 1)
        if thresholds.shape != needed:
            raise UserError(
                f"{path}: thresholds {thresholds.shape}; needed for {planes} planes: {needed}; export again"
            )
        neuron, value = _impossible(layer)
        if neuron is not None:
            accepted = f"accepted: 0 to {layer.greatest_sum + 1}, the greatest sum + 1, ascending"
            raise UserError(f"{path}: threshold {value} of neuron {neuron}; {accepted}")
    return layer


def _impossible(layer: LayerWeights) -> tuple[int | None, int]:
    """Return the first neuron with an impossible threshold, and that threshold; None: there is none."""
    bounded = np.pad(
        layer.levels.astype(np.int64), ((0, 0), (1, 1)), constant_values=((0, 0), (0, layer.greatest_sum + 1))
    )
    wrong = np.argwhere(np.diff(bounded, axis=1) < 0)
    if not len(wrong):
        return None, 0
    neuron, k = wrong[0]
    return int(neuron), int(layer.levels[neuron, min(k, layer.levels.shape[1] - 1)])


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


def read_record(path: Path) -> Training:
    """Return the record of a published model's training.

    Raises UserError where the file is no published model.
    """
    arrays = read_npz(path)
    if "log_scale" not in arrays or "record" not in arrays:
        raise UserError(f"{path}: an imported model; accepted here: a published one, or weights = 'train'")
    return check(Training, json.loads(arrays["record"].tobytes()), path)
