# SPDX-License-Identifier: Apache-2.0
"""A design file: network, quantization, training, folding and board in one TOML, loaded strictly.

Only primary parameters stand in it. An unknown or missing key, a wrong type, an impossible value or fold is one line
that names the file, the key, the value and what would be accepted; the accepted range stands beside each field.
"""

import dataclasses
import tomllib
import typing
from dataclasses import dataclass, field, fields, is_dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from xnorfpga.base.errors import UserError
from xnorfpga.base.paths import BOARDS, DESIGNS, MODELS
from xnorfpga.data.mnist import DATASETS
from xnorfpga.design import solver
from xnorfpga.design.folding import Block, Prediction

ROUTINGS = ("stationary", "diagonal", "broadcast")
TRAIN = "train"  # the value of `weights` that trains instead of taking a published model


def _within(low: float, high: float) -> Any:
    """Return a field whose number lies in [low, high]."""
    return field(metadata={"accepts": f"{low:g} to {high:g}", "test": lambda value: low <= value <= high})


def _among(*values: Any) -> Any:
    """Return a field that is one of the values."""
    return field(metadata={"accepts": " or ".join(repr(value) for value in values), "test": values.__contains__})


@dataclass(frozen=True)
class Network:
    """Which digits, and the neurons of each layer, the inputs first."""

    dataset: str = _among(*DATASETS)
    layers: tuple[int, ...] = _within(1, 65536)


@dataclass(frozen=True)
class Quantization:
    """Bits of a weight and of an activation; a pixel of at least `input_threshold` is +1."""

    weight_bits: int = _among(1)
    activation_bits: int = _among(1)
    input_threshold: int = _within(1, 255)


@dataclass(frozen=True)
class Training:
    """How the network is trained.

    `images` is how many training images it is shown in all, so a training takes as long on 4,000 digits as on
    55,000: it only passes over them more often.
    """

    images: int = _within(1, 1e9)
    batch_size: int = _within(2, 65536)
    learning_rate: float = _within(1e-9, 10)
    dropout: float = _within(0, 0.9)
    shift_pixels: int = _within(0, 8)
    seed: int = _within(0, 2**31 - 1)


@dataclass(frozen=True)
class LayerFold:
    """How one layer is folded: `pe` neurons and `simd` inputs a cycle, and how inputs reach the PEs."""

    routing: str = _among(*ROUTINGS)
    pe: int = _within(1, 65536)
    simd: int = _within(1, 65536)


@dataclass(frozen=True)
class Folding:
    """`copies` images share every weight read; `input_word_bits` of an image enter a cycle; one fold a layer."""

    copies: int = _within(1, 64)
    input_word_bits: int = _within(1, 65536)
    layers: tuple[LayerFold, ...] = ()


AUTO = "auto"  # the value of `folding` that asks for the fastest that fits


@dataclass(frozen=True)
class CyclesGoal:
    """Instead of a folding: the smallest one that takes at most so many cycles an image."""

    cycles_per_image: float = _within(1, 1e9)


@dataclass(frozen=True)
class RateGoal:
    """Instead of a folding: the smallest one that does so many images a second at the board's clock."""

    images_per_second: float = _within(1e-3, 1e9)


GOALS = {"cycles_per_image": CyclesGoal, "images_per_second": RateGoal}
UNSOLVED = {"copies": 1, "input_word_bits": 1, "layers": []}  # stands in a file's place of a folding to be solved


@dataclass(frozen=True)
class BoardChoice:
    """Which board of boards/, and the clock in MHz that the design shall run at."""

    name: str
    clock_mhz: float = _within(1, 500)


@dataclass(frozen=True)
class Clock:
    """The board's oscillator: the port of the top level that it drives, and its frequency."""

    name: str
    oscillator_mhz: float = _within(1, 1000)


