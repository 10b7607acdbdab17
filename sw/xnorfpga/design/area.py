# SPDX-License-Identifier: Apache-2.0
"""The area model: ALMs of a folded network before anything is elaborated, by counting what the generator will build.

What a unit takes is counted as in the hardware: a half ALM for an ALUT of five inputs or fewer and for each bit of an
adder (netlist.ALM_FORMULA). The counts, sorted by kind of unit, are weighted by a few coefficients, fitted to designs
that the pipeline synthesized (area_samples.json, written by `python -m xnorfpga calibrate`). Samples that were held
out of the fit say how far to trust it.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from xnorfpga.artefacts.hardware import Convolution, Hardware
from xnorfpga.base.files import read_json
from xnorfpga.base.strict import check
from xnorfpga.design import folding

SAMPLES = Path(__file__).parent / "area_samples.json"
UNITS = (
    *("processing elements", "input registers", "unlike pairs", "buffers", "argmax", "load port", "layers"),
    *("windows", "pools"),
)


@cache
def popcount(simd: int, paired: bool) -> tuple[int, int]:
    """Return the half ALMs and flip-flops of an XnorPopcount over `simd` inputs, from its tree (see Scala)."""
    bits = simd // 2 if paired else simd
    if bits < 3:
        return 2 * bits - 1, bits
    leaves = -(-(bits + 1) // 4)
    singles = leaves - 1
    halves, registers = 3 * leaves + singles + leaves, 3 * leaves + singles  # chains and carries, registers of chains
    numbers, level, depth = [3] * leaves, 1, (leaves - 1).bit_length()
    while len(numbers) > 1:
        sums = []
        for pair in (numbers[k : k + 2] for k in range(0, len(numbers), 2)):
            if len(pair) == 1:
                sums += pair
                continue
            sums.append(sum(pair) + 1)
            halves += sums[-1].bit_length() + 1  # one cell below the lowest bit for the carry-in
            singles -= 1
        numbers = sums
        if (depth - level) % 4 == 0:
            registers += sum(number.bit_length() for number in numbers) + singles
        level += 1
    return halves, registers


def processing_element(layer: folding.LayerPrediction) -> tuple[int, int]:
    """Return the half ALMs and flip-flops of one processing element."""
    bits = layer.margin_bits
    if layer.threshold.name == "serial":
        return 1 + -(-bits // folding.SERIAL_DIGIT_BITS) - 1 + bits, bits + 1
    halves, registers = popcount(layer.simd, layer.counting is folding.PAIRED)
    if layer.planes > 1:  # a popcount each, and their weighted sum with its register
        halves, registers = layer.planes * halves + (layer.planes - 1) * bits, layer.planes * registers + bits
    if layer.threshold.name == "levels":  # a comparison for each plane below the highest
        below = layer.output_planes - 1
        halves, registers = halves + below * layer.threshold.level_bits, registers + layer.output_planes
    if not layer.thresholded and layer.synapse_fold == 1:
        return halves, registers + bits
    start = bits if layer.counting is folding.PAIRED else 0  # −T' less the image's unlike pairs
    choose = bits if layer.synapse_fold > 1 else 0  # start, or go on
    held = bits if layer.counting is folding.PAIRED or (layer.thresholded and layer.neuron_fold > 1) else 0
    return halves + start + choose + bits, registers + bits + held


@dataclass(frozen=True)
class Counts:
    """Half ALMs a kind of unit, in the order of UNITS, and flip-flops in all."""

    halves: tuple[float, ...]
    ffs: int

    def __add__(self, other: "Counts") -> "Counts":
        """Return both together."""
        pairs = zip(self.halves, other.halves, strict=True)
        return Counts(tuple(ours + theirs for ours, theirs in pairs), self.ffs + other.ffs)


def _counts(ffs: int, **halves: float) -> Counts:
    return Counts(tuple(halves.get(unit.replace(" ", "_"), 0.0) for unit in UNITS), ffs)


def count_layer(layer: folding.LayerPrediction, copies: int) -> Counts:
    """Count what the generator builds for a layer with its maps, `copies` images at a time."""
    if layer.convolution:
        return _count_engine(layer, layer.windows, collected=False) + count_maps(layer, layer.convolution)
    return _count_engine(layer, copies, collected=layer.first)


def _count_engine(layer: folding.LayerPrediction, copies: int, collected: bool) -> Counts:
    """Count a layer's engine; copies: images, or windows of one, that share a weight read.

    collected: it takes whole images, whose first register `count_ends` counts.
    """
    halves, registers = processing_element(layer)
    elements = copies * layer.pe * halves
    ffs = copies * layer.pe * registers

    width, lanes = layer.input_buffer.width, copies * layer.planes
    ring = lanes * width if layer.synapse_fold > 1 and layer.input_buffer.holds else 0  # turn, or take the next
    serializer = lanes * layer.arrival_width if width < layer.arrival_width else 0
    collector, late = 0, layer.read_cycles - 1  # cycles by which a vector waits for its weights:
    if width > layer.arrival_width:  # in front of a collector, as a beat
        collector, late = lanes * (width + late * layer.arrival_width), 0
    ffs += (1 + late - collected) * lanes * width + serializer + collector

    unlike = 0
    if layer.counting is folding.PAIRED:
        bits = layer.mw.bit_length()
        if layer.transitions_by_word:
            unlike = 0 if layer.convolution else lanes * 2 * layer.word_width
            registers = 0
        else:  # a popcount like those of the processing elements
            halves, registers = popcount(layer.mw // 2, paired=False)
            elements += lanes * halves
        unlike += lanes * 2 * bits
        ffs += lanes * (registers + 4 * bits)

    depth = -(-(layer.step_to_output_cycles + 1) // layer.synapse_fold)
    stored = copies * layer.output_planes * layer.out_width * depth
    thresholds = [width for width, _ in layer.threshold.memories]
    widths = [layer.pe * layer.simd * layer.weight_bits, *thresholds]
    if layer.steps == 1:  # weights that never change their row are registers
        ffs += widths[0]
    if layer.neuron_fold == 1 and layer.threshold.name != "serial":
        ffs += sum(thresholds)
    return _counts(
        ffs + stored,
        processing_elements=elements,
        input_registers=ring + serializer,
        unlike_pairs=unlike,
        buffers=stored / 2 if depth > 1 else copies,
        load_port=sum(-(-width // 40) for width in widths),
        layers=1,
    )


def count_maps(layer: folding.LayerPrediction, convolution: Convolution) -> Counts:
    """Count what moves a layer's map: the window with its frame, its lanes, pixels of answers, the pool."""
    answers = layer.mh * layer.output_planes  # bits of a pixel that goes on
    column = layer.planes * convolution.kernel * convolution.channels
    columns = convolution.kernel + (layer.windows - 1) * convolution.stride
    ffs = column * columns  # windows that are neighbors are wires from them,
    if layer.input_buffer.name == "stationary":  # and share them where they wait for the engine
        ffs -= column * (layer.windows * convolution.kernel - columns)
    halves = layer.planes * convolution.channels if convolution.padding else 0
    if layer.pixel_stages:  # each pair is compared and counted, then the pixels' counts are added
        bits = layer.mw.bit_length()
        sums = (columns + layer.windows) * (convolution.kernel - 1)
        halves += layer.planes * (2 * convolution.channels + sums * bits)
        ffs += layer.planes * (layer.pixel_stages * convolution.channels + convolution.kernel * columns * bits)
    if layer.pe < layer.mh:
        ffs += layer.windows * answers
    if layer.windows > 1:
        ffs += layer.windows * answers
        halves += (layer.windows - 1) * answers
    pools = 0
    if convolution.pool > 1:
        ffs += convolution.pool**2 * answers
        pools = -(-(convolution.pool**2 - 1) // 4) * answers * (1 if layer.output_planes == 1 else 4)
    return _counts(ffs, windows=halves, pools=pools)


def count_ends(first: folding.LayerPrediction, last: folding.LayerPrediction, copies: int) -> Counts:
    """Count what stands before the first layer and behind the last: image collector and argmax."""
    score_bits = last.greatest_sum.bit_length()
    compare = copies * (4 * score_bits + last.mh + (score_bits * last.pe if last.pe > 1 else 0))
    images = 0 if first.convolution else 2 * first.planes * first.mw  # collected, and in the first input register
    return _counts(copies * (images + (last.mh + 2) * score_bits), argmax=compare)


def count_load_port(layers: Sequence[folding.LayerPrediction]) -> Counts:
    """Count the load port's registers: a word, its CRC and the CRC of all, and a bit for each column of the widest."""
    return _counts(40 + 32 + 32 + max(-(-layer.pe * layer.simd * layer.weight_bits // 40) for layer in layers))


def count(prediction: folding.Prediction) -> Counts:
    """Count what the generator builds for a folded network."""
    layers = prediction.layers
    total = count_ends(layers[0], layers[-1], prediction.copies) + count_load_port(layers)
    for layer in layers:
        total += count_layer(layer, prediction.copies)
    return total


@dataclass(frozen=True)
class Sample:
    """A synthesized configuration: ALMs with module borders kept, and flattened; `held_out`: not used for the fit."""

    hardware: dict[str, Any]
    alms_borders_kept: int
    alms_flattened: int
    ffs: int
    held_out: bool

    @property
    def alms(self) -> int:
        """The larger of both figures, by which a design is judged."""
        return max(self.alms_borders_kept, self.alms_flattened)


@cache
def samples() -> tuple[Sample, ...]:
    """Return the designs that were synthesized for the fit, and to judge it."""
    return tuple(Sample(**entry) for entry in read_json(SAMPLES)["samples"])


def predict(sample: Sample) -> folding.Prediction:
    """Return what was synthesized."""
    return folding.predict_hardware(check(Hardware, sample.hardware, SAMPLES))


def fit(chosen: Sequence[Sample]) -> list[float]:
    """Return the coefficients, one a unit, whose `alms` fit the samples best, by relative error and not below 0.

    The fit sees what is predicted: where a sample's flip-flops decide, its logic may be anything below.
    """
    import numpy as np
    from scipy.optimize import least_squares, nnls  # imported here: `doit` loads the model, and shall not wait for them

    counts = [count(predict(sample)) for sample in chosen]
    alms = np.array([sample.alms for sample in chosen])
    units = np.array([each.halves for each in counts]) / 2 / alms[:, None]
    registers = np.array([each.ffs for each in counts]) / 2 / alms
    start, _ = nnls(units, np.ones(len(chosen)))  # as if logic decided everywhere
    fitted = least_squares(lambda weights: np.maximum(units @ weights, registers) - 1, start, bounds=(0, np.inf))
    return [round(float(weight), 4) for weight in fitted.x]


@cache
def coefficients() -> tuple[float, ...]:
    """Return the coefficients, one a unit, that `calibrate` fitted to the samples that were not held out."""
    return tuple(read_json(SAMPLES)["coefficients"])


def logic(counts: Counts) -> float:
    """Return the ALMs of what was counted, flip-flops apart."""
    return sum(half * weight for half, weight in zip(counts.halves, coefficients(), strict=True)) / 2


def alms(prediction: folding.Prediction) -> int:
    """Return the ALMs that the pipeline's synthesis should count, never less than two flip-flops an ALM need."""
    counts = count(prediction)
    return round(max(logic(counts), counts.ffs / 2))


def errors(held_out: bool) -> list[float]:
    """Return model ÷ synthesis − 1 of each sample that was, or was not, held out of the fit."""
    chosen = [sample for sample in samples() if sample.held_out == held_out]
    return [alms(predict(sample)) / sample.alms - 1 for sample in chosen]


@cache
def margin() -> float:
    """Return the share by which synthesis came out larger than the model at worst, on the samples held out."""
    return max(0.0, -min(errors(held_out=True)))


def summary() -> str:
    """Return how well the model does, in one line."""
    fitted, unseen = errors(held_out=False), errors(held_out=True)
    return (
        f"model fitted to {len(fitted)} synthesized designs; {len(unseen)} others it hit within "
        f"{max(map(abs, unseen)):.1%}, half of them within {statistics.median(map(abs, unseen)):.1%}"
    )


def page() -> str:
    """Return the fit and its error for docs/folding.md: the coefficients, and every sample held out of the fit."""
    fitted = ", ".join(f"{unit} {weight:g}" for unit, weight in zip(UNITS, coefficients(), strict=True))
    lines = [f"{summary()[0].upper()}{summary()[1:]}. Coefficients: {fitted}.", ""]
    lines += [
        "| held out: MW×MH a layer | PE×SIMD (×windows) | copies | ALMs by model | synthesized | error |",
        "|---|---|---|---|---|---|",
    ]
    chosen = [sample for sample in samples() if sample.held_out]
    for sample, error in zip(chosen, errors(held_out=True), strict=True):
        layers = sample.hardware["layers"]
        shapes = ", ".join(f"{layer['mw']}×{layer['mh']}{_on_map(layer)}" for layer in layers)
        folds = ", ".join(f"{layer['pe']}×{layer['simd']}{_windows(layer)} {layer['routing'][0]}" for layer in layers)
        model = round(sample.alms * (1 + error))
        lines.append(
            f"| {shapes} | {folds} | {sample.hardware['copies']} | {model:,} | {sample.alms:,} | {error:+.1%} |"
        )
    return "\n".join([*lines, "", "s, d, b: stationary, diagonal, broadcast."])


def _on_map(layer: dict[str, Any]) -> str:
    """Say on what map a layer's windows slide, nothing where there is none."""
    there = layer.get("convolution")
    return f" on {there['height']}×{there['width']}" if there else ""


def _windows(layer: dict[str, Any]) -> str:
    return f"×{layer['windows']}" if layer.get("convolution") else ""
