# SPDX-License-Identifier: Apache-2.0
"""`training.json`: the record of a training, its learning curve included."""

from typing import Any

from xnorfpga.base.strict import Artefact, Strict


class Epoch(Strict):
    """One pass over the training images: mean loss, and the share of images in the class of their label."""

    epoch: int
    loss: float
    train_accuracy: float
    validation_accuracy: float | None
    seconds: float


class TrainingData(Strict):
    """Names of the source and of the splits."""

    source: str
    train: str
    validation: str


class Training(Artefact):
    """How a network was trained: the design's tables as they were, each epoch, the data, and with what."""

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
