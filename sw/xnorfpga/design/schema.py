# SPDX-License-Identifier: Apache-2.0
"""What stands in a design file and in a board's: one strict class per table, the accepted range beside each field."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator

from xnorfpga.artefacts.accelerator import Origin
from xnorfpga.artefacts.folding import Folding
from xnorfpga.artefacts.hardware import BAUD, Convolution, matrices
from xnorfpga.base import paths
from xnorfpga.base.strict import Strict
from xnorfpga.data.datasets import DATASETS

MAX_SIZE = 65536  # inputs or neurons of a layer
MAX_SIZES = 65  # the inputs and 64 layers: ten times what such networks have, and still seconds to elaborate


Layers = Annotated[tuple[Annotated[int, Field(ge=1, le=MAX_SIZE)], ...], Field(max_length=MAX_SIZES)]
ImagesShown = Annotated[int, Field(ge=1, le=1_000_000_000)]


class Filters(Strict):
    """A convolutional layer: so many filters of kernel × kernel pixels (Convolution in artefacts says the others)."""

    filters: Annotated[int, Field(ge=1, le=4096)]
    kernel: Annotated[int, Field(ge=1, le=15)] = 3
    stride: Annotated[int, Field(ge=1, le=15)] = 1
    padding: Annotated[int, Field(ge=0, le=7)] = 0
    pool: Annotated[int, Field(ge=1, le=15)] = 1


class Network(Strict):
    """Which images, the convolutional layers, and the neurons of each fully connected layer, the inputs first.

    The inputs are all pixels, or as many as pruning leaves; behind convolutions the last map: pixel by pixel, row by
    row, the channels of a pixel side by side.
    """

    dataset: str
    layers: Layers
    convolutions: Annotated[tuple[Filters, ...], Field(max_length=MAX_SIZES)] = ()

    @field_validator("dataset")
    @classmethod
    def known(cls, dataset: str) -> str:
        """Accept a data set that there is a reader for."""
        if dataset not in DATASETS:
            raise ValueError(f"accepted: {' or '.join(map(repr, DATASETS))}")
        return dataset

    @property
    def title(self) -> str:
        """The network in a line, 784-256-10: with convolutions 32C3-64C3-MP2-128-10, filters and kernel, pool, neurons.

        A stride of 2 and a padding of 1, where they are not the usual, stand behind it: 32C3s2p1.
        """
        parts = []
        for each in self.convolutions:
            stride, padding = f"s{each.stride}" * (each.stride > 1), f"p{each.padding}" * (each.padding > 0)
            parts.append(f"{each.filters}C{each.kernel}{stride}{padding}")
            if each.pool > 1:
                parts.append(f"MP{each.pool}")
        return "-".join([*parts, *map(str, self.layers[bool(parts) :])])

    @property
    def maps(self) -> tuple[Convolution, ...]:
        """Map and windows of each convolutional layer.

        `checks` refuses a network where a window is larger than its map, or a square than the map of answers.
        """
        image, found = DATASETS[self.dataset], []
        height, width, channels = image.height, image.width, image.channels
        for each in self.convolutions:
            sizes = each.model_dump(exclude={"filters"})
            found.append(Convolution(height=height, width=width, channels=channels, **sizes))
            height, width, channels = found[-1].pooled_height, found[-1].pooled_width, each.filters
        return tuple(found)


class Quantization(Strict):
    """Bits of a weight, of an activation and of a pixel.

    `weight_bits`: 1 is binary, ±1; 2 is ternary, a sign and a mask (0 where it is false), in every layer but the last.
    `activation_bits`: 2 are the planes of a residual quantizer, the first with `activation_ratio` times the coefficient
    of the second. `input_bits`: a pixel's highest bits, a plane each; with 1, a pixel of at least `input_threshold`
    is +1.
    """

    weight_bits: Annotated[int, Field(ge=1, le=2)]
    activation_bits: Annotated[int, Field(ge=1, le=2)]
    input_threshold: Annotated[int, Field(ge=1, le=255)]
    activation_ratio: Literal[2, 4] = 2
    input_bits: Annotated[int, Field(ge=1, le=8)] = 1

    @property
    def weights(self) -> Literal["binary", "ternary"]:
        """The kind of the weights, but in the last layer, which is binary."""
        return "binary" if self.weight_bits == 1 else "ternary"

    @property
    def input_coefficients(self) -> tuple[int, ...]:
        """Of each plane of the image, the least first."""
        return tuple(2**k for k in range(self.input_bits))

    @property
    def activation_coefficients(self) -> tuple[int, ...]:
        """Of each plane of an activation, the least first."""
        return (1,) if self.activation_bits == 1 else (1, self.activation_ratio)


class Distillation(Strict):
    """A small float network is trained first; its answers at that temperature have that weight in the loss."""

    weight: Annotated[float, Field(ge=0, le=1)]
    temperature: Annotated[float, Field(ge=0.1, le=100)]
    teacher_images: ImagesShown
    teacher_learning_rate: Annotated[float, Field(ge=1e-9, le=10)]


class Pruning(Strict):
    """A wider network is trained first and made smaller in rounds, the last of which leaves the design's layers.

    `layers`: the wider network's neurons of each layer, the inputs first. `images`: how many training images it is
    shown. `round_images`: how many each network between it and the design's.
    """

    layers: Layers
    images: ImagesShown
    rounds: Annotated[int, Field(ge=1, le=100)]
    round_images: ImagesShown


class Training(Strict):
    """How the network is trained.

    `images` is how many training images it is shown in all, so a training takes as long on 4,000 digits as on
    55,000: it only passes over them more often. Each image is moved by up to `shift_pixels`, turned by up to
    `rotation_degrees`, and scaled and sheared by up to a share; with `flip` half of them are mirrored left to right.
    `shift_every_epochs` belongs to the schedule "right_shift" alone. A ternary weight is 0 up to `ternary_threshold`
    times the layer's largest. Every `method` but "bnn" is a reference in software alone. In the hidden layers the first
    `float_weight_images` meet the latent weights themselves, which are quantized from then on. `precision` is that of
    sums, maps and gradients while the network trains; it is measured in float32.
    """

    images: ImagesShown
    batch_size: Annotated[int, Field(ge=2, le=65536)]
    learning_rate: Annotated[float, Field(ge=1e-9, le=10)]
    dropout: Annotated[float, Field(ge=0, le=0.9)]
    shift_pixels: Annotated[float, Field(ge=0, le=8)]
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)]
    rotation_degrees: Annotated[float, Field(ge=0, le=180)] = 0.0
    scale: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    shear: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    flip: bool = False
    optimizer: Literal["adam", "adamax", "shift_adamax"] = "adam"
    schedule: Literal["cosine", "right_shift"] = "cosine"
    shift_every_epochs: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(None, validate_default=True)
    batch_norm: Literal["plain", "shift"] = "plain"
    method: Literal["bnn", "xnor_net", "bwn", "ttq", "float"] = "bnn"
    ternary_threshold: Annotated[float, Field(ge=0, le=0.99)] = 0.05
    float_weight_images: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0
    precision: Literal["float32", "bfloat16"] = "float32"
    distillation: Distillation | None = None
    pruning: Pruning | None = None

    @property
    def warps(self) -> bool:
        """Whether images are sampled between pixels; else they move by whole ones."""
        return any((self.rotation_degrees, self.scale, self.shear)) or self.shift_pixels % 1 != 0

    @field_validator("shift_every_epochs")
    @classmethod
    def of_its_schedule(cls, epochs: int | None, info: ValidationInfo) -> int | None:
        """Accept a number of epochs where the schedule shifts, and none elsewhere."""
        schedule = info.data.get("schedule")
        if schedule == "right_shift" and epochs is None:
            raise ValueError("a number of epochs is needed with schedule = 'right_shift'")
        if schedule == "cosine" and epochs is not None:
            raise ValueError("accepted with schedule = 'right_shift' alone")
        return epochs

    @field_validator("float_weight_images")
    @classmethod
    def some_of_the_images(cls, images: int, info: ValidationInfo) -> int:
        """Accept fewer than the images of the whole training: its last weights are quantized."""
        if images >= info.data.get("images", math.inf):
            raise ValueError(f"fewer than training.images = {info.data['images']} are needed")
        return images


class CyclesGoal(Strict):
    """Instead of a folding: the smallest one that takes at most so many cycles per image."""

    cycles_per_image: Annotated[float, Field(ge=1, le=1e9)]


class RateGoal(Strict):
    """Instead of a folding: the smallest one that does so many images per second at the board's clock."""

    images_per_second: Annotated[float, Field(ge=1e-3, le=1e9)]


