# SPDX-License-Identifier: Apache-2.0
"""The area model: ALMs of a folded network before anything is elaborated, by counting what the generator will build.

What a unit takes is counted as in the hardware: a half ALM for an ALUT of five inputs or fewer and for each bit of an
adder (netlist.ALM_FORMULA). The counts, sorted by kind of unit, are weighted by a few coefficients, fitted to designs
that the pipeline synthesized (area_samples.json, written by `python -m xnorfpga calibrate`). Samples that were held
out of the fit say how far to trust it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorfpga import folding
from xnorfpga.common import read_json

SAMPLES = Path(__file__).parent / "area_samples.json"
UNITS = ("processing elements", "input registers", "unlike pairs", "buffers", "argmax", "load port", "layers")


@cache
def popcount(simd: int, paired: bool) -> tuple[int, int]:
    """Return the half ALMs and flip-flops of an XnorPopcount over `simd` inputs, from its tree (see Scala)."""
    bits = simd // 2 if paired else simd
    if bits < 3:
        return 2 * bits - 1, bits
    leaves = -(-(bits + 1) // 4)
    singles = leaves - 1
    halves, registers = 3 * leaves + singles + leaves, 2 * leaves + singles  # chains and carries
    numbers, level = [3] * leaves, 1
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
        if level % 4 == 0 or len(numbers) == 1:
            registers += sum(number.bit_length() for number in numbers) + singles
        level += 1
    return halves, registers


def processing_element(layer: folding.LayerPrediction) -> tuple[int, int]:
    """Return the half ALMs and flip-flops of one processing element."""
    bits = layer.margin_bits
    if layer.serial:
        return 1 + -(-bits // folding.SERIAL_DIGIT_BITS) - 1 + bits, bits + 1
    halves, registers = popcount(layer.simd, layer.paired)
    if not layer.thresholded and layer.words == 1:
        return halves, registers + bits
    start = bits if layer.paired else 0  # −T' less the image's unlike pairs
    choose = bits if layer.words > 1 else 0  # start, or go on
    held = bits if layer.paired or (layer.thresholded and layer.groups > 1) else 0
    return halves + start + choose + bits, registers + bits + held


@dataclass(frozen=True)
class Counts:
    """Half ALMs a kind of unit, in the order of UNITS, and flip-flops in all."""

    halves: tuple[float, ...]
    ffs: int


def count(prediction: folding.Prediction) -> Counts:
    """Count what the generator builds for a folded network."""
    copies, layers = prediction.copies, prediction.layers
    total = dict.fromkeys(UNITS, 0.0)
    ffs = 2 * copies * layers[0].mw  # the image collector, and what it passes on
    for index, layer in enumerate(layers):
        halves, registers = processing_element(layer)
        total["processing elements"] += copies * layer.pe * halves
        ffs += copies * layer.pe * registers
        width = layer.simd if layer.streamed else layer.mw
        ring = not layer.streamed and layer.words > 1
        serializer = width < layer.arrival_width
        total["input registers"] += copies * (width if ring else 0) + copies * (layer.arrival_width if serializer else 0)
        if index:
            ffs += copies * (width + (layer.arrival_width if serializer else width if width > layer.arrival_width else 0))
        if layer.paired:
            by_word = layer.unlike_by_word
            halves, registers = (2 * layer.word_width, 0) if by_word else popcount(layer.mw // 2, False)
            bits = layer.mw.bit_length()
            total["unlike pairs"] += copies * (halves + 2 * bits)
            ffs += copies * (registers + 4 * bits)
        depth = -(-(layer.step_to_output_cycles + 1) // layer.words)
        stored = copies * layer.out_width * depth
        total["buffers"] += stored / 2 if depth > 1 else copies
        ffs += stored
        if layer.thresholded and layer.groups == 1 and not layer.serial:
            ffs += layer.pe * layer.margin_bits
        total["layers"] += 1
        total["load port"] += sum(-(-width // 40) for width in _memory_widths(layer))
    score_bits = layers[-1].mw.bit_length()
    total["argmax"] += copies * (score_bits * 4 + layers[-1].mh)
    if layers[-1].pe > 1:
        total["argmax"] += copies * score_bits * layers[-1].pe
    ffs += copies * (layers[-1].mh + 2) * score_bits
    return Counts(tuple(total[unit] for unit in UNITS), ffs)


def _memory_widths(layer: folding.LayerPrediction) -> list[int]:
    thresholds = layer.pe if layer.serial else layer.pe * layer.margin_bits
    return [layer.pe * layer.simd, *([thresholds] if layer.thresholded else [])]


@dataclass(frozen=True)
class Sample:
    """A synthesized configuration; `held_out`: not used for the fit."""

    hardware: dict[str, Any]
    alms: int
    ffs: int
    held_out: bool


@cache
def samples() -> tuple[Sample, ...]:
    """Return the designs that were synthesized for the fit, and to judge it."""
    entries = read_json(SAMPLES)["samples"]
    return tuple(Sample(each["hardware"], each["alms"], each["ffs"], each["held_out"]) for each in entries)


def fit(chosen: Sequence[Sample]) -> NDArray[np.float64]:
    """Return the coefficients, one a unit, that fit the samples best, by relative error and not below 0."""
    from scipy.optimize import nnls

    counts = [count(folding.predict_hardware(sample.hardware)) for sample in chosen]
    matrix = np.array([np.array(each.halves) / 2 / sample.alms for each, sample in zip(counts, chosen, strict=True)])
    return nnls(matrix, np.ones(len(chosen)))[0]


@cache
def coefficients() -> NDArray[np.float64]:
    """Return the coefficients fitted to the samples that were not held out."""
    return fit([sample for sample in samples() if not sample.held_out])


def alms(prediction: folding.Prediction) -> int:
    """Return the ALMs that the pipeline's synthesis should count, never less than two flip-flops an ALM need."""
    counts = count(prediction)
    return round(max(float(np.array(counts.halves) / 2 @ coefficients()), counts.ffs / 2))


def errors(held_out: bool) -> list[float]:
    """Return model ÷ synthesis − 1 of each sample that was, or was not, held out of the fit."""
    chosen = [sample for sample in samples() if sample.held_out == held_out]
    return [alms(folding.predict_hardware(sample.hardware)) / sample.alms - 1 for sample in chosen]


def summary() -> str:
    """Return how well the model does, in one line."""
    fitted, unseen = errors(held_out=False), errors(held_out=True)
    return (
        f"model fitted to {len(fitted)} synthesized designs; {len(unseen)} others it hit within "
        f"{max(map(abs, unseen)):.1%}, half of them within {float(np.median(np.abs(unseen))):.1%}"
    )
