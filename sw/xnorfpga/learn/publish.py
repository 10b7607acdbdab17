# SPDX-License-Identifier: Apache-2.0
"""Published models: sw/models/NAME.npz holds a trained network, the record of its training and a digest over both.

The packed signs of the weights and the batch norms are there as torch trained them, so whoever loads the file can
repeat how they become integers, and torch's own accuracy.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from xnorfpga.artefacts.training import Publication, Training
from xnorfpga.base import paths
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import sha256
from xnorfpga.base.strict import check
from xnorfpga.data.load import load_dataset
from xnorfpga.design import checks
from xnorfpga.design.schema import Design
from xnorfpga.learn import train
from xnorfpga.learn.absorb import absorb, accuracies
from xnorfpga.learn.layers import TernaryLinear
from xnorfpga.learn.models import QuantizedNet
from xnorfpga.network import package
from xnorfpga.network.encoding import pack_bytes, unpack_bytes

NORM_ROWS = ("weight", "bias", "running_mean", "running_var")  # rows of a layer's batch norm


def publish(design: Design, build: Path, replace: bool = False, among: Sequence[Path] = ()) -> Path:
    """Write the trained network of `build` as sw/models/NAME.npz, measured on the official test set, and return it.

    among: build folders, or published models, of the same training with other seeds. The best on the validation digits
    is published, and its record names the seeds of all. Where the design's model is published already, they are added
    to its record.

    Raises UserError where another of those is better or of another training, where the design takes a published model
    or has no hardware form, where the network was not trained on the official training images but those of the
    validation, where the official test set is not at hand, where torch and the integer model differ, or where another
    file is there already, unless it is to be replaced.
    """
    if design.origin == "published" and among:
        return _among_more(design, among)
    if design.published:
        raise UserError(f"{design.path}: weights = {design.weights!r}: published already; accepted here: 'train'")
    checks.check_hardware_form(design)
    net, record = train.load_checkpoint(design, build / "checkpoint.pt")
    dataset = load_dataset(design.network.dataset)
    if record.data.train_digest != dataset.train.digest or not dataset.official:
        raise UserError(
            f"{build / 'checkpoint.pt'}: trained on {record.data.train!r}; a published model needs all official "
            "training images (set XNORFPGA_DATA) but those of the validation; train again"
        )
    quantization = design.quantization
    model = absorb(net, quantization.input_threshold, quantization.input_coefficients)
    validation, test = (accuracies(net, model, quantization, split) for split in (dataset.validation, dataset.test))
    if validation.float != validation.golden or test.float != test.golden:
        raise UserError(f"{design.name}: torch and the integer model differ: {validation}, {test}; not published")
    publication = Publication(
        date=datetime.now(UTC).date().isoformat(),
        digest=model.digest,
        validation_accuracy=validation.float,
        test=dataset.test.name,
        test_digest=dataset.test.digest,
        test_accuracy=test.float,
        seeds=seeds(record, among),
    )
    path = paths.MODELS / f"{design.name}.npz"
    arrays = packed(net, record.model_copy(update={"published": publication}))
    if path.exists() and not replace and not _same_parameters(package.read_npz(path), arrays):
        raise UserError(f"{path}: another model is published there; --replace overwrites it")
    package.write_npz(path, arrays)
    return path


def seeds(record: Training, among: Sequence[Path]) -> dict[int, float] | None:
    """Return the validation accuracy of a training and of others by seed; None without others.

    among: build folders and published models. The seeds that a published model was chosen among count too.

    Raises UserError where another is better, or differs in more than its seed.
    """
    if not among:
        return None
    ours = record.curves[-1].validation_accuracy or 0.0
    found = {record.training["seed"]: ours} | _chosen_among(record)
    for folder in among:
        other = package.read_record(folder) if folder.suffix == ".npz" else Training.read(folder / "training.json")
        accuracy, seed = other.curves[-1].validation_accuracy or 0.0, other.training["seed"]
        same = {**other.training, "seed": record.training["seed"]} == record.training
        data = (other.data.train_digest, other.data.validation_digest)
        if not same or other.network != record.network or other.quantization != record.quantization:
            raise UserError(f"{folder}: another training than that of {record.design}, by more than its seed")
        if data != (record.data.train_digest, record.data.validation_digest):
            raise UserError(f"{folder}: trained or validated on other digits than {record.design}")
        if accuracy > ours:
            raise UserError(
                f"{folder}: seed {seed} has {accuracy:.2%} of the validation digits right, and seed "
                f"{record.training['seed']} {ours:.2%}; publish that one"
            )
        found |= {seed: accuracy} | _chosen_among(other)
    return dict(sorted(found.items()))


def _chosen_among(record: Training) -> dict[int, float]:
    return (record.published.seeds or {}) if record.published else {}


def _among_more(design: Design, among: Sequence[Path]) -> Path:
    """Add seeds to the record of a published model; all else in its file stays."""
    _, record = load(design.model, design)
    assert record.published is not None
    publication = record.published.model_copy(update={"seeds": seeds(record, among)})
    named = record.model_copy(update={"published": publication})
    arrays = package.read_npz(design.model)
    del arrays["sha256"]
    arrays["record"] = np.frombuffer(named.model_dump_json().encode(), np.uint8)
    package.write_npz(design.model, _signed(arrays))
    return design.model


def _signed(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return arrays | {"sha256": np.frombuffer(bytes.fromhex(digest(arrays)), np.uint8)}


def packed(net: QuantizedNet, record: Training) -> dict[str, np.ndarray]:
    """Return a network and its record as the arrays of a published model."""
    arrays = {"record": np.frombuffer(record.model_dump_json().encode(), np.uint8)}
    for k, linear in enumerate(net.linears):
        values = linear.quantized().detach().numpy()
        arrays[f"weights{k}"] = pack_bytes(values > 0)
        if isinstance(linear, TernaryLinear):
            arrays[f"mask{k}"] = pack_bytes(values != 0)
    for k, norm in enumerate(net.norms):
        arrays[f"norm{k}"] = np.stack([norm.state_dict()[row].numpy() for row in NORM_ROWS])
    if net.pixels is not None:
        arrays["pixels"] = net.pixels.numpy()
    arrays["log_scale"] = net.log_scale.detach().numpy()
    return _signed(arrays)


def _same_parameters(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    """Return whether two published models differ in nothing but their records, such as the date."""
    names = (one.keys() | other.keys()) - {"record", "sha256"}
    return all(name in one and name in other and np.array_equal(one[name], other[name]) for name in names)


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Return the SHA-256 over names, types, shapes and values of all arrays."""
    parts = []
    for name, values in sorted(arrays.items()):
        parts += [f"{name} {values.dtype.str} {values.shape}\n".encode(), values.tobytes()]
    return sha256(*parts)


