# SPDX-License-Identifier: Apache-2.0
"""`accelerator.json`: the exported model. Its bits lie beside it, in `weights/layer{k}.npz`."""

from typing import Annotated, Literal

from pydantic import Field

from xnorfpga.artefacts.hardware import Convolution
from xnorfpga.base.strict import Artefact, Strict

Share = Annotated[float, Field(ge=0, le=1)]
PixelLevels = Annotated[tuple[Annotated[int, Field(ge=0, le=255)], ...], Field(min_length=256, max_length=256)]
Origin = Literal["trained", "published", "imported"]  # trained here, elsewhere by this package, or by others


class ExportedLayer(Strict):
    """One layer's file and its SHA-256.

    thresholded: false for the last layer, whose sums are the scores.
    masked: some weights may be 0.
    coefficients: of the planes of its inputs, the least first.
    convolution: the map of whose windows the inputs are (None: fully connected).
    """

    mw: int
    mh: int
    file: str
    sha256: str
    thresholded: bool
    masked: bool = False
    coefficients: tuple[int, ...] = (1,)
    convolution: Convolution | None = None


class Accuracies(Strict):
    """Share of images in the class of their label, by torch (None: an imported model has none) and as integers."""

    float: Share | None
    golden: Share


class DataNames(Strict):
    """Names fit for a report: what the model was trained on, and the validation digits that measured the accuracies.

    train_source: where the training digits came from, on the machine that trained; both None of an imported model.
    source: where the validation digits came from, here; validation_digest says which they are.
    """

    train: str | None
    train_source: str | None
    validation: str
    validation_images: int
    validation_digest: str
    source: str


class Accelerator(Artefact):
    """An exported model.

    network: the neurons of each fully connected layer, their inputs first; convolutional layers come before.
    digest: over the content of all layers.
    input_threshold: with one input plane, a pixel of it or more is +1.
    pixels: those that the network takes, ascending (None: all).
    levels: what each of a pixel's 256 levels counts as, before its planes are taken (None: as itself).
    """

    design: str
    network: tuple[int, ...]
    input_threshold: int
    digest: str
    layers: tuple[ExportedLayer, ...]
    accuracy: Accuracies
    data: DataNames
    origin: Origin
    pixels: tuple[int, ...] | None = None
    levels: PixelLevels | None = None