class LogicGoal(Strict):
    """Instead of a folding: the fastest one of at most so many ALMs, by the model."""

    alms: Annotated[int, Field(ge=1, le=10_000_000)]


GOALS: dict[str, type[CyclesGoal] | type[RateGoal] | type[LogicGoal]] = {
    name: kind for kind in (CyclesGoal, RateGoal, LogicGoal) for name in kind.model_fields
}


def _kind_of_folding(value: Any) -> str:
    """Return which of the choices a value of `folding` means to be."""
    if isinstance(value, str):
        return "auto"
    if isinstance(value, Mapping) and len(value) == 1:
        key = str(next(iter(value)))
        return key if key in GOALS else "folds"
    return "folds"


Goal = Literal["auto"] | CyclesGoal | RateGoal | LogicGoal
FoldingChoice = Annotated[
    Annotated[Literal["auto"], Tag("auto")]
    | Annotated[Folding, Tag("folds")]
    | Annotated[CyclesGoal, Tag("cycles_per_image")]
    | Annotated[RateGoal, Tag("images_per_second")]
    | Annotated[LogicGoal, Tag("alms")],
    Discriminator(_kind_of_folding),
]
ImageCount = Annotated[
    Annotated[int, Field(ge=1, le=1_000_000), Tag("count")] | Annotated[Literal["all"], Tag("all")],
    Discriminator(lambda value: "all" if isinstance(value, str) else "count"),
]


