# SPDX-License-Identifier: Apache-2.0
"""`training.json`: the record of a training, its learning curve included."""

from typing import Any

from xnorfpga.artefacts.accelerator import Share
from xnorfpga.base.strict import Artefact, Strict


class Epoch(Strict):
    """One pass over the training images: mean loss, and the share of images in the class of their label."""

    epoch: int
    loss: float
    train_accuracy: Share
    validation_accuracy: Share | None
    seconds: float


class TrainingData(Strict):
    """Names of the source and of the splits, and the splits' digests (None: not recorded when it was trained)."""

    source: str
    train: str
    validation: str
    train_digest: str | None
    validation_digest: str | None


class Publication(Strict):
    """What was measured when a model was published, by torch and by the integer model alike; `digest` is the model's.

    `test_digest` names the digits of the official test set. seeds: the validation accuracy of each training that it was
    chosen among, by seed, itself included; None where there was but one.
    """

    date: str
    digest: str
    validation_accuracy: Share
    test: str
    test_digest: str
    test_accuracy: Share
    seeds: dict[int, Share] | None = None


class Training(Artefact):
    """How a network was trained: the design's tables as they were, each epoch, the data, and with what.

    device: what torch computed on. sources: SHA-256 of the code that trained (None: not recorded). published: of a
    published model alone.
    """

    design: str
    network: dict[str, Any]
    quantization: dict[str, Any]
    training: dict[str, Any]
    epochs: int
    curves: tuple[Epoch, ...]
    data: TrainingData
    seconds: float
    torch: str
    threads: int
    device: str = "cpu"
    sources: str | None
    published: Publication | None = None
