# SPDX-License-Identifier: Apache-2.0
"""The DE1-SoC top level, from the serial port to the display; and behind a pseudo-terminal, with the real driver."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.builds import REGISTERS, elaborated
from bench.configurations import (
    BOARD,
    BOARDS,
    PLL_BOARD,
    SLOW_BOARD,
    Configuration,
    contents,
    images,
    initial_network,
    network,
)
from xnorfpga.artefacts.hardware import Hardware
from xnorfpga.base.files import read_json, sha256, write_text
from xnorfpga.base.paths import BUILD
from xnorfpga.base.strict import check
from xnorfpga.host.accelerator import Accelerator, open_port
from xnorfpga.host.faults import FaultyLine
from xnorfpga.network import golden
from xnorfpga.rtl import board, memory, verilator

# What is another's with another clock is the line and what goes over it, not what the board makes of a request
SLOW = "without_a_load|goes_round|once_more|while_the_board_answers|noise"
SERIAL = {"board": (BOARD, ""), "board_slow": (SLOW_BOARD, SLOW)}


def write_memories(directory: Path, seed: int, configuration: Configuration = BOARD) -> golden.Model:
    """Write the memories' content of the network that they hold from the start, and return it."""
    for file, text in contents(configuration, read_json(directory / "manifest.json"), seed).items():
        write_text(directory / "mem" / file, text)
    return initial_network(configuration, seed)


def failed(
    name: str, configuration: Configuration, module: str, seed: int, mistake: str = "", wrong: str = "", tests: str = ""
) -> str:
    """Run a module's tests on the top level of a configuration; return which failed, and where that is said.

    `mistake`: what becomes `wrong` in the Verilog of the board, a regular expression. `tests`: of those that run.
    """
    directory = BUILD / "verif" / name
    elaborated({directory: configuration})
    write_memories(directory, seed, configuration)
    sources, options = [directory / "rtl" / f"{top}.v" for top in ("De1SocTop", "Accelerator")], verilator.QUICK
    work = directory / module
    if check(Hardware, configuration, name).has_pll:
        sources, options = [*sources, board.PLL], (*options, *verilator.TIMED)
    if mistake:
        text, places = re.subn(mistake, wrong, sources[0].read_text(encoding="utf-8"))
        assert places, f"{mistake} is nowhere"
        work = directory / f"wrong_{sha256(text.encode())[:8]}"
        sources[0] = work / sources[0].name
        write_text(sources[0], text)
    built = verilator.build([*sources, REGISTERS], "De1SocTop", options)
    work.mkdir(exist_ok=True)
    variables, log = {"VERIF_DIRECTORY": str(directory), "VERIF_SEED": str(seed)}, work / "run.log"
    if tests:
        variables["COCOTB_TEST_FILTER"] = tests
    names = verilator.run(built, module, directory / "mem", variables, log, seed)
    return f"{', '.join(names)}: see {log}" if names else ""


@pytest.mark.parametrize("name", SERIAL)
def test_the_board_answers_a_host_on_its_serial_port(name: str, seed: int) -> None:
    configuration, tests = SERIAL[name]
    assert not failed(name, configuration, "systems.board", seed, tests=tests)


def test_the_board_runs_on_its_plls_clock_and_by_no_other(seed: int) -> None:
    assert not failed("board_pll", PLL_BOARD, "systems.pll", seed)


@pytest.mark.parametrize(
    ("mistake", "wrong", "noticed"),
    [
        (r"assign clock = pll_outclk\[0\]", "assign clock = CLOCK_50", "the_line_keeps_the_plls_time"),
        (r"110\.000000 MHz", "109.500000 MHz", "the_line_keeps_the_plls_time"),
        (r"\.locked {2,}\(pll_locked", ".locked (1'b1", "nothing_comes_in_before_the_lock"),
        (" or (negedge locked|posedge unlocked)", "", "an_oscillator_that_stops_resets"),  # a reset that needs a clock
    ],
)
def test_a_mistake_at_the_pll_is_noticed(mistake: str, wrong: str, noticed: str, seed: int) -> None:
    assert noticed in failed("board_pll", PLL_BOARD, "systems.pll", seed, mistake, wrong, noticed)


@pytest.fixture
def simulated(seed: int) -> Iterator[tuple[str, golden.Model]]:
    """The port of a simulated board, and the network that it holds."""
    directory = BUILD / "verif" / "board_sim"
    program = board.build(check(Hardware, BOARD, "BOARD"), directory)
    model = write_memories(directory, seed)
    with board.simulated(program, directory / "mem") as simulation:
        yield simulation.port, model


def test_the_driver_loads_and_classifies(simulated: tuple[str, golden.Model], seed: int) -> None:
    port, model = simulated
    vectors = images(BOARD, np.random.default_rng(seed), 200)
    with Accelerator(port) as accelerator:
        before = accelerator.counters()
        for _ in range(2):
            came, expected = accelerator.run(vectors, with_scores=True), golden.infer(model, vectors)
            assert (came.classes == expected.classes).all() and (came.scores == expected.scores).all()
            model = network(BOARD, np.random.default_rng(seed + 1), "uniform")
            accelerator.load(memory.load_bytes(read_json(BUILD / "verif" / "board_sim" / "manifest.json"), model))
        counted = accelerator.counters().since(before)
    assert (counted.images, counted.damaged, counted.errors) == (400, 0, 0)
    with Accelerator(port) as accelerator:  # another session on the same board
        assert (accelerator.classify(vectors) == golden.infer(model, vectors).classes).all()


@pytest.mark.parametrize("name", BOARDS)
def test_frames_of_other_sizes(name: str, seed: int) -> None:
    configuration, directory = BOARDS[name], BUILD / "verif" / f"board_{name.replace(' ', '_')}"
    program = board.build(check(Hardware, configuration, name), directory)
    model = write_memories(directory, seed, configuration)
    rng = np.random.default_rng(seed)
    with board.simulated(program, directory / "mem") as simulation, Accelerator(simulation.port) as accelerator:
        vectors = images(configuration, rng, accelerator.identity.images_per_frame + 1)
        for _ in range(2):
            came, expected = accelerator.run(vectors, with_scores=True), golden.infer(model, vectors)
            assert (came.classes == expected.classes).all() and (came.scores == expected.scores).all()
            model = network(configuration, rng, "uniform")
            accelerator.load(memory.load_bytes(read_json(directory / "manifest.json"), model))


def test_no_fault_of_the_line_makes_a_wrong_answer(simulated: tuple[str, golden.Model], seed: int) -> None:
    """Models are loaded and images classified through it; each image is done once."""
    port, _ = simulated
    line = FaultyLine(open_port(port), seed)
    accelerator = Accelerator(line, attempts=1000, patience_s=0.02)
    manifest = read_json(BUILD / "verif" / "board_sim" / "manifest.json")
    before, rng, count = accelerator.counters(), np.random.default_rng(seed), 0
    while line.faults.total() < 500:
        model, vectors = network(BOARD, rng, "uniform"), images(BOARD, rng, 60)
        line.rate = 1 / 1000
        accelerator.load(memory.load_bytes(manifest, model))
        line.rate = 1 / 100
        assert (accelerator.classify(vectors) == golden.infer(model, vectors).classes).all()
        count += len(vectors)
    line.rate = 0.0
    counted = accelerator.counters().since(before)
    assert counted.images == count and counted.damaged > 50
    assert min(line.faults.values()) > 50
    accelerator.close()
