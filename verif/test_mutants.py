# SPDX-License-Identifier: Apache-2.0
"""Mutants: where they are drawn, what counts as equivalent, and what is reported. A run on real ones takes minutes."""

import json
from pathlib import Path

import pytest

import mutants
from bench.builds import elaborated
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import write_json, write_text
from xnorfpga.base.paths import BUILD
from xnorfpga.design import designs
from xnorfpga.design.fold import folding_of
from xnorfpga.design.hardware import hardware

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
    "top": "Accelerator",
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
    write_text(tmp_path / "closed.v", "")
    write_text(tmp_path / "observed.v", mutants.observed("Accelerator", MANIFEST))
    mutants.draw(tmp_path, "Accelerator", "Memory_*", ["rtl/Accelerator.v"], 100, 1)
    return mutants.Job("registered", tmp_path, tmp_path, tmp_path / "results", 1)


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


def test_no_fault_hides_a_register_that_the_bench_sets(job: mutants.Job) -> None:
    """Behind a fault at its output the register's name is a wire's."""
    variables = job.work / "opened.vlt"
    write_text(variables, 'public_flat_rw -module "Accelerator" -var "out_payload"\n')

    def outputs() -> list[str]:
        at_outputs = (mutant for mutant in mutants.drawn(job.work) if mutant.parameters["-port"] == "Q")
        return [mutant.parameters["-wire"] for mutant in at_outputs]

    assert "out_payload" in outputs()
    mutants.draw(job.work, "Accelerator", "Memory_*", ["rtl/Accelerator.v"], 100, 1, [variables])
    assert "out_payload" not in outputs() and "out_valid" in outputs()


def test_what_a_constant_is_already_changes_no_step(tmp_path: Path) -> None:
    """A number that is compared with, its bits stuck at what they are, and at what they are not."""
    compared = ACCELERATOR.replace("in_valid & ~reset", "in_payload == 2'd2")
    assert compared != ACCELERATOR
    write_text(tmp_path / "rtl" / "Accelerator.v", compared)
    mutants.draw(tmp_path, "Accelerator", "Memory_*", ["rtl/Accelerator.v"], 200, 1)
    job = mutants.Job("registered", tmp_path, tmp_path, tmp_path / "results", 1)
    proven = {
        (mutant.parameters["-mode"], mutant.parameters["-portbit"]): mutants.same_step(job, mutant)
        for mutant in mutants.drawn(tmp_path)
        if "$eq$" in mutant.parameters["-cell"] and mutant.parameters["-port"] == "B"
        and mutant.parameters["-mode"].startswith("const")
    }  # fmt: skip
    assert proven == {("const0", "0"): True, ("const1", "0"): False, ("const0", "1"): False, ("const1", "1"): True}


def test_lanes_of_a_tap_without_an_image_are_not_observed() -> None:
    ports = [("probes_0_valid", 1), ("probes_0_payload", 6), ("probes_0_lanes", 2)]
    manifest = {
        "top": "Accelerator", "ports": [{"name": name, "direction": "out", "width": width} for name, width in ports]
    }  # fmt: skip
    text = mutants.observed("Accelerator", manifest)
    assert "{{3{raw_probes_0_lanes[1]}}, {3{raw_probes_0_lanes[0]}}}" in text


REPRESENTED = (
    *("mnist", "mnist_low_latency", "mnist_paper", "mnist_100mhz", "mnist_horq", "mnist_ttq"),
    *("mnist_conv", "cifar_cnv"),
)


def test_faults_are_drawn_in_every_kind_of_unit() -> None:
    """Of the designs that stand for all; where a unit's kind is missing here, no mutant speaks for it."""
    root = BUILD / "verif"
    drawn_in = {name: design.hardware for name, design in mutants.DESIGNS.items()}
    chosen = {name: designs.load(name) for name in REPRESENTED}
    represented = {name: hardware(design, folding_of(design)).model_dump() for name, design in chosen.items()}
    elaborated({root / name: each for name, each in {**drawn_in, **represented}.items()})
    mutated = {name: mutants.kinds(root / name, design.top) for name, design in mutants.DESIGNS.items()}
    wanted = {name: mutants.kinds(root / name, "Accelerator", "De1SocTop") for name in represented}
    missing = {name: sorted(kinds.difference(*mutated.values())) for name, kinds in wanted.items()}
    assert not any(missing.values()), missing
    for name in mutated:  # without any one of them a kind is missing, and shows
        others = set().union(*(kinds for other, kinds in mutated.items() if other != name))
        assert set().union(*wanted.values()) - others, f"{name} holds nothing that the others do not"


RESULTS = [
    {
        "design": "registered",
        "number": 1,
        "verdict": "killed",
        "killer": "a_test",
        "place": "Unit: a",
        "command": "one",
    },
    {"design": "registered", "number": 2, "verdict": "survivors", "killer": None, "place": "Unit: b", "command": "two"},
    {"design": "board", "number": 1, "verdict": "equivalent", "killer": None, "place": "Top: c", "command": "one"},
]
RUN = {"seed": 3, "date": "2026-01-01", "command": "python a", "sources": "", "cpu_minutes": 1}


