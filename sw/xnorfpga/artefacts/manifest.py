# SPDX-License-Identifier: Apache-2.0
"""`manifest.json`: what was elaborated. The Scala side derives it once; nobody derives it again."""

from typing import Literal

from xnorfpga.artefacts.hardware import Convolution, Kind, Routing
from xnorfpga.base.strict import Artefact, Strict


class Port(Strict):
    """A port of a top level, `width` in bits."""

    name: str
    direction: Literal["in", "out"]
    width: int


class InputFacts(Strict):
    """Image words: bits of a word, words of an image with all its bit planes."""

    word_bits: int
    words: int


class OutputFacts(Strict):
    """Results: classes, bits of a label and of one score."""

    classes: int
    class_bits: int
    score_bits: int


class PlainMemory(Strict):
    """A memory that no model is loaded into: bits of a row, rows."""

    width: int
    depth: int


class LayerFacts(Strict):
    """One layer: shape and fold, and what follows from them.

    synapse_fold: MW / SIMD. neuron_fold: MH / PE. cycles: of one batch of images.
    step_to_output_cycles: from the issue of a step to its result. margin_bits: of sum − T in two's complement.
    coefficients: of each bit plane of an input. output_planes: bit planes of an answer.
    convolution: the map of whose windows the inputs are; windows: that are a batch then, instead of images.
    map_memories: of its pixels that wait, and of the last rows.
    weights, counting, input_buffer, threshold: how each of these parts is built; docs/engine.md says what each form is.
    threshold_digit_bits: of the digits by which serial thresholds are entered, else 0. level_bits: of what a level is
    above or below the middle one, else 0.
    """

    index: int
    mw: int
    mh: int
    pe: int
    simd: int
    routing: Routing
    synapse_fold: int
    neuron_fold: int
    cycles: int
    step_to_output_cycles: int
    fifo_depth: int
    margin_bits: int
    coefficients: tuple[int, ...]
    convolution: Convolution | None
    windows: int
    map_memories: tuple[PlainMemory, ...]
    output_planes: int
    weights: Kind
    counting: Literal["plain", "paired", "masked"]
    input_buffer: Literal["stationary", "ring", "pass_through"]
    threshold: Literal["none", "preset", "serial", "levels"]
    threshold_digit_bits: int
    level_bits: int


class MemoryFacts(Strict):
    """One memory: `depth` rows of `width` bits, in columns of `column_width` bits with a content file each."""

    name: str
    layer: int
    kind: Literal["weights", "thresholds", "levels"]
    width: int
    depth: int
    column_width: int
    files: tuple[str, ...]


class StoredImages(Strict):
    """The images that the board stores: row `image · depth / images + word`; columns and files as of a memory."""

    images: int
    width: int
    depth: int
    column_width: int
    files: tuple[str, ...]


class LinkFacts(Strict):
    """The board's serial link: bits per second, version of the protocol, what `identify` says of the hardware.

    digest: CRC-32 of hardware.json without the baud rate, in hexadecimal. images_per_frame: at most in a request.
    """

    baud: int
    protocol: int
    digest: str
    images_per_frame: int
    memories: tuple[PlainMemory, ...]
    stored: StoredImages


class Manifest(Artefact):
    """The elaborated accelerator. `files` are relative to the design's build directory."""

    design: str
    top: str
    board_top: str
    files: tuple[str, ...]
    clock_mhz: float
    ports: tuple[Port, ...]
    board_ports: tuple[Port, ...]
    copies: int
    input: InputFacts
    output: OutputFacts
    layers: tuple[LayerFacts, ...]
    memories: tuple[MemoryFacts, ...]
    load_word_bits: int
    load_words: int
    link: LinkFacts
