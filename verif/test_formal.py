# SPDX-License-Identifier: Apache-2.0
"""Proofs for all time that Streams keep their contract and buffers lose, double and change nothing (docs/formal.md)."""

from pathlib import Path

import pytest

import formal
from bench.builds import elaborated
from bench.configurations import chain
from xnorfpga.base.paths import BUILD

WRAPPERS = Path(__file__).parent / "formal"
# A ring, so that beats are collected, and a streamed layer, whose input is serialized.
HARDWARE = chain(2, 2, (4, 4, "diagonal", 2, 2), (4, 4, "stationary", 4, 4), (4, 3, "broadcast", 3, 2))
UNITS = sorted(file.stem for file in WRAPPERS.glob("[A-Z]*.sv"))


@pytest.fixture(scope="module")
def rtl() -> Path:
    directory = BUILD / "verif" / "formal"
    elaborated({directory: HARDWARE})
    return directory / "rtl" / "Accelerator.v"


def prove(unit: str, rtl: Path, work: Path) -> bool:
    return formal.prove(f"{unit}Proof", WRAPPERS / f"{unit}.sv", [rtl, WRAPPERS / "contract.sv"], work)


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_keeps_its_contracts(unit: str, rtl: Path) -> None:
    assert prove(unit, rtl, BUILD / "verif" / "formal" / unit), f"an assertion of verif/formal/{unit}.sv can be broken"


def changed(rtl: Path, module: str, old: str, new: str) -> str:
    """Return the Verilog with a text of one module replaced."""
    before, start, rest = rtl.read_text(encoding="utf-8").partition(f"\nmodule {module} (")
    assert rest.partition("endmodule")[0].count(old) == 1, f"{module} has no such line any more: {old}"
    return before + start + rest.replace(old, new, 1)


# Unit, and a fault that its proof must find: payload not held, beat lost, beat changed, group lost, wrong at a tie,
# a write in reset, before the first one, to the wrong row, images not held off; credits ignored, too many, never
# returned, results dropped, doubled.
FAULTS = [
    ("Collector", "Collector", "io_input_ready = ((! full) || io_output_ready)", "io_input_ready = 1'b1"),
    ("Serializer", "Serializer", "(io_output_ready && count_willOverflowIfInc)", "io_output_ready"),
    ("Serializer", "Serializer", "vector_data_1 <= {2'd0, _zz_vector_data_1}", "vector_data_1 <= vector_data_1"),
    ("StreamFifo", "StreamFifo", "io_push_ready = (! logic_ptr_full)", "io_push_ready = 1'b1"),
    ("StreamFifo", "StreamFifo", "if((logic_ptr_push == 2'b10))", "if((logic_ptr_push == 2'b11))"),
    ("ImageCollector", "ImageCollector", "(lane[1] || io_input_payload_last)", "lane[1]"),
    ("ImageCollector", "ImageCollector", "((! full) || io_output_ready) && (! blocked)", "(! blocked)"),
    ("ArgMax", "ArgMax", "(best_1 < _zz_best_1)", "(best_1 <= _zz_best_1)"),
    ("ArgMax", "ArgMax", "lanes <= (lanes >>> 1)", "lanes <= 2'b00"),
    ("LoadPort", "LoadPort", "((word_valid && wasReset) && (! reset))", "(word_valid && wasReset)"),
    ("LoadPort", "LoadPort", "((word_valid && wasReset) && (! reset))", "(word_valid && (! reset))"),
    ("LoadPort", "LoadPort", "address <= (address + 2'b01)", "address <= address"),
    ("LoadPort", "LoadPort", "((io_words_valid || word_valid) || loading)", "(io_words_valid || loading)"),
    ("Layer", "Sequencer", "((! last) || (credits != 2'b00))", "1'b1"),
    ("Layer", "Sequencer_1", "credits <= 3'b110", "credits <= 3'b111"),
    ("Layer", "Sequencer_2", "? _zz_credits : _zz_credits_1)", "? _zz_credits : credits)"),
    ("Layer", "Layer", "(pipeline_stage_3_valid && pipeline_stage_3_ROW_ENDS)", "1'b0"),
    ("Layer", "Layer", "(pipeline_stage_3_valid && pipeline_stage_3_ROW_ENDS)", "pipeline_stage_3_valid"),
    ("Layer", "Layer_1", "pipeline_stage_4_valid <= pipeline_stage_3_isValid", "pipeline_stage_4_valid <= 1'b0"),
    ("Layer", "Collector", "full <= 1'b1", "full <= 1'b0"),
    ("Layer", "StreamFifo_1", "io_pop_valid = logic_pop_addressGen_translated_valid", "io_pop_valid = 1'b1"),
]


@pytest.mark.parametrize(("unit", "module", "old", "new"), FAULTS)
def test_a_fault_breaks_the_proof(unit: str, module: str, old: str, new: str, rtl: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.v"
    broken.write_text(changed(rtl, module, old, new), encoding="utf-8")
    assert not prove(unit, broken, tmp_path)
