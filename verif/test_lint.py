# SPDX-License-Identifier: Apache-2.0
"""Verilator's lint of the generated Verilog: every warning is an error, but for those with a reason in lint.vlt."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from bench.builds import elaborated
from bench.configurations import BOARD, MUTATED, NAMED, PLL_BOARD
from xnorfpga.base.paths import BUILD
from xnorfpga.rtl import board, verilator

pytestmark = pytest.mark.xdist_group("lint")
WAIVERS = Path(__file__).with_name("lint.vlt")
DESIGNS = {**MUTATED, "rings": NAMED["rings"], "board": BOARD, "board_pll": PLL_BOARD}


@pytest.fixture(scope="module")
def directories() -> list[Path]:
    """Return where the designs lie, each elaborated."""
    wanted = {BUILD / "verif" / name: hardware for name, hardware in DESIGNS.items()}
    elaborated(wanted)
    return list(wanted)


def said(directory: Path, waivers: Path) -> list[str]:
    """Return what lint says of a design's board top level, with the accelerator in it."""
    sources = [directory / "rtl" / f"{top}.v" for top in ("De1SocTop", "Accelerator")]
    return verilator.lint([*sources, board.PLL], "De1SocTop", waivers, [board.IN_STEP])


def test_lint_says_nothing(directories: list[Path]) -> None:
    assert [line for directory in directories for line in said(directory, WAIVERS)] == []


def test_every_waiver_is_needed(directories: list[Path], tmp_path: Path) -> None:
    """Of what lint says without any there is a line that this one, and no other, lets pass."""
    none = tmp_path / "none.vlt"
    none.write_text("`verilator_config\n")
    warnings = {line for directory in directories for line in said(directory, none)}
    waivers = re.findall(r'^lint_off -rule (\w+) -file "(.*?)" -match "(.*)"$', WAIVERS.read_text(), re.MULTILINE)
    assert len(waivers) == WAIVERS.read_text().count("\nlint_off")
    let_pass = [{waiver for waiver in waivers if matches(line, *waiver)} for line in warnings]
    for waiver in waivers:
        assert {waiver} in let_pass, f"lets nothing pass: {waiver}"


def matches(warning: str, rule: str, file: str, message: str) -> bool:
    """Return whether a waiver is for a warning, which has the form `%Warning-RULE: file:line:column: message`."""
    found = re.match(r"%Warning-(\w+): (.*?):\d+:\d+: (.*)", warning)
    return bool(found) and found[1] == rule and fnmatchcase(found[2], file) and fnmatchcase(found[3], message)


def test_lint_sees_a_fault(tmp_path: Path) -> None:
    source = tmp_path / "Wide.v"
    source.write_text("module Wide (input [3:0] a, output [1:0] b); assign b = a; endmodule\n")
    assert any("WIDTH" in line for line in verilator.lint([source], "Wide", WAIVERS))
