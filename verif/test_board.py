# SPDX-License-Identifier: Apache-2.0
"""The DE1-SoC top level, from the serial port to the display."""

from bench.builds import elaborated
from bench.configurations import BOARD, initial_network
from xnorfpga.base.files import read_json, write_text
from xnorfpga.base.paths import BUILD
from xnorfpga.rtl import memory, verilator


def test_the_board_answers_a_host_on_its_serial_port(seed: int) -> None:
    directory = BUILD / "verif" / "board"
    elaborated({directory: BOARD})
    model = initial_network(BOARD, seed)
    for file, text in memory.images(read_json(directory / "manifest.json"), model).items():
        write_text(directory / "mem" / file, text)
    sources = [directory / "rtl" / f"{top}.v" for top in ("De1SocTop", "Accelerator")]
    built = verilator.build(sources, "De1SocTop", verilator.QUICK)
    variables = {"VERIF_DIRECTORY": str(directory), "VERIF_SEED": str(seed)}
    failed = verilator.run(built, "systems.board", directory / "mem", variables, directory / "run.log", seed)
    assert not failed, f"see {directory / 'run.log'}"
