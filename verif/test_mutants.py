# SPDX-License-Identifier: Apache-2.0
"""Mutants: what counts as equivalent, and what is reported. A run on real mutants takes a quarter of an hour."""

import json
from pathlib import Path

import pytest

import mutants
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import write_json, write_text
from xnorfpga.synth import yosys

# A register behind a valid: what it holds without one is nobody's business.
ACCELERATOR = """\
module Accelerator (input clk, input reset, input in_valid, input [1:0] in_payload,
                    output reg out_valid, output reg [1:0] out_payload);
  always @(posedge clk) begin
    out_valid <= in_valid & ~reset;
    out_payload <= in_payload & {2{in_valid}};
  end
endmodule
"""
MANIFEST = {
    "ports": [
        {"name": name, "direction": direction, "width": width}
        for name, direction, width in (
            ("clk", "in", 1), ("reset", "in", 1), ("in_valid", "in", 1), ("in_payload", "in", 2),
            ("out_valid", "out", 1), ("out_payload", "out", 2),
        )
    ]
}  # fmt: skip


@pytest.fixture
def job(tmp_path: Path) -> mutants.Job:
    write_text(tmp_path / "rtl" / "Accelerator.v", ACCELERATOR)
    write_text(tmp_path / "memories.v", "")
    write_text(tmp_path / "observed.v", mutants.observed(MANIFEST))
    yosys.execute(mutants.DRAW.format(mutants=100, seed=1, bits=16), tmp_path / "draw.ys", tmp_path / "draw.log")
    return mutants.Job(tmp_path, tmp_path, tmp_path / "results", 1)


def test_only_what_cannot_be_seen_is_proven_equivalent(job: mutants.Job) -> None:
    """Stuck at 1, the enable of the payload shows only without a valid; its own bits inverted show with one."""
    drawn = mutants.drawn(job.work)
    assert len({mutant.number for mutant in drawn}) == len(drawn) > 10

    def chosen(mode: str, kind: str, port: str) -> mutants.Mutant:
        return next(
            mutant for mutant in drawn
            if (mutant.parameters["-mode"], mutant.parameters["-port"]) == (mode, port)
            and mutant.parameters["-cell"].startswith(kind) and mutant.parameters["-portbit"] == "0"
            and ":5$" in mutant.parameters["-cell"]
        )  # fmt: skip

    assert mutants.equivalent(job, chosen("const1", "$and$", "B"))
    assert not mutants.equivalent(job, chosen("inv", "$and$", "A"))
    clock = next(mutant for mutant in drawn if mutant.parameters["-port"] == "CLK")
    assert not mutants.equivalent(job, clock)
    assert "Accelerator: inv at and.A[0]" in chosen("inv", "$and$", "A").place


def test_lanes_of_a_tap_without_an_image_are_not_observed() -> None:
    ports = [("taps_0_valid", 1), ("taps_0_payload", 6), ("taps_0_lanes", 2)]
    manifest = {"ports": [{"name": name, "direction": "out", "width": width} for name, width in ports]}
    text = mutants.observed(manifest)
    assert "{{3{raw_taps_0_lanes[1]}}, {3{raw_taps_0_lanes[0]}}}" in text


def test_the_summary_is_that_of_the_last_run_else_of_the_page(tmp_path: Path, monkeypatch, capsys) -> None:
    results = [
        {"number": 1, "verdict": "killed", "killer": "a_test", "place": "Unit: inv at add.Y[0]", "command": "mutate 1"},
        {"number": 2, "verdict": "survivors", "killer": None, "place": "Unit: inv at add.Y[1]", "command": "mutate 2"},
    ]
    figures = {
        "mutants": 2, "killed": 1, "equivalent": 0, "survivors": 1, "killed_percent": 50.0, "date": "2026-01-01",
        "seed": 1, "command": "python verif/mutants.py",
    }  # fmt: skip
    for name in ("SUMMARY", "TABLE", "SURVIVORS"):
        monkeypatch.setattr(mutants, name, tmp_path / name)
    with pytest.raises(UserError, match="mutants"):
        mutants.figures()
    write_text(mutants.SURVIVORS, '"mutate 2" = "a reason"\n')
    mutants.publish({**figures, "results": results})
    page = mutants.TABLE.read_text()
    assert "| `a_test` | 1 |" in page and "a reason" in page
    mutants.main(["--summary", "--json"])
    assert json.loads(capsys.readouterr().out) == figures
    write_json(mutants.SUMMARY, {**figures, "killed": 2, "results": []})
    assert mutants.figures()["killed"] == 2


def test_a_share_is_rounded_down() -> None:
    assert (mutants.percent(969, 1000), mutants.percent(9699, 10000), mutants.percent(0, 0)) == (96.9, 96.9, 100.0)


def test_bad_counts_are_refused(capsys) -> None:
    with pytest.raises(SystemExit):
        mutants.main(["--mutants", "0"])
    assert "accepted: a whole number of at least 1" in capsys.readouterr().err
