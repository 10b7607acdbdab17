# SPDX-License-Identifier: Apache-2.0
"""Export: the trained or published network as packed weights and integer thresholds, with digests over all of it."""

from pathlib import Path

from xnorfpga.artefacts.accelerator import Accelerator, DataNames
from xnorfpga.base.paths import MODELS
from xnorfpga.data import mnist
from xnorfpga.design import checks
from xnorfpga.design.schema import Design
from xnorfpga.learn import publish, train
from xnorfpga.learn.absorb import absorb, accuracies
from xnorfpga.network import package


def export(design: Design, build: Path) -> None:
    """Write the design's model as `accelerator.json` and `weights/layer{k}.npz`.

    The accuracies of torch and of the integer model are measured here, on the validation digits. For a published
    model the `training.json` of its training is written too.

    Raises UserError where there is no checkpoint, or one (or a published model) of another network, and for a network
    that has no hardware form.
    """
    checks.check_hardware_form(design)
    if design.published:
        net, record = publish.load(MODELS / design.weights, design)
        train.write_record(build, record)
    else:
        net, record = train.load_checkpoint(design, build / "checkpoint.pt")
    model = absorb(net, design.quantization.input_threshold, design.quantization.input_coefficients)
    dataset = mnist.load(design.network.dataset, published=design.published)
    described = Accelerator(
        design=design.name,
        network=model.network,
        input_threshold=model.input_threshold,
        digest=model.digest,
        layers=package.write_layers(model, build),
        accuracy=accuracies(net, model, design.quantization, dataset.validation),
        data=DataNames(
            train=record.data.train,
            train_source=record.data.source,
            validation=dataset.validation.name,
            validation_images=len(dataset.validation),
            validation_digest=dataset.validation.digest,
            source=dataset.source,
        ),
        origin="published" if design.published else "trained",
        pixels=None if model.pixels is None else tuple(model.pixels.tolist()),
    )
    described.write(build / package.DESCRIPTION)  # last: with it, all the files that it names are there