class Simulation(Strict):
    """How many images go through the RTL, from the first of the split that measures the design."""

    images: ImageCount

    @property
    def count(self) -> int | None:
        """The number of images; None: all."""
        return self.images if isinstance(self.images, int) else None


class BoardChoice(Strict):
    """Which board of boards/, the clock in MHz that the design shall run at, and its serial port's bits per second."""

    name: str
    clock_mhz: Annotated[float, Field(ge=1, le=500)]
    baud: Annotated[int, Field(ge=1, le=100_000_000)] = BAUD


class Clock(Strict):
    """The board's oscillator: the port of the top level that it drives, and its frequency.

    unregistered_ram_mhz: up to that clock a row of block RAM is read and used in one cycle; above, block RAM's output
    register stands between, and every layer is a cycle later.
    """

    name: str
    oscillator_mhz: Annotated[float, Field(ge=1, le=1000)]
    unregistered_ram_mhz: Annotated[float, Field(ge=1, le=1000)]


class Capacity(Strict):
    """What the device has: ALMs, M10K blocks of so many bits and at most so wide a read, DSP blocks."""

    alms: Annotated[int, Field(ge=1, le=10_000_000)]
    m10k: Annotated[int, Field(ge=0, le=1_000_000)]
    m10k_bits: Annotated[int, Field(ge=1, le=1_000_000)]
    m10k_max_width: Annotated[int, Field(ge=1, le=10_000)]
    dsps: Annotated[int, Field(ge=0, le=1_000_000)]


class BoardFile(Strict):
    """A boards/NAME/board.toml; `title` is the board's name as people write it.

    jtag_device: the FPGA's place in the board's JTAG chain, from 1.
    """

    title: str
    device: str
    family: str
    jtag_device: Annotated[int, Field(ge=1, le=64)] = 1
    clock: Clock
    capacity: Capacity


class Board(BoardFile):
    """The board a design is for, its folder's name, its clock in MHz and its serial port's bits per second."""

    name: str
    clock_mhz: float
    baud: int = BAUD

    @property
    def read_cycles(self) -> Literal[1, 2]:
        """Cycles from an address of block RAM to its row."""
        return 1 if self.clock_mhz <= self.clock.unregistered_ram_mhz else 2


class DesignFile(Strict):
    """The tables of a design file.

    `weights` is "train", or the file name of a model in sw/models, or its path with a / (from the design file's
    folder). A design of another design's model leaves out network, quantization and training: they stand once, in the
    design that the model is named after. Of an imported model there is no training.
    """

    weights: str
    network: Network
    quantization: Quantization
    training: Training | None = None
    folding: FoldingChoice
    simulation: Simulation
    board: BoardChoice


TRAIN = "train"  # the value of `weights` that trains instead of taking a model
RECIPE = ("network", "quantization", "training")  # the tables that decide a model


@dataclass(frozen=True)
class Design:
    """One design: its name, where its file is, what that says, and its board."""

    name: str
    path: Path
    weights: str
    network: Network
    quantization: Quantization
    training: Training | None
    folding: Folding | Goal
    simulation: Simulation
    board: Board

    @property
    def origin(self) -> Origin:
        """Where the weights come from: this machine's training, a published model, or an imported one."""
        if self.weights == TRAIN:
            return "trained"
        return "imported" if self.training is None else "published"

    @property
    def weight_bits(self) -> int:
        """Bits of all weights together; the last layer's are binary."""
        *hidden, last = self.shapes
        return sum(mw * mh for mw, mh in hidden) * self.quantization.weight_bits + last[0] * last[1]

    @property
    def published(self) -> bool:
        """Whether the weights come from a model's file, published or imported, instead of this machine's training."""
        return self.weights != TRAIN

    @property
    def model(self) -> Path:
        """File of the model that `weights` names."""
        return self.path.parent / self.weights if "/" in self.weights else paths.MODELS / self.weights

    @property
    def recipe(self) -> Training:
        """How the network is trained; an imported model has none."""
        assert self.training is not None
        return self.training

    @property
    def method(self) -> str:
        """Method of the training; an imported model is as one of "bnn": integers alone."""
        return self.training.method if self.training else "bnn"

    @property
    def reference(self) -> bool:
        """Whether the method is a reference in software alone, without a hardware form."""
        return self.method != "bnn"

    @property
    def convolutions(self) -> tuple[Convolution, ...]:
        """Map and windows of each convolutional layer; these are the first."""
        return self.network.maps

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(MW, MH), inputs and outputs, of each layer: of a convolutional one, of a window."""
        return matrices(self.convolutions, self.network.layers)
