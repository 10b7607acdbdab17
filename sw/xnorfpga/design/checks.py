# SPDX-License-Identifier: Apache-2.0
"""What several keys of a design must be together; each mistake is one line with file, key, value and what would do."""

from typing import Any, NoReturn

from xnorfpga.artefacts.folding import Folding
from xnorfpga.artefacts.hardware import Convolution
from xnorfpga.base import paths
from xnorfpga.base.errors import UserError
from xnorfpga.base.strict import show
from xnorfpga.data.datasets import DATASETS
from xnorfpga.design import pll
from xnorfpga.design.schema import TRAIN, Board, Design, Training

SAMPLES_OF_BIT = range(5, 17)  # of the board's UART
BAUD_TOLERANCE = 0.01  # of what both ends of a line together may be off, some 4 %


def check(design: Design) -> None:
    """Check what can be checked before a folding is known; one that stands in the file is checked too.

    Raises UserError for the first mistake.
    """
    check_clock(design)
    check_baud(design)
    check_maps(design)
    check_network(design)
    if isinstance(design.folding, Folding):
        check_folding(design, design.folding)
    check_memory(design)
    check_weights(design)
    check_method(design)


def check_folding(design: Design, folding: Folding) -> None:
    """Check a folding of the design, its own or a solved one.

    Raises UserError for the first mistake.
    """
    check_folds(design, folding)
    check_stationary(design, folding)
    check_broadcast_words(design, folding)


def _reject(design: Design, key: str, value: Any, why: str) -> NoReturn:
    raise UserError(f"{design.path}: {key} = {show(value)}: {why}")


def _divides(design: Design, key: str, value: int, total: int, of: str) -> None:
    """Reject a value that does not divide the total, and name the nearest that do."""
    if total % value:
        divisors = [each for each in range(1, total + 1) if total % each == 0]
        nearest = sorted(sorted(divisors, key=lambda each: (abs(each - value), each))[:4])
        _reject(design, key, value, f"does not divide {of} ({total}); nearest that do: {', '.join(map(str, nearest))}")


def check_maps(design: Design) -> None:
    """Each window fits its map, frame included, and each square of the pool the map of answers.

    The last map is the inputs of the first fully connected layer.
    """
    network = design.network
    if not network.convolutions:
        return
    if design.training and design.training.pruning:
        _reject(design, "training.pruning", "a table", "accepted without network.convolutions alone")
    image = DATASETS[network.dataset]
    height, width, channels = image.height, image.width, image.channels
    for k, each in enumerate(network.convolutions):
        key, side = f"network.convolutions[{k}]", min(height, width) + 2 * each.padding
        if each.kernel > side:
            framed = f" in a frame of {each.padding}" if each.padding else ""
            _reject(
                design, f"{key}.kernel", each.kernel, f"accepted on a map of {height} × {width}{framed}: 1 to {side}"
            )
        if each.padding >= each.kernel:  # a window of padding alone knows nothing of the image
            _reject(
                design, f"{key}.padding", each.padding, f"accepted with kernel = {each.kernel}: 0 to {each.kernel - 1}"
            )
        sizes = each.model_dump(exclude={"filters"})
        made = Convolution(height=height, width=width, channels=channels, **sizes)
        answered = made.model_copy(update={"pool": 1})
        side = min(answered.out_height, answered.out_width)
        if each.pool > side:
            answers = f"{answered.out_height} × {answered.out_width}"
            _reject(design, f"{key}.pool", each.pool, f"accepted on a map of {answers} answers: 1 to {side}")
        height, width, channels = made.pooled_height, made.pooled_width, each.filters
    inputs = height * width * channels
    if len(network.layers) < 2 or network.layers[0] != inputs or network.layers[-1] != image.classes:
        last = f"the last map, {height} × {width} × {channels}"
        accepted = f"accepted: [{inputs}, hidden layers, {image.classes}], first the elements of {last}"
        _reject(design, "network.layers", list(network.layers), accepted)


