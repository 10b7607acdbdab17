# SPDX-License-Identifier: Apache-2.0
"""The folding model: cycles, latency and block RAM of a folded network, before anything is elaborated.

A test holds it equal to the manifest, the simulated RTL and the synthesized netlist. FINN's vocabulary: a layer is an
MH × MW matrix, PE neurons and SIMD inputs are worked at once, so that it takes (MH/PE)·(MW/SIMD) cycles a group of
`copies` images.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any

from xnorfpga.artefacts.hardware import Convolution, Hardware, Kind, Slide
from xnorfpga.design import timing


def _bits(values: int) -> int:
    """Return how many bits tell `values` values apart (SpinalHDL's log2Up)."""
    return (values - 1).bit_length()


WEIGHT_BITS: dict[Kind, int] = {"binary": 1, "ternary": 2}
"""Bits of a weight in a row of the weight memory (Weights in Scala)."""


@dataclass(frozen=True)
class Operands:
    """What a network multiplies: the coefficients of the bit planes of its inputs and activations, and its weights."""

    input_coefficients: tuple[int, ...] = (1,)
    activation_coefficients: tuple[int, ...] = (1,)
    weights: Kind = "binary"

    def of_layer(self, index: int, last: bool) -> tuple[tuple[int, ...], Kind]:
        """Return the coefficients of layer `index`'s inputs and its weights: those of the last layer are binary."""
        return self.activation_coefficients if index else self.input_coefficients, "binary" if last else self.weights

    def output_planes(self, last: bool) -> int:
        """Return the bit planes of a layer's answers; the scores are numbers."""
        return 1 if last else len(self.activation_coefficients)


ONE_BIT = Operands()


@dataclass(frozen=True)
class Counting:
    """How products are counted: a bit is counted for every `products` of them (Counting in Scala)."""

    name: str
    products: int

    def latency(self, simd: int) -> int:
        """Return the cycles of the pipelined popcount over `simd` inputs (PopcountShape.latency in Scala)."""
        bits = simd // self.products
        leaves = 1 if bits < 3 else -(-(bits + 1) // 4)
        adders_a_register = 4
        return 1 + -(-_bits(leaves) // adders_a_register)


PLAIN = Counting("plain", products=1)
PAIRED = Counting("paired", products=2)
MASKED = Counting("masked", products=1)
WIDEST_WORD = 32  # bits of a word whose transitions are counted within a cycle (TransitionCounter in Scala)
LEAST_PAIRED_INPUTS = 8  # fewer inputs at once save less than the subtraction of an image's transitions costs


@dataclass(frozen=True)
class InputBuffer:
    """How a layer's input waits before its PEs (InputBuffer in Scala).

    width: bits a lane of the beats that are taken. holds: a batch can stay as long as there are neurons to work on.
    """

    name: str
    width: int
    holds: bool = True


@dataclass(frozen=True)
class Threshold:
    """How sums become answers (Threshold in Scala).

    memories: width and depth of each that holds thresholds. answer_bits: of a neuron, in each bit plane. preset_cycles:
    before each batch. digit_bits: of the digits by which thresholds are entered, 0 where each enters whole. level_bits:
    of what a level is above or below the middle one. latency: cycles from the accumulator to the answer.
    """

    name: str
    memories: tuple[tuple[int, int], ...]
    answer_bits: int = 1
    preset_cycles: int = 0
    digit_bits: int = 0
    level_bits: int = 0
    latency: int = 0


SERIAL_DIGIT_BITS = 4


def serial_rows(margin_bits: int) -> int:
    """Return the rows, and cycles, of thresholds entered bit by bit (Threshold.Serial in Scala)."""
    return 1 + (-(-margin_bits // SERIAL_DIGIT_BITS) << SERIAL_DIGIT_BITS)


@dataclass(frozen=True)
class Block:
    """Geometry of the board's block RAM: bits of a block, widest read, cycles from an address to its row."""

    bits: int
    max_width: int
    read_cycles: int = 1

    def blocks(self, width: int, depth: int) -> int:
        """Return the blocks that a memory of `depth` rows of `width` bits takes; a single row is registers."""
        if depth == 1:
            return 0
        widest = max(1, min(self.max_width, self.bits >> _bits(depth)))
        deepest = 1 << (self.bits.bit_length() - 1)
        return -(-width // widest) * max(1, -(-depth // deepest))


@dataclass(frozen=True)
class LayerPrediction:
    """One layer: shape, fold and what follows from them."""

    mw: int
    mh: int
    routing: str
    pe: int
    simd: int
    thresholded: bool
    word_width: int  # bits a lane of the words in which its input is first seen
    arrival_width: int  # bits a lane of the beats that reach it: for layer 0 a whole image
    coefficients: tuple[int, ...] = (1,)  # of each bit plane of an input
    weights: Kind = "binary"
    output_planes: int = 1
    convolution: Convolution | None = None
    windows: int = 1  # that share every weight read
    first: bool = False  # of the accelerator
    read_cycles: int = 1  # of the memories of weights and thresholds

    @property
    def synapse_fold(self) -> int:
        """Steps of one group of neurons."""
        return self.mw // self.simd

    @property
    def neuron_fold(self) -> int:
        """Groups of PE neurons, worked one after the other."""
        return self.mh // self.pe

    @property
    def steps(self) -> int:
        """Steps a group of images takes, rows of the weight memory."""
        return self.synapse_fold * self.neuron_fold

    @property
    def planes(self) -> int:
        """Bit planes of an input."""
        return len(self.coefficients)

    @property
    def greatest_sum(self) -> int:
        """The greatest sum of a neuron: of each bit plane its coefficient times its popcount."""
        return sum(self.coefficients) * self.mw

    @property
    def weight_bits(self) -> int:
        """Bits of a weight in the weight memory."""
        return WEIGHT_BITS[self.weights]

    @cached_property
    def input_buffer(self) -> InputBuffer:
        """How its input waits: words are used as they come where every neuron is worked at once."""
        cuts = self.simd % self.arrival_width == 0 or self.arrival_width % self.simd == 0
        if self.routing == "stationary":
            return InputBuffer("stationary", self.mw)
        if self.routing == "broadcast" and self.neuron_fold == 1 and cuts:
            return InputBuffer("pass_through", self.simd, holds=False)
        return InputBuffer("ring", self.mw)

    @cached_property
    def threshold(self) -> Threshold:
        """Its thresholds: serial where all neurons are worked at once, a bit a cycle, and the words take longer."""
        if not self.thresholded:
            return Threshold("none", (), answer_bits=_bits(self.greatest_sum + 1))
        start = (self.pe * self.margin_bits, self.neuron_fold)
        if self.output_planes > 1:
            level_bits = _bits(self.greatest_sum + 2) + 1
            others = (self.pe * (2**self.output_planes - 2) * level_bits, self.neuron_fold)
            return Threshold("levels", (start, others), level_bits=level_bits, latency=1)
        rows = serial_rows(self.margin_bits)
        one_bit = self.planes == 1 and self.weights == "binary"
        if one_bit and self.neuron_fold == 1 and self.simd == 1 and self.synapse_fold >= rows:
            return Threshold("serial", ((self.pe, rows),), preset_cycles=rows, digit_bits=SERIAL_DIGIT_BITS)
        return Threshold("preset", (start,))

    @cached_property
    def counting(self) -> Counting:
        """How its products are counted: as pairs where that saves logic and the transitions are known in time."""
        if self.weights == "ternary":
            return MASKED
        at_once = self.input_buffer.name == "stationary" and self.arrival_width == self.mw
        known = self.transitions_by_word or at_once
        pairs = self.simd % 2 == 0 and self.simd >= LEAST_PAIRED_INPUTS
        return PAIRED if self.thresholded and self.input_buffer.holds and pairs and known else PLAIN

    @property
    def cycles(self) -> int:
        """Cycles a group of images takes in this layer."""
        return self.steps + self.threshold.preset_cycles

    @property
    def step_to_output_cycles(self) -> int:
        """Cycles from a step to its result: memory, popcount, sum over bit planes, accumulator, levels, buffer."""
        counted = self.read_cycles + self.counting.latency(self.simd) + (self.planes > 1)
        return counted + 1 + self.threshold.latency + 1

    @property
    def margin_bits(self) -> int:
        """Bits of sum − T in two's complement."""
        return _bits(self.greatest_sum + 1) + 1

    @property
    def out_width(self) -> int:
        """Bits a lane of an output beat; a lane is a bit plane of an image."""
        return self.pe * self.threshold.answer_bits

    @property
    def transitions_by_word(self) -> bool:
        """Whether an image's transitions (pairs of unlike inputs) can be counted while its words are collected.

        Those of a window are the sum of its pixels', where no pair belongs to two pixels.
        """
        if self.convolution:
            return self.convolution.channels % 2 == 0
        return self.word_width % 2 == 0 and self.word_width <= WIDEST_WORD and self.word_width < self.mw

    @property
    def sends(self) -> int:
        """Bits a lane of the beats that the next layer gets: of a map whole pixels."""
        return self.mh if self.convolution else self.pe

    @property
    def engine_cycles(self) -> int:
        """Cycles a group of images takes in the engine: a map, all its groups of windows."""
        return self.cycles * (self.convolution.windows // self.windows if self.convolution else 1)

    @property
    def map_cycles(self) -> int:
        """Cycles that windows and squares take to slide over its maps; 0 of a fully connected layer."""
        if not self.convolution:
            return 0
        return max(self.convolution.slide.pixels, self.convolution.pooling(self.mh).pixels)

    @property
    def fifo_depth(self) -> int:
        """Places for results, so that their way through the pipeline and back never stalls an unhindered layer."""
        return -(-(self.step_to_output_cycles + 1) // self.synapse_fold)

    @property
    def engine(self) -> timing.Engine:
        """Its part in the chain, before the first image."""
        kind = timing.Engine if self.input_buffer.holds else timing.PassThrough
        return kind(
            synapse_fold=self.synapse_fold,
            neuron_fold=self.neuron_fold,
            idle=self.threshold.preset_cycles,
            delay=self.step_to_output_cycles,
            places=self.fifo_depth,
        )

    def facts(self) -> dict[str, Any]:
        """Return what the manifest's entry of the layer must state alike."""
        sizes = ("mw", "mh", "pe", "simd", "routing", "synapse_fold", "neuron_fold", "cycles", "step_to_output_cycles")
        more = ("fifo_depth", "margin_bits", "output_planes", "weights", "windows")
        parts = ("counting", "input_buffer", "threshold")
        return {
            **{name: getattr(self, name) for name in (*sizes, *more)},
            **{part: getattr(self, part).name for part in parts},
            "coefficients": list(self.coefficients),
            "map_memories": [{"width": width, "depth": depth} for width, depth in self.map_memories],
            "convolution": self.convolution and self.convolution.model_dump(),
            "threshold_digit_bits": self.threshold.digit_bits,
            "level_bits": self.threshold.level_bits,
        }

    def m10k(self, block: Block) -> int:
        """Return the block RAMs of weights, thresholds and the rows of maps that windows slide over."""
        memories = [(self.pe * self.simd * self.weight_bits, self.steps), *self.threshold.memories, *self.map_memories]
        return sum(block.blocks(*memory) for memory in memories)

    @property
    def map_memories(self) -> list[tuple[int, int]]:
        """Width and depth of the memories of its maps: pixels that wait, and the last rows (LayerPlan in Scala)."""
        if not self.convolution:
            return []
        counts = _bits(self.convolution.channels // 2 + 1) if self.pixel_stages else 0  # of a pixel's transitions
        windows = (self.convolution.slide, self.planes * (self.convolution.channels + counts))
        squares = (self.convolution.pooling(self.mh), self.output_planes * self.mh)
        sizes = [((each.kernel - 1) * pixel_bits, each.padded_width) for each, pixel_bits in (windows, squares)]
        waiting = [(self.planes * self.convolution.channels, self.backlog)] if self.backlog else []
        return waiting + [(width, depth) for width, depth in sizes if width]

    @property
    def backlog(self) -> int:
        """Pixels of a later map that can wait for its windows, the rows of one; the layer before works on meanwhile."""
        if not self.convolution or self.first:
            return 0
        return max(4, 1 << _bits(self.convolution.kernel * self.convolution.width))

    @property
    def pixel_stages(self) -> int:
        """Cycles in which the transitions of a pixel are counted, before it comes to the windows."""
        if not self.convolution or self.counting is not PAIRED or not self.transitions_by_word:
            return 0
        return 1 if self.convolution.channels <= WIDEST_WORD else 2


@dataclass(frozen=True)
class Pace:
    """How images follow each other when they come without a pause.

    interval_cycles: between two results in the end. settling: results before all following ones are so far apart.
    """

    interval_cycles: int
    settling: int


SETTLED = 3  # distances in a row that must be equal
MOST_IMAGES = 64  # after which no distance that stays would be a defect of the engine


@dataclass(frozen=True)
class Prediction:
    """What the RTL will do, known from the folds alone."""

    layers: tuple[LayerPrediction, ...]
    copies: int
    input_word_bits: int
    block: Block

    @property
    def slowest_cycles(self) -> int:
        """Cycles that the slowest stage takes for a group of images: they cannot follow each other faster."""
        input_cycles = self.copies * self.input_words
        argmax_cycles = self.layers[-1].mh + self.copies
        layers = [max(layer.engine_cycles, layer.map_cycles) for layer in self.layers]
        return max(input_cycles, argmax_cycles, *layers)

    @property
    def interval_cycles(self) -> int:
        """Cycles between two groups of images in steady state."""
        return self.pace.interval_cycles

    @property
    def input_words(self) -> int:
        """Words of an image, all its bit planes; for a convolution a pixel each."""
        if image := self.layers[0].convolution:
            return image.height * image.width
        return self.layers[0].planes * (self.layers[0].mw // self.input_word_bits)

    @property
    def cycles_per_image(self) -> Fraction:
        """Cycles an image in steady state."""
        return Fraction(self.interval_cycles, self.copies)

    @property
    def busy(self) -> tuple[tuple[int, int], ...]:
        """For each layer: the cycles of the first step and of the last result of a lone image.

        Counted from the edge that takes its first word, as latency is.
        """
        engines = [unit for unit in self._lone_image if isinstance(unit, timing.Engine)]
        return tuple((engine.taken[0], engine.given[-1]) for engine in engines)

    @property
    def latency_cycles(self) -> int:
        """Cycles of a lone image, from the edge that takes its first word to the edge that takes its result."""
        return self._lone_image[-1].taken[0]

    def _chain(self, images: int, copies: int) -> list[timing.Unit]:
        """Return the units of the accelerator, that many images before it, groups of `copies` images."""
        first = self.layers[0]
        units: list[timing.Unit] = [timing.Source(images * self.input_words)]
        if not first.convolution:
            units.append(timing.Collector(copies * self.input_words))
        for layer in self.layers:
            engine: list[timing.Unit] = [*_adapter(layer.arrival_width, layer.input_buffer.width), layer.engine]
            if layer.convolution:
                if layer.backlog:
                    units.append(timing.Fifo(layer.backlog))
                units += [timing.Collector(1) for _ in range(layer.pixel_stages)]
                units += [_sliding(layer.convolution.slide, layer.windows), *engine, *_adapter(layer.pe, layer.mh)]
                units += [timing.Serializer(layer.windows)] if layer.windows > 1 else []
                if layer.convolution.pool > 1:
                    units.append(_sliding(layer.convolution.pooling(layer.mh)))
            else:
                units += engine
        last = self.layers[-1]
        return [*units, *_adapter(last.pe, 1), timing.ArgMax(last.mh, copies), timing.Sink()]

    @cached_property
    def _lone_image(self) -> list[timing.Unit]:
        """The units after a lone image, which the accelerator waited for."""
        units = self._chain(images=1, copies=1)
        timing.run(units)
        return units

    @cached_property
    def pace(self) -> Pace:
        """How images follow each other: by the slowest stage, and maps by what its neighbors can take meanwhile."""
        if not self.layers[0].convolution:
            return Pace(self.slowest_cycles, settling=0)
        images = SETTLED + 2
        while images <= MOST_IMAGES:
            units = self._chain(images, copies=1)
            timing.run(units)
            times = units[-1].taken
            distances = [later - earlier for earlier, later in pairwise(times)]
            if len(set(distances[-SETTLED:])) == 1:
                settled = next(k for k in range(len(distances)) if len(set(distances[k:])) == 1)
                return Pace(distances[-1], settled)
            images *= 2
        raise AssertionError(f"the distance of two images still changes after {MOST_IMAGES}")

    @property
    def m10k(self) -> int:
        """Block RAMs of the whole accelerator."""
        return sum(layer.m10k(self.block) for layer in self.layers)


def predict_hardware(hardware: Hardware) -> Prediction:
    """Predict from a hardware configuration."""
    shapes = hardware.layers
    layers = []
    for index, shape in enumerate(shapes):
        before = shapes[index - 1] if index else None
        previous = before and (before.mh if before.convolution else before.pe)  # of a map: a pixel
        whole = shape.mw if shape.convolution else None  # a window at once
        layers.append(
            LayerPrediction(
                **dict(shape),
                first=index == 0,
                read_cycles=hardware.memory.read_cycles,
                thresholded=index < len(shapes) - 1,
                output_planes=len(shapes[index + 1].coefficients) if index < len(shapes) - 1 else 1,
                word_width=whole or previous or hardware.input_word_bits,
                arrival_width=whole or previous or shape.mw,
            )
        )
    block = Block(hardware.memory.block_bits, hardware.memory.max_width, hardware.memory.read_cycles)
    return Prediction(tuple(layers), hardware.copies, hardware.input_word_bits, block)


def _adapter(from_width: int, to_width: int) -> list[timing.Unit]:
    """Return what makes beats of `from_width` bits a lane `to_width` bits wide (Beat.adapt in Scala)."""
    if from_width == to_width:
        return []
    if to_width > from_width:
        return [timing.Collector(to_width // from_width)]
    return [timing.Serializer(from_width // to_width)]


def _sliding(slide: Slide, windows: int = 1) -> timing.SlidingWindow:
    """Return the unit that moves a square over a map and gives so many neighbors at once."""
    rows, columns = range(slide.padded_height), range(slide.padded_width)

    def inside(at: int, size: int) -> bool:
        return slide.padding <= at < slide.padding + size

    def ends(at: int, count: int, together: int = 1) -> bool:
        window, between = divmod(at - slide.kernel + 1, slide.stride)
        return 0 <= window < count and not between and (window + 1) % together == 0

    return timing.SlidingWindow(
        [inside(y, slide.height) and inside(x, slide.width) for y in rows for x in columns],
        [ends(y, slide.out_height) and ends(x, slide.out_width, windows) for y in rows for x in columns],
    )