def test_figures_are_of_all_and_of_each_design() -> None:
    figures = mutants.figures(RESULTS)
    assert [figures[key] for key in ("mutants", *mutants.VERDICTS)] == [3, 1, 1, 1]
    assert (figures["killed_percent"], figures["interval"]) == (50.0, mutants.wilson(1, 2))
    assert figures["designs"] == {
        "registered": {"mutants": 2, "killed": 1, "equivalent": 0, "survivors": 1},
        "board": {"mutants": 1, "killed": 0, "equivalent": 1, "survivors": 0},
    }


def test_the_interval_is_wilsons() -> None:
    assert mutants.wilson(10, 10) == [72.2, 100.0]  # 1 / (1 + z²/n)
    assert mutants.wilson(81, 263, 0.95) == [25.5, 36.7]  # E. B. Wilson's form, as tabulated in Newcombe (1998)
    assert mutants.wilson(0, 0) == [0.0, 100.0]


@pytest.fixture
def files(tmp_path: Path, monkeypatch) -> Path:
    for name in ("LEDGER", "TABLE", "SURVIVORS"):
        monkeypatch.setattr(mutants, name, tmp_path / name)
    write_json(mutants.LEDGER, [])
    write_text(mutants.SURVIVORS, '[registered]\n"two" = "a reason"\n')
    return tmp_path


def test_what_is_published_stays_in_the_ledger_and_on_the_page(files: Path, capsys) -> None:
    mutants.publish({**mutants.figures(RESULTS), **RUN, "results": RESULTS})
    mutants.publish({**mutants.figures(RESULTS[:2]), **RUN, "seed": 4, "command": "b", "results": RESULTS[:2]})
    mutants.publish({**mutants.figures(RESULTS[:1]), **RUN, "seed": 4, "command": "b", "results": RESULTS[:1]})
    assert [each["seed"] for each in mutants.ledger()] == [3, 4]
    page = mutants.TABLE.read_text()
    assert "| registered, board | 3 | 1 | 1 | 1 | 50.0 % |" in page and "| registered | `a_test` | 1 |" in page
    mutants.publish({**mutants.figures(RESULTS), **RUN, "results": RESULTS})
    assert "| `Unit: b` | a reason |" in mutants.TABLE.read_text()
    mutants.main(["--summary", "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert printed["designs"]["board"]["equivalent"] == 1 and printed["sources_today"] == "others"


def test_the_summary_says_whether_it_is_of_todays_sources(files: Path, monkeypatch) -> None:
    mutants.publish({**mutants.figures(RESULTS), **RUN, "sources": mutants.digest(), "results": RESULTS})
    assert mutants.published()["sources_today"] == "the same"
    monkeypatch.setattr(mutants, "digest", lambda: "of changed sources")
    assert mutants.published()["sources_today"] == "others"


def test_a_seed_that_improved_the_bench_is_not_published(files: Path) -> None:
    with pytest.raises(UserError, match="improve the bench"):
        mutants.publish({**mutants.figures(RESULTS), **RUN, "seed": 7, "results": RESULTS})


def test_the_page_shows_every_run_of_the_ledger() -> None:
    assert mutants.runs(mutants.ledger()) in mutants.TABLE.read_text(encoding="utf-8")


def test_a_run_goes_on_where_it_was_killed(tmp_path: Path, monkeypatch) -> None:
    """Only mutants without a result are judged; what an earlier run found stands."""
    job = mutants.Job("registered", tmp_path, tmp_path, tmp_path / "results", 1)
    both = [mutants.Mutant(number, "mutate -mode inv -module M -cell $and$1 -port A -portbit 0") for number in (1, 2)]
    result = {"number": 1, "verdict": "killed", "killer": "a_test", "place": "M: x", "command": "c", "seconds": 1}
    write_json(job.result_file(both[0]), result)
    monkeypatch.setattr(mutants, "prepare", lambda mutants, seed: [(job, both)])
    monkeypatch.setattr(mutants, "simulate", lambda job, number: {0: None, 2: "another_test"}[number])
    monkeypatch.setattr(mutants, "SUMMARY", tmp_path / "summary.json")
    summary = mutants.run(2, 1)
    assert [each["killer"] for each in summary["results"]] == ["a_test", "another_test"]


def test_a_share_is_rounded_down() -> None:
    assert (mutants.percent(969, 1000), mutants.percent(9699, 10000), mutants.percent(0, 0)) == (96.9, 96.9, 100.0)


def test_bad_counts_are_refused(capsys) -> None:
    with pytest.raises(SystemExit):
        mutants.main(["--mutants", "0"])
    assert "accepted: a whole number of at least 1" in capsys.readouterr().err
