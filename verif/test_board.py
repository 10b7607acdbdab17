# SPDX-License-Identifier: Apache-2.0
"""The DE1-SoC top level, from the serial port to the display; and behind a pseudo-terminal, with the real driver."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.builds import REGISTERS, elaborated
from bench.configurations import BOARD, BOARDS, Configuration, contents, images, initial_network, network
from xnorfpga.artefacts.hardware import Hardware
from xnorfpga.base.files import read_json, write_text
from xnorfpga.base.paths import BUILD
from xnorfpga.base.strict import check
from xnorfpga.host.accelerator import Accelerator, open_port
from xnorfpga.host.faults import FaultyLine
from xnorfpga.network import golden
from xnorfpga.rtl import board, memory, verilator


def write_memories(directory: Path, seed: int, configuration: Configuration = BOARD) -> golden.Model:
    """Write the memories' content of the network that they hold from the start, and return it."""
    for file, text in contents(configuration, read_json(directory / "manifest.json"), seed).items():
        write_text(directory / "mem" / file, text)
    return initial_network(configuration, seed)


def test_the_board_answers_a_host_on_its_serial_port(seed: int) -> None:
    directory = BUILD / "verif" / "board"
    elaborated({directory: BOARD})
    write_memories(directory, seed)
    sources = [directory / "rtl" / f"{top}.v" for top in ("De1SocTop", "Accelerator")]
    built = verilator.build([*sources, REGISTERS], "De1SocTop", verilator.QUICK)
    variables = {"VERIF_DIRECTORY": str(directory), "VERIF_SEED": str(seed)}
    failed = verilator.run(built, "systems.board", directory / "mem", variables, directory / "run.log", seed)
    assert not failed, f"see {directory / 'run.log'}"


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