@dataclass(frozen=True)
class Capacity:
    """What the device has: ALMs, M10K blocks of so many bits and at most so wide a read, DSP blocks."""

    alms: int = _within(1, 1e7)
    m10k: int = _within(0, 1e6)
    m10k_bits: int = _within(1, 1e6)
    m10k_max_width: int = _within(1, 1e4)
    dsps: int = _within(0, 1e6)


@dataclass(frozen=True)
class BoardFile:
    """A boards/NAME/board.toml."""

    name: str
    device: str
    family: str
    clock: Clock
    capacity: Capacity


@dataclass(frozen=True)
class Board:
    """The board a design is for, and the clock in MHz that it shall run at."""

    name: str
    clock_mhz: float
    device: str
    family: str
    clock: Clock
    capacity: Capacity


@dataclass(frozen=True)
class Design:
    """One design. `weights` is "train" or the file name of a published model in sw/models."""

    name: str
    path: Path
    weights: str
    network: Network
    quantization: Quantization
    training: Training
    folding: Folding
    board: Board

    @property
    def published(self) -> bool:
        """Whether the weights come from a published model instead of this machine's training."""
        return self.weights != TRAIN

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(MW, MH), inputs and outputs, of each layer."""
        return tuple(zip(self.network.layers, self.network.layers[1:], strict=False))


@dataclass(frozen=True)
class _File:
    """The tables of a design file."""

    weights: str
    network: Network
    quantization: Quantization
    training: Training
    folding: Folding
    board: BoardChoice


def names() -> list[str]:
    """Return the names of all designs of sw/designs."""
    return sorted(path.stem for path in DESIGNS.glob("*.toml"))


def load(name_or_path: str | Path) -> Design:
    """Load the design of that name in sw/designs, or the design file at that path (it ends in .toml).

    Raises UserError, one line, for everything that cannot be built.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = DESIGNS / f"{name_or_path}.toml"
        if not path.is_file():
            raise UserError(f"design {str(name_or_path)!r} is unknown; accepted: {', '.join(names())} or a .toml file")
    raw = _read_toml(path)
    goal = _take_goal(raw, path)
    file: _File = _build(_File, raw, path, "")
    design = Design(
        path.stem,
        path,
        file.weights,
        file.network,
        file.quantization,
        file.training,
        file.folding,
        _board(path, file.board),
    )
    if goal:
        _check_network(design)
        design = dataclasses.replace(design, folding=_solved(design, goal))
    for check in CHECKS:
        check(design)
    return design


def device(board: Board) -> solver.Device:
    """Return what a folding has to fit on a board."""
    capacity = board.capacity
    block = Block(capacity.m10k_bits, capacity.m10k_max_width)
    return solver.Device(board.device, capacity.alms, capacity.m10k, block)


def board(name: str, clock_mhz: float = 50) -> Board:
    """Return the board of that name in boards/, with a clock.

    Raises UserError for an unknown one.
    """
    return _board(Path("--board"), BoardChoice(name, clock_mhz))


def _take_goal(raw: dict[str, Any], path: Path) -> str | CyclesGoal | RateGoal | None:
    """Take a goal out of the raw file, where it stands in the place of a folding."""
    given = raw.get("folding")
    if given == AUTO:
        goal: str | CyclesGoal | RateGoal = AUTO
    elif isinstance(given, dict) and len(given) == 1 and set(given) <= set(GOALS):
        goal = _build(GOALS[next(iter(given))], given, path, "folding")
    elif isinstance(given, str):
        raise UserError(f'{path}: folding = {_show(given)}: accepted: "{AUTO}", or a table')
    else:
        return None
    raw["folding"] = UNSOLVED
    return goal


def _solved(design: Design, goal: str | CyclesGoal | RateGoal) -> Folding:
    """Return the folding that the solver finds."""
    cycles = None
    if isinstance(goal, CyclesGoal):
        cycles = goal.cycles_per_image
    if isinstance(goal, RateGoal):
        cycles = design.board.clock_mhz * 1e6 / goal.images_per_second
    try:
        found = solve(design.network.layers, design.board, cycles)
    except UserError as error:
        raise UserError(f"{design.path}: folding: {error}") from None
    layers = tuple(LayerFold(layer.routing, layer.pe, layer.simd) for layer in found.layers)
    return Folding(found.copies, found.input_word_bits, layers)


