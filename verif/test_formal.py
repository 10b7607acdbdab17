# SPDX-License-Identifier: Apache-2.0
"""Proofs for all time that Streams keep their contract and buffers lose, double and change nothing (docs/formal.md)."""

from pathlib import Path

import pytest

import formal
from builds import elaborated
from configurations import chain
from xnorfpga.common import BUILD

WRAPPERS = Path(__file__).parent / "formal"
# A ring, so that beats are collected, and a streamed layer, whose input is serialized.
HARDWARE = chain(2, 2, (4, 4, "diagonal", 2, 2), (4, 4, "stationary", 4, 4), (4, 3, "broadcast", 3, 2))
UNITS = sorted(file.stem for file in WRAPPERS.glob("[A-Z]*.sv"))


@pytest.fixture(scope="module")
def rtl() -> Path:
    directory = BUILD / "verif" / "formal"
    elaborated({directory: HARDWARE})
    return directory / "rtl" / "Accelerator.v"


def prove(unit: str, rtl: Path) -> bool:
    sources = [rtl, WRAPPERS / "contract.sv"]
    return formal.prove(f"{unit}Proof", WRAPPERS / f"{unit}.sv", sources, BUILD / "verif" / "formal" / unit)


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_keeps_its_contracts(unit: str, rtl: Path) -> None:
    assert prove(unit, rtl), f"an assertion of verif/formal/{unit}.sv can be broken"
