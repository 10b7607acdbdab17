# SPDX-License-Identifier: Apache-2.0
"""The stage fold: the folding that stands in a design, or the one that the solver finds for its goal → `folding.json`.

The solver runs nowhere else in the flow: who needs the folding reads the file.
"""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from xnorfpga.artefacts.folding import Folding, LayerFold
from xnorfpga.base.errors import UserError
from xnorfpga.design import checks, solver
from xnorfpga.design.folding import ONE_BIT, WEIGHT_BITS, Block, Operands, Prediction
from xnorfpga.design.hardware import operands as operands_of
from xnorfpga.design.schema import Board, CyclesGoal, Design, Goal, LogicGoal, RateGoal
from xnorfpga.design.solver import Network


def fold(design: Design, build: Path) -> None:
    """Write the design's folding to `folding.json`.

    Raises UserError where nothing reaches its goal, with what limits it, and for a network that has no hardware form.
    """
    checks.check_hardware_form(design)
    folding_of(design).write(build / "folding.json")


def folding_of(design: Design) -> Folding:
    """Return the folding that stands in the design, else the one that the solver finds for its goal.

    Raises UserError where nothing reaches the goal, with what limits it.
    """
    if isinstance(design.folding, Folding):
        return design.folding
    try:
        found = solve(network_of(design), design.board, design.folding, operands_of(design))
    except UserError as error:
        raise UserError(f"{design.path}: folding: {error}") from None
    keys = ("routing", "pe", "simd", "windows")
    layers = [{key: getattr(layer, key) for key in keys} for layer in found.layers]
    folding = Folding(
        copies=found.copies, input_word_bits=found.input_word_bits, layers=tuple(map(LayerFold.model_validate, layers))
    )
    checks.check_folding(design, folding)
    return folding


def network_of(design: Design) -> Network:
    """Return what is folded of a design."""
    return Network(design.network.layers, design.convolutions)


def solve(network: Network, board: Board, goal: Goal, operands: Operands = ONE_BIT) -> Prediction:
    """Return the smallest folding that reaches a goal; "auto": the fastest that fits.

    Raises UserError where none does, with what limits it.
    """
    _check_weights(network, board, operands)
    there = device(board)
    match goal:
        case CyclesGoal():
            cycles = Fraction(goal.cycles_per_image)
        case RateGoal():
            cycles = Fraction(board.clock_mhz * 1e6 / goal.images_per_second)
        case LogicGoal():
            there = replace(there, alms=min(goal.alms, there.alms))
            return solver.fastest(network, there, operands).prediction
        case _:
            return solver.fastest(network, there, operands).prediction
    return solver.smallest(network, there, cycles, operands).prediction


def front(network: Network, board: Board, operands: Operands = ONE_BIT) -> list[solver.Solution]:
    """Return the Pareto front of cycles per image against ALMs, the fastest first.

    Raises UserError where the network fits in no folding.
    """
    _check_weights(network, board, operands)
    return solver.front(network, device(board), operands)


def _check_weights(network: Network, board: Board, operands: Operands) -> None:
    *hidden, last = (mw * mh for mw, mh, _ in network.layers)
    if excess := checks.excess_of_bits(sum(hidden) * WEIGHT_BITS[operands.weights] + last, board):
        raise UserError(f"{network}: {excess}")


def device(board: Board) -> solver.Device:
    """Return what a folding has to fit on a board."""
    capacity = board.capacity
    block = Block(capacity.m10k_bits, capacity.m10k_max_width, board.read_cycles)
    return solver.Device(board.device, capacity.alms, capacity.m10k, block)