def check_network(design: Design) -> None:
    """Inputs and classes are those of the data set; pruning may have left fewer of its inputs and of each layer."""
    if design.network.convolutions:
        return  # see check_maps
    images = DATASETS[design.network.dataset]
    inputs, classes = images.inputs, images.classes
    layers, pruning = design.network.layers, design.training.pruning if design.training else None
    widest = pruning.layers if pruning else layers
    key = "training.pruning.layers" if pruning else "network.layers"
    if len(widest) < 2 or widest[0] != inputs or widest[-1] != classes:
        accepted = f"accepted for {design.network.dataset}: [{inputs}, hidden layers, {classes}]"
        _reject(design, key, list(widest), accepted)
    fits = len(layers) == len(widest) and all(left <= wide for left, wide in zip(layers, widest, strict=True))
    if not fits or layers[-1] != classes:
        accepted = f"accepted: {len(widest)} sizes up to {list(widest)}, those of {key}, with {classes} classes"
        _reject(design, "network.layers", list(layers), accepted)


def check_folds(design: Design, folding: Folding) -> None:
    """Each layer has a fold that divides it."""
    shapes = design.shapes
    if len(folding.layers) != len(shapes):
        _reject(design, "folding.layers", f"{len(folding.layers)} folds", f"accepted: {len(shapes)}, one per layer")
    convolutions = design.convolutions
    if convolutions:
        _pixel_words(design, folding)
    else:
        _divides(design, "folding.input_word_bits", folding.input_word_bits, shapes[0][0], "network.layers[0]")
    for k, (fold, (mw, mh)) in enumerate(zip(folding.layers, shapes, strict=True)):
        key, connected = f"folding.layers[{k}]", k - len(convolutions)
        if connected < 0:
            neurons, inputs = f"network.convolutions[{k}].filters", f"the elements of a window of convolution {k}"
            _divides(
                design,
                f"{key}.windows",
                fold.windows,
                convolutions[k].out_width,
                f"the windows in a row of convolution {k}",
            )
        else:
            neurons, inputs = f"network.layers[{connected + 1}]", f"network.layers[{connected}]"
            if fold.windows != 1:
                _reject(design, f"{key}.windows", fold.windows, "accepted for a fully connected layer: 1")
        _divides(design, f"{key}.pe", fold.pe, mh, neurons)
        _divides(design, f"{key}.simd", fold.simd, mw, inputs)


def _pixel_words(design: Design, folding: Folding) -> None:
    """Reject words of an image that are not its pixels, and several images at a time."""
    first, planes = design.convolutions[0], design.quantization.input_bits
    if folding.input_word_bits != first.channels * planes:
        accepted = (
            f"accepted before convolutions: {first.channels * planes}, a pixel of {first.channels} × {planes} bits"
        )
        _reject(design, "folding.input_word_bits", folding.input_word_bits, accepted)
    if folding.copies != 1:
        accepted = "accepted with convolutions: 1; the windows of an image share the weights"
        _reject(design, "folding.copies", folding.copies, accepted)


def check_stationary(design: Design, folding: Folding) -> None:
    """A stationary layer holds its whole input still, so a PE takes all of it at once."""
    for k, (fold, (mw, _)) in enumerate(zip(folding.layers, design.shapes, strict=True)):
        if fold.routing == "stationary" and fold.simd != mw:
            _reject(design, f"folding.layers[{k}].simd", fold.simd, f"accepted with stationary routing: {mw}")


def check_broadcast_words(design: Design, folding: Folding) -> None:
    """A broadcast layer with a PE for each neuron takes its words straight from the beats of the layer before.

    A beat holds the `pe` bits that the layer before finishes per cycle (or `input_word_bits` of the image), so the
    one of beat and word must divide the other.
    """
    beats = (folding.input_word_bits, *(fold.pe for fold in folding.layers))
    for k, (fold, (mw, mh)) in enumerate(zip(folding.layers, design.shapes, strict=True)):
        beat = beats[k]
        if fold.routing == "broadcast" and fold.pe == mh and fold.simd % beat and beat % fold.simd:
            fitting = [simd for simd in range(1, mw + 1) if mw % simd == 0 and (simd % beat == 0 or beat % simd == 0)]
            accepted = f"accepted with broadcast routing behind {beat}-bit beats: {', '.join(map(str, fitting[:8]))}"
            _reject(design, f"folding.layers[{k}].simd", fold.simd, accepted)