@cache
def solve(network: tuple[int, ...], board: Board, cycles_per_image: float | None) -> Prediction:
    """Return the smallest folding that takes at most so many cycles an image; None: the fastest that fits.

    Raises UserError where none does, with what limits it.
    """
    if cycles_per_image is None:
        return solver.fastest(network, device(board)).prediction
    return solver.smallest(network, device(board), Fraction(cycles_per_image)).prediction


def read_table(table: type, path: Path) -> Any:
    """Read a TOML file as the frozen dataclass `table`, nested ones included, with every key and no other.

    Raises UserError where the file is absent or no TOML, and for each key as the module says.
    """
    return _build(table, _read_toml(path), path, "")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid TOML: {error}") from None


def _build(table: type, raw: Any, path: Path, key: str) -> Any:
    """Return the dataclass `table` from the TOML table `raw` found under the dotted `key`."""
    dot = f"{key}." if key else ""
    known = {each.name: each for each in fields(table)}
    if not isinstance(raw, dict):
        raise UserError(f"{path}: {key} = {_show(raw)}: accepted: a table with {', '.join(known)}")
    for name in raw:
        if name not in known:
            raise UserError(f"{path}: {dot}{name} = {_show(raw[name])}: unknown key; accepted: {', '.join(known)}")
    for name in known:
        if name not in raw:
            raise UserError(f"{path}: {dot}{name} is missing; needed: {', '.join(known)}")
    hints = typing.get_type_hints(table)
    return table(**{name: _value(hints[name], each, raw[name], path, dot + name) for name, each in known.items()})


def _value(hint: Any, each: Any, raw: Any, path: Path, key: str) -> Any:
    """Return `raw` checked against the type `hint` and the range of the field `each`."""
    if typing.get_origin(hint) is tuple:
        if not isinstance(raw, list):
            raise UserError(f"{path}: {key} = {_show(raw)}: accepted: a list")
        element = typing.get_args(hint)[0]
        return tuple(_value(element, each, value, path, f"{key}[{index}]") for index, value in enumerate(raw))
    if is_dataclass(hint):
        return _build(typing.cast(type, hint), raw, path, key)
    accepted = (int, float) if hint is float else hint
    if not isinstance(raw, accepted) or isinstance(raw, bool):
        kind = {int: "a whole number", float: "a number", str: "a text in quotes"}[hint]
        raise UserError(f"{path}: {key} = {_show(raw)}: accepted: {kind}")
    if "test" in each.metadata and not each.metadata["test"](raw):
        raise UserError(f"{path}: {key} = {_show(raw)}: accepted: {each.metadata['accepts']}")
    return hint(raw)