def load(path: Path, design: Design) -> tuple[QuantizedNet, Training]:
    """Return the network of a published model (its latent weights are ±1, or 0) and the record of its training.

    Raises UserError where the file is damaged, a digest is wrong, a value is not finite, or it is of another network
    than the design's.
    """
    arrays = package.read_npz(path)
    try:
        known = arrays.pop("sha256").tobytes().hex()
        found = digest(arrays)
        if found != known:
            raise UserError(f"{path}: digest {known} is not that of its content, {found}; fetch the file again")
        record = check(Training, json.loads(arrays["record"].tobytes()), path)
        net = train.untrained(record, design, path)
        state = {name: arrays[name] for name in ("log_scale", *(["pixels"] if net.pixels is not None else []))}
        for k, (mw, _) in enumerate(design.shapes):
            state[f"linears.{k}.weight"] = unpack_bytes(arrays[f"weights{k}"], mw).astype(np.float32) * 2 - 1
            if isinstance(net.linears[k], TernaryLinear):
                state[f"linears.{k}.weight"] *= unpack_bytes(arrays[f"mask{k}"], mw)
        for k in range(len(design.shapes) - 1):
            state |= {f"norms.{k}.{row}": values for row, values in zip(NORM_ROWS, arrays[f"norm{k}"], strict=True)}
            state[f"norms.{k}.num_batches_tracked"] = np.array(0)
        net.load_state_dict({name: torch.from_numpy(np.asarray(values).copy()) for name, values in state.items()})
    except train.LOADING as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"{path}: not a published model as `xnorfpga publish` writes it ({reason})") from None
    if not all(np.isfinite(values).all() for values in state.values()):
        raise UserError(f"{path}: has parameters that are not finite; fetch the file again")
    train.check_pixels(net, path)
    quantization = design.quantization
    model = absorb(net.eval(), quantization.input_threshold, quantization.input_coefficients).digest
    if record.published is None or record.published.digest != model:
        raise UserError(f"{path}: its record is of another model than {model}; fetch the file again")
    return net, record