def check_memory(design: Design) -> None:
    """The weights alone must fit into the device's block RAM, whatever the folding."""
    if excess := excess_of_bits(design.weight_bits, design.board):
        _reject(design, "network.layers", list(design.network.layers), excess)


def excess_of_bits(bits: int, board: Board) -> str:
    """Return by how much so many bits of weights are too many for a board's block RAM; empty if they fit."""
    capacity = board.capacity
    over = bits - capacity.m10k * capacity.m10k_bits
    if over <= 0:
        return ""
    return f"{bits:,} weight bits are {over:,} more than the {capacity.m10k} M10K of {board.device} hold"


def check_method(design: Design) -> None:
    """The method of training is one for weights of that many bits."""
    method, bits = design.method, design.quantization.weight_bits
    accepted = {"xnor_net": 1, "bwn": 1, "ttq": 2, "float": 1}.get(method, bits)
    if bits != accepted:
        _reject(design, "quantization.weight_bits", bits, f"accepted with training.method = {method!r}: {accepted}")


def check_hardware_form(design: Design) -> None:
    """A network becomes integers, and hardware, where no factor depends on the image or on a single weight's sign.

    Raises UserError for a method that is a reference in software alone.
    """
    why = {
        "xnor_net": "its scale beta is each image's own",
        "bwn": "its activations are floats",
        "ttq": "its scales Wp and Wn differ",
        "float": "its weights and activations are floats",
    }.get(design.method)
    if why:
        accepted = f"accepted for hardware: 'bnn'; this one is for `train` alone: {why}"
        _reject(design, "training.method", design.method, accepted)


def check_clock(design: Design) -> None:
    """The clock is the board's oscillator, or one that the PLL makes of it exactly."""
    board = design.board
    oscillator = board.clock.oscillator_mhz
    if board.clock_mhz == oscillator:
        return
    source, wanted = pll.khz(oscillator), pll.khz(board.clock_mhz)
    if board.family != pll.FAMILY or source is None:
        accepted = f"accepted: {oscillator:g}, the board's oscillator; no PLL is known for {board.family}"
        _reject(design, "board.clock_mhz", board.clock_mhz, accepted)
    if wanted is None or pll.counters(source, wanted) is None:
        accepted = f"accepted: {oscillator:g} · M / (N · C) in whole counters of the PLL, in whole kHz"
        near = ", ".join(f"{each / 1000:g}" for each in pll.nearest(source, board.clock_mhz * 1000))
        _reject(design, "board.clock_mhz", board.clock_mhz, f"{accepted}; nearest: {near}")


def check_baud(design: Design) -> None:
    """The serial port divides the clock by whole numbers: samples of a bit, and cycles of a sample."""
    clock_mhz, baud = design.board.clock_mhz, design.board.baud
    cycles = clock_mhz * 1e6 / baud  # of a bit
    nearest = min((n * max(1, round(cycles / n)) for n in SAMPLES_OF_BIT), key=lambda whole: abs(whole - cycles))
    if abs(nearest - cycles) > BAUD_TOLERANCE * cycles:
        accepted = f"within {BAUD_TOLERANCE:.0%} of {clock_mhz:g} MHz / (n · m), n = 5 to 16, m = 1, 2, 3 …"
        rate = clock_mhz * 1e6 / nearest
        _reject(design, "board.baud", baud, f"accepted: {accepted}; the nearest is {rate:.0f}")


def check_weights(design: Design) -> None:
    """The model that a design names is there; where it is trained here, its training is."""
    known = [TRAIN, *sorted(path.name for path in paths.MODELS.glob("*.npz"))]
    if design.weights not in known and not ("/" in design.weights and design.model.is_file()):
        accepted = f"accepted: {', '.join(known)}, or with a / the path of a model"
        _reject(design, "weights", design.weights, accepted)
    if design.weights == TRAIN and design.training is None:
        raise UserError(f"{design.path}: training is missing; needed: {', '.join(Training.model_fields)}")