def _show(value: Any) -> str:
    """Return a value as it stands in the file, short enough for one line."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _board(path: Path, choice: BoardChoice) -> Board:
    """Return the board of that name in boards/."""
    known = sorted(file.parent.name for file in BOARDS.glob("*/board.toml"))
    if choice.name not in known:
        raise UserError(f"{path}: board.name = {choice.name!r}: accepted: {', '.join(known)}")
    file: BoardFile = read_table(BoardFile, BOARDS / choice.name / "board.toml")
    return Board(file.name, choice.clock_mhz, file.device, file.family, file.clock, file.capacity)


def _reject(design: Design, key: str, value: Any, why: str) -> typing.NoReturn:
    raise UserError(f"{design.path}: {key} = {_show(value)}: {why}")


def _divides(design: Design, key: str, value: int, total: int, of: str) -> None:
    """Reject a value that does not divide the total, and name the nearest that do."""
    if total % value:
        divisors = [each for each in range(1, total + 1) if total % each == 0]
        nearest = sorted(sorted(divisors, key=lambda each: (abs(each - value), each))[:4])
        _reject(design, key, value, f"does not divide {of} ({total}); nearest that do: {', '.join(map(str, nearest))}")


def _check_network(design: Design) -> None:
    inputs, classes = DATASETS[design.network.dataset]
    layers = design.network.layers
    if len(layers) < 2 or layers[0] != inputs or layers[-1] != classes:
        accepted = f"accepted for {design.network.dataset}: [{inputs}, hidden layers, {classes}]"
        _reject(design, "network.layers", list(layers), accepted)


def _check_folds(design: Design) -> None:
    folding, shapes = design.folding, design.shapes
    if len(folding.layers) != len(shapes):
        _reject(design, "folding.layers", f"{len(folding.layers)} folds", f"accepted: {len(shapes)}, one a layer")
    _divides(design, "folding.input_word_bits", folding.input_word_bits, shapes[0][0], "network.layers[0]")
    for k, (fold, (mw, mh)) in enumerate(zip(folding.layers, shapes, strict=True)):
        _divides(design, f"folding.layers[{k}].pe", fold.pe, mh, f"network.layers[{k + 1}]")
        _divides(design, f"folding.layers[{k}].simd", fold.simd, mw, f"network.layers[{k}]")


def _check_stationary(design: Design) -> None:
    """A stationary layer holds its whole input still, so a PE takes all of it at once."""
    for k, (fold, (mw, _)) in enumerate(zip(design.folding.layers, design.shapes, strict=True)):
        if fold.routing == "stationary" and fold.simd != mw:
            _reject(design, f"folding.layers[{k}].simd", fold.simd, f"accepted with stationary routing: {mw}")


def _check_broadcast_words(design: Design) -> None:
    """A broadcast layer with a PE for each neuron takes its words straight from the beats of the layer before.

    A beat holds the `pe` bits that the layer before finishes in a cycle (or `input_word_bits` of the image), so the
    one of beat and word must divide the other.
    """
    beats = (design.folding.input_word_bits, *(fold.pe for fold in design.folding.layers))
    for k, (fold, (mw, mh)) in enumerate(zip(design.folding.layers, design.shapes, strict=True)):
        beat = beats[k]
        if fold.routing == "broadcast" and fold.pe == mh and fold.simd % beat and beat % fold.simd:
            fitting = [simd for simd in range(1, mw + 1) if mw % simd == 0 and (simd % beat == 0 or beat % simd == 0)]
            accepted = f"accepted with broadcast routing behind {beat}-bit beats: {', '.join(map(str, fitting[:8]))}"
            _reject(design, f"folding.layers[{k}].simd", fold.simd, accepted)


def _check_memory(design: Design) -> None:
    """The weights alone must fit into the device's block RAM, whatever the folding."""
    bits = sum(mw * mh for mw, mh in design.shapes) * design.quantization.weight_bits
    capacity = design.board.capacity
    over = bits - capacity.m10k * capacity.m10k_bits
    if over > 0:
        why = f"{bits:,} weight bits are {over:,} more than the {capacity.m10k} M10K of {design.board.device} hold"
        _reject(design, "network.layers", list(design.network.layers), why)


def _check_weights(design: Design) -> None:
    if design.published and not (MODELS / design.weights).is_file():
        known = [TRAIN, *sorted(path.name for path in MODELS.glob("*.npz"))]
        _reject(design, "weights", design.weights, f"accepted: {', '.join(known)}")


def _check_clock(design: Design) -> None:
    """The board's oscillator is the clock: no PLL is generated, so another figure would only be claimed."""
    oscillator = design.board.clock.oscillator_mhz
    if design.board.clock_mhz != oscillator:
        _reject(design, "board.clock_mhz", design.board.clock_mhz, f"accepted: {oscillator:g}, the board's oscillator")


CHECKS = (
    _check_clock,
    _check_network,
    _check_folds,
    _check_stationary,
    _check_broadcast_words,
    _check_memory,
    _check_weights,
)
