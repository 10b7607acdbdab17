# SPDX-License-Identifier: Apache-2.0
"""The folding solver: network, board and goal → routing, PE and SIMD of each layer, copies and input word.

Cycles and block RAM are exact (folding.py), ALMs are the area model's. Layers are independent but for the width of the
beats between them, so a dynamic program over the layers finds the smallest folding that keeps a pace: after each layer
it keeps, for every PE of that layer, the foldings of which none is smaller in both ALMs and block RAM. Maps also wait
for each other a little (timing.py), so a pace for them is aimed at, looked at, and aimed at again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import zip_longest

from xnorfpga.artefacts.hardware import Convolution, matrices
from xnorfpga.base.errors import UserError
from xnorfpga.design import area
from xnorfpga.design.folding import ONE_BIT, Block, LayerPrediction, Operands, Prediction

MAX_COPIES = 8
MAX_WINDOWS = 16
AIMS = 4  # at a pace that maps keep; each costs a second where maps are large,
NEAR = 100  # so the fastest is looked for to a hundredth of it
EXCESS = 2  # options that do more than this many times the work of the one that does least are no candidates
KEPT = 48  # foldings kept behind a layer,
KEPT_OF_PE = 6  # and at least so many for each of its PEs
KEEPS_PAIRS = 32  # bits of an input word up to which unlike pairs are counted as they come


@dataclass(frozen=True)
class Network:
    """What is folded: the maps of the convolutional layers, and the neurons of the others, the inputs first."""

    sizes: tuple[int, ...]
    maps: tuple[Convolution, ...] = ()

    @property
    def layers(self) -> tuple[tuple[int, int, Convolution | None], ...]:
        """(MW, MH) of each layer, and its map."""
        found = zip_longest(matrices(self.maps, self.sizes), self.maps)
        return tuple((mw, mh, each) for (mw, mh), each in found)

    @property
    def copies(self) -> range:
        """Images that may share the weights; of a map its windows do."""
        return range(1, 2 if self.maps else MAX_COPIES + 1)

    @property
    def slowest(self) -> int:
        """Cycles per image that no folding exceeds, but for bit planes of the input."""
        products = [mw * mh * (each.windows if each else 1) for mw, mh, each in self.layers]
        return max(products) + self.sizes[-1] + self.words(1)

    def words(self, width: int) -> int:
        """Words of an image in one bit plane; of a map the pixels, whatever their width."""
        return self.maps[0].height * self.maps[0].width if self.maps else self.sizes[0] // width

    def __str__(self) -> str:
        """Return its sizes in a line."""
        maps = [f"{mh} filters" for _, mh, each in self.layers if each]
        return "-".join([*maps, *map(str, self.sizes)])


@dataclass(frozen=True)
class Device:
    """What a folding has to fit: ALMs, block RAMs and their geometry."""

    name: str
    alms: int
    m10k: int
    block: Block

    @property
    def model_alms(self) -> float:
        """ALMs that a folding may take by the area model, so that it fits even where the model errs at its worst."""
        return self.alms * (1 - area.margin())


@dataclass(frozen=True)
class Solution:
    """A folding that was found, with what it takes."""

    prediction: Prediction
    alms: int

    @property
    def cycles_per_image(self) -> Fraction:
        """Cycles an image in steady state."""
        return self.prediction.cycles_per_image


@dataclass(frozen=True)
class _Partial:
    """A folding of the first layers."""

    layers: tuple[LayerPrediction, ...]
    logic: float  # ALMs without regard to flip-flops
    ffs: int
    m10k: int

    def fits(self, device: Device) -> bool:
        return max(self.logic, self.ffs / 2) <= device.model_alms and self.m10k <= device.m10k


def divisors(n: int) -> list[int]:
    """Return all divisors of n, ascending."""
    return [d for d in range(1, n + 1) if n % d == 0]


@cache
def options(
    mw: int, mh: int, convolution: Convolution | None, interval: int, last: bool
) -> tuple[tuple[str, int, int, int], ...]:
    """Return (routing, PE, SIMD, windows at once) that take an image through in `interval` cycles."""
    if not convolution:
        return tuple((*fold, 1) for fold in _folds(mw, mh, interval, last))
    found = []
    for windows in divisors(convolution.out_width):
        if windows <= MAX_WINDOWS:
            folds = _folds(mw, mh, interval // (convolution.windows // windows), last)
            found += [(*fold, windows) for fold in folds]
    least = min((pe * simd * windows for _, pe, simd, windows in found), default=0)
    return tuple(option for option in found if option[1] * option[2] * option[3] <= EXCESS * least)


@cache
def _folds(mw: int, mh: int, interval: int, last: bool) -> tuple[tuple[str, int, int], ...]:
    """Return (routing, PE, SIMD) that take a layer through in `interval` cycles with the least of PEs for each SIMD."""
    folds = []
    for simd in divisors(mw):
        words = mw // simd
        enough = [pe for pe in divisors(mh) if (mh // pe) * words <= interval]
        if not enough:
            continue
        # An even PE lets the next layer count pairs; all PEs at once let this one take words as they come.
        choices = {enough[0], *[pe for pe in enough if pe % 2 == 0][:1], *([mh] if mh * simd <= 4096 or last else [])}
        routings = ("stationary",) if simd == mw else ("broadcast",)
        folds += [(routing, pe, simd) for routing in routings for pe in sorted(choices)]
    least = min((pe * simd for _, pe, simd in folds), default=0)
    return tuple(fold for fold in folds if fold[1] * fold[2] <= EXCESS * least)


@cache
def _layer(
    mw: int,
    mh: int,
    convolution: Convolution | None,
    fold: tuple[str, int, int, int],
    copies: int,
    index: int,
    last: bool,
    before: int,
    read_cycles: int,
    operands: Operands,
) -> tuple[LayerPrediction, float, int]:
    """Return a layer, its ALMs without regard to flip-flops, and those; `before`: bits of the words that reach it."""
    routing, pe, simd, windows = fold
    whole = mw if convolution else before  # a window at once
    coefficients, weights = operands.of_layer(index, last)
    layer = LayerPrediction(
        mw,
        mh,
        routing,
        pe,
        simd,
        thresholded=not last,
        word_width=whole,
        arrival_width=whole if index or convolution else mw,
        coefficients=coefficients,
        weights=weights,
        output_planes=operands.output_planes(last),
        convolution=convolution,
        windows=windows,
        first=index == 0,
        read_cycles=read_cycles,
    )
    counts = area.count_layer(layer, copies)
    return layer, area.logic(counts), counts.ffs


def _solve(
    network: Network, device: Device, copies: int, interval: int, operands: Operands, aim: int | None = None
) -> Solution | None:
    """Return the smallest folding of which no stage takes more than `interval` cycles for a group of `copies` images.

    aim: no engine takes more than so many, where that is less. None if none fits.
    """
    aim = aim or interval
    if copies + network.sizes[-1] > interval:
        return None  # the argmax would be the slowest
    word_bits = _input_word_bits(network, copies, len(operands.input_coefficients), interval)
    if word_bits is None:
        return None
    partials: dict[int, list[_Partial]] = {word_bits: [_Partial((), 0.0, 0, 0)]}
    for index, (mw, mh, convolution) in enumerate(network.layers):
        last = index == len(network.layers) - 1
        reached: dict[int, list[_Partial]] = {}
        for before, found in partials.items():
            for fold in options(mw, mh, convolution, aim, last):
                layer, logic, ffs = _layer(
                    mw, mh, convolution, fold, copies, index, last, before, device.block.read_cycles, operands
                )
                if layer.engine_cycles > aim or layer.map_cycles > interval:
                    continue
                m10k = layer.m10k(device.block)
                for partial in found:
                    grown = _Partial(
                        (*partial.layers, layer), partial.logic + logic, partial.ffs + ffs, partial.m10k + m10k
                    )
                    if grown.fits(device):
                        reached.setdefault(layer.sends, []).append(grown)
        kept = max(KEPT_OF_PE, KEPT // max(1, len(reached)))
        partials = {width: _best(found, kept) for width, found in reached.items()}
    solutions = []
    for found in partials.values():
        for partial in found:
            prediction = Prediction(partial.layers, copies, word_bits, device.block)
            solution = Solution(prediction, area.alms(prediction))
            if solution.alms <= device.model_alms and prediction.slowest_cycles <= interval:
                solutions.append(solution)
    return min(solutions, key=lambda solution: solution.alms, default=None)


def _paced(network: Network, device: Device, copies: int, interval: int, operands: Operands) -> Solution | None:
    """Return the smallest folding that takes a group of `copies` images in `interval` cycles; None if none fits."""
    aim = interval
    for _ in range(AIMS):
        solution = _solve(network, device, copies, interval, operands, aim)
        if solution is None or not network.maps or solution.prediction.interval_cycles <= interval:
            return solution
        aim = aim * interval // (solution.prediction.interval_cycles + 1)
    return None


def _input_word_bits(network: Network, copies: int, planes: int, interval: int) -> int | None:
    """Return the narrowest input word that keeps pace; wider where pairs can then still be counted word by word.

    Of a map a word is a pixel.
    """
    if network.maps:
        return network.maps[0].channels * planes if network.words(1) <= interval else None
    mw, lanes = network.sizes[0], copies * planes
    enough = [width for width in divisors(mw) if lanes * (mw // width) <= interval]
    counted = [width for width in enough if width % 2 == 0 and width <= KEEPS_PAIRS]
    return next(iter(counted or enough), None)


def _best(found: list[_Partial], count: int) -> list[_Partial]:
    """Return the foldings of which none is smaller in both ALMs and block RAM, `count` from all along them at most."""
    kept: list[_Partial] = []
    for partial in sorted(found, key=lambda each: (max(each.logic, each.ffs / 2), each.m10k)):
        if not kept or partial.m10k < kept[-1].m10k:
            kept.append(partial)
    if len(kept) <= count:
        return kept
    return [kept[k * (len(kept) - 1) // (count - 1)] for k in range(count)]


def smallest(network: Network, device: Device, cycles_per_image: Fraction, operands: Operands = ONE_BIT) -> Solution:
    """Return the folding of the fewest ALMs that takes at most so many cycles an image.

    Args:
        operands: what it multiplies.

    Raises UserError where nothing of the kind fits, naming what limits it and the nearest that can be reached.
    """
    found = [
        solution
        for copies in network.copies
        if (solution := _paced(network, device, copies, int(cycles_per_image * copies), operands))
    ]
    if found:
        return min(found, key=lambda solution: (solution.alms, solution.cycles_per_image))
    nearest = fastest(network, device, operands)
    if nearest.cycles_per_image <= cycles_per_image:  # maps whose pace was aimed at in vain
        return nearest
    raise UserError(
        f"{float(cycles_per_image):g} cycles an image: {_limit(network, device, cycles_per_image, operands)}; "
        f"the nearest that can be reached is {float(nearest.cycles_per_image):g}"
    )


def fastest(network: Network, device: Device, operands: Operands = ONE_BIT) -> Solution:
    """Return the folding of the fewest cycles an image that fits, the smallest of equal ones.

    Raises UserError where the network fits in no folding.
    """
    best: Solution | None = None
    slowest = network.slowest * len(operands.input_coefficients)
    for copies in network.copies:
        low, high = network.sizes[-1] + copies, slowest * copies
        if best:  # only what is faster is of interest
            high = int(best.cycles_per_image * copies)
            if not (solution := _paced(network, device, copies, high, operands)):
                continue
        else:
            solution = _paced(network, device, copies, high, operands)
            if solution is None:
                continue
        while high - low > (high // NEAR if network.maps else 0):
            middle = (low + high) // 2
            tried = _paced(network, device, copies, middle, operands)
            if tried:
                solution, high = tried, tried.prediction.interval_cycles
            else:
                low = middle + 1
        if not best or (solution.cycles_per_image, solution.alms) < (best.cycles_per_image, best.alms):
            best = solution
    if best is None:
        raise UserError(f"{network}: {_limit(network, device, None, operands)}, in any folding")
    return best


def _limit(network: Network, device: Device, cycles_per_image: Fraction | None, operands: Operands) -> str:
    """Say what keeps a network from a pace, from a device without that limit."""
    goal = cycles_per_image or Fraction(network.slowest * 2)
    boundless = 10**9
    for what, free in (
        (f"{device.name}'s {device.m10k} M10K are too few", Device(device.name, device.alms, boundless, device.block)),
        (
            f"{device.name}'s {device.alms:,} ALMs are too few",
            Device(device.name, boundless, device.m10k, device.block),
        ),
        (
            f"{device.name}'s ALMs and M10K are both too few",
            Device(device.name, boundless, boundless, device.block),
        ),
    ):
        if any(_paced(network, free, copies, int(goal * copies), operands) for copies in network.copies):
            return what
    if network.maps:
        return f"a pixel enters per cycle, {network.words(1)} of an image, and maps wait a little for each other"
    return f"the argmax takes a cycle a class ({network.sizes[-1]}) and one an image"


def front(network: Network, device: Device, operands: Operands = ONE_BIT) -> list[Solution]:
    """Return the Pareto front of cycles an image against ALMs, the fastest first.

    Raises UserError where the network fits in no folding.
    """
    best = fastest(network, device, operands)
    solutions = [best]
    pace = best.cycles_per_image
    while pace <= 40 * best.cycles_per_image:
        pace = Fraction(round(pace * 1000 * Fraction(5, 4)), 1000)
        solution = smallest(network, device, pace, operands)
        # Its input word may be slower than its layers; one as fast costs next to nothing.
        layers = max(max(layer.engine_cycles, layer.map_cycles) for layer in solution.prediction.layers)
        solutions += [solution, *filter(None, [_solve(network, device, solution.prediction.copies, layers, operands)])]
    return list(_front(solutions))


def _front(solutions: list[Solution]) -> Iterator[Solution]:
    """Yield the solutions that no faster one makes superfluous by being as small."""
    least = None
    for solution in sorted(solutions, key=lambda each: (each.cycles_per_image, each.alms)):
        if least is None or solution.alms < least:
            least = solution.alms
            yield solution
