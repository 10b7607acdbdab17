# SPDX-License-Identifier: Apache-2.0
"""Export: the design's network as packed weights and integer thresholds, with digests over all of it."""

from pathlib import Path

from xnorfpga.artefacts.accelerator import Accelerator, Accuracies, DataNames
from xnorfpga.artefacts.training import Training
from xnorfpga.base.errors import UserError
from xnorfpga.data.load import load_dataset
from xnorfpga.data.splits import Split
from xnorfpga.design import checks
from xnorfpga.design.schema import Design
from xnorfpga.learn import publish, train
from xnorfpga.learn.absorb import absorb, accuracies
from xnorfpga.network import golden, imported, package
from xnorfpga.network.golden import Model


def export(design: Design, build: Path) -> None:
    """Write the design's model as `accelerator.json` and `weights/layer{k}.npz`.

    The accuracies of torch and of the integer model are measured here, on the validation digits. For a published
    model the `training.json` of its training is written too. An imported model has neither torch's accuracy nor that.

    Raises UserError where there is no checkpoint, or one (or a model's file) of another network, and for a network that
    has no hardware form.
    """
    checks.check_hardware_form(design)
    dataset = load_dataset(design.network.dataset, published=design.published)
    model, accuracy, record = measured(design, build, dataset.validation)
    described = Accelerator(
        design=design.name,
        network=model.network,
        input_threshold=model.input_threshold,
        digest=model.digest,
        layers=package.write_layers(model, build),
        accuracy=accuracy,
        data=DataNames(
            train=record.data.train if record else None,
            train_source=record.data.source if record else None,
            validation=dataset.validation.name,
            validation_images=len(dataset.validation),
            validation_digest=dataset.validation.digest,
            source=dataset.source,
        ),
        origin=design.origin,
        pixels=None if model.pixels is None else tuple(model.pixels.tolist()),
        levels=None if model.levels is None else tuple(model.levels.tolist()),
    )
    described.write(build / package.DESCRIPTION)  # last: with it, all the files that it names are there


def measured(design: Design, build: Path, split: Split) -> tuple[Model, Accuracies, Training | None]:
    """Return the design's integer model, its accuracies on the digits of `split`, and the record of its training."""
    if design.origin == "imported":
        (build / "training.json").unlink(missing_ok=True)  # of an earlier model under the design's name
        model = read_imported(design)
        right = golden.infer(model, model.encode(split.images), hidden=0).classes == split.labels
        return model, Accuracies(float=None, golden=float(right.mean())), None
    if design.origin == "published":
        net, record = publish.load(design.model, design)
        train.write_record(build, record)
    else:
        net, record = train.load_checkpoint(design, build / "checkpoint.pt")
    model = absorb(net, design.quantization.input_threshold, design.quantization.input_coefficients)
    return model, accuracies(net, model, design.quantization, split), record


def read_imported(design: Design) -> Model:
    """Return the imported model that a design names.

    Raises UserError where its file is not right, or the model is not of the design's shape or input threshold.
    """
    model, _ = imported.load(design.model)
    quantization = design.quantization
    maps = tuple(layer.convolution for layer in model.layers if layer.convolution)
    activations = {layer.coefficients for layer in model.layers[1:]} or {quantization.activation_coefficients}
    for key, theirs, ours in (
        ("network.layers", model.network, design.network.layers),
        ("network.convolutions", maps, design.convolutions),
        ("quantization.input_threshold", model.input_threshold, quantization.input_threshold),
        ("quantization.input_bits", len(model.layers[0].coefficients), quantization.input_bits),
        ("quantization.activation_bits", activations, {quantization.activation_coefficients}),
    ):
        if theirs != ours:
            raise UserError(f"{design.path}: {key} = {ours}: accepted with {design.weights}: {theirs}")
    return model
