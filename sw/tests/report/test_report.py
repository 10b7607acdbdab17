# SPDX-License-Identifier: Apache-2.0
"""The report, on made-up results of the stages before."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from xnorfpga.base.errors import UserError
from xnorfpga.base.files import read_json, write_json
from xnorfpga.base.paths import ROOT
from xnorfpga.data import mnist
from xnorfpga.design import designs
from xnorfpga.lab import benchmark, routings
from xnorfpga.report import report

DIGEST = "d" * 64


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Return a build directory of `smoke` with small, well-formed results of each stage."""
    chosen = designs.load("smoke")
    digits = np.zeros((4, 28, 28), np.uint8)
    truth = np.array([0, 1, 2, 3])
    none = digits[:0]
    splits = (digits, truth, none, truth[:0], digits, truth)
    dataset = mnist.Dataset("made up", *splits, "train", "validation", "four digits")
    monkeypatch.setattr(mnist, "load", lambda *_, **__: dataset)
    layers = [
        {"mw": mw, "mh": mh, "routing": fold.routing, "pe": fold.pe, "simd": fold.simd, "cycles": 32}
        for (mw, mh), fold in zip(chosen.shapes, chosen.folding.layers, strict=True)
    ]
    write_json(tmp_path / "manifest.json", {"layers": layers, "copies": 2})
    write_json(
        tmp_path / "accelerator.json",
        {
            "design": "smoke", "network": [784, 64, 64, 10], "digest": DIGEST, "origin": "trained",
            "accuracy": {"float": 0.75, "golden": 0.75},
            "data": {"train": "train", "test": "four digits", "source": "made up", "test_images": 4},
        },
    )  # fmt: skip
    write_json(
        tmp_path / "sim.json",
        {
            "images": 4, "mismatches": 0, "hidden_mismatches": 0, "cycles_per_image": 16.0, "latency_cycles": 107,
            "predicted_cycles_per_image": 16.0, "predicted_latency_cycles": 107, "cycles_per_second": 1e4,
            "simulator": "simulator 1", "accuracy": 0.75, "data": "four digits", "labels": [0, 1, 2, 8],
            "model_digest": DIGEST,
        },
    )  # fmt: skip
    write_json(
        tmp_path / "synth.json",
        {
            "tool": "Yosys", "version": "0.70", "kind": "estimate", "alms": 1000, "alm_formula": "formula",
            "alm_band": [0.64, 2.66], "alm_band_half": [0.77, 1.14], "alm_band_source": "source",
            "ffs": 2000, "m10k": 40, "dsps": 0, "fits": True, "over": {"alms": 0, "m10k": 0, "dsps": 0},
            "fmax_mhz": None, "power": None,
            "device": {"name": "5CSEMA5F31C6", "alms": 32070, "m10k": 397, "dsps": 87}, "logic_levels": 4,
            "carry_hops": 3, "connections": [{"layer": 0, "routing": "stationary", "used": 1568, "full_direct": 50176}],
        },
    )  # fmt: skip
    curves = [{"loss": 1.0 / k, "train_accuracy": 0.9, "validation_accuracy": None} for k in (1, 2, 3)]
    write_json(tmp_path / "training.json", {"curves": curves, "torch": "2"})
    return tmp_path


def change(path, **values):
    """Change values of a JSON file."""
    write_json(path, {**read_json(path), **values})


def test_report_json_has_what_was_asked_for_and_nothing_of_its_own(build):
    figures = report.report(designs.load("smoke"), build)
    assert figures == read_json(build / "report" / "report.json")
    assert figures["accuracy"]["rtl"] == 0.75
    assert figures["simulation"]["cycles_per_image"] == figures["simulation"]["predicted_cycles_per_image"] == 16
    assert {"tool", "kind", "alms", "m10k", "ffs", "dsps", "fits"} <= figures["synthesis"].keys()
    assert figures["connections"][0]["used"] == 1568
    assert figures["speed"]["images_per_second"] == 50e6 / 16
    macs = 784 * 64 + 64 * 64 + 64 * 10
    assert figures["speed"]["binary_operations_per_cycle_per_alm"] == 2 * macs / 16 / 1000
    assert {row["name"] for row in figures["published"]} >= {"FINN LFC-max", "FINN SFC-max"}
    assert all(row["source"] for row in figures["published"])


def test_the_page_needs_no_other_file_and_shows_the_misread_digit(build):
    report.report(designs.load("smoke"), build)
    page = (build / "report" / "index.html").read_text()
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert 'alt="a 3 read as 8"' in page
    assert page.count("<img") == 1
    assert 'class="alarm"' not in page


def test_the_table_on_the_terminal_names_the_origin_of_each_figure(build, capsys):
    report.report(designs.load("smoke"), build)
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert all(line.split("|")[3].strip() for line in table)
    assert any("ALMs" in line and "1,000 of 32,070" in line and "estimate" in line for line in table)


def test_what_is_wrong_stands_first(build, capsys):
    change(build / "sim.json", mismatches=2)
    change(build / "synth.json", fits=False, over={"alms": 7, "m10k": 0, "dsps": 0})
    report.report(designs.load("smoke"), build)
    page = (build / "report" / "index.html").read_text()
    assert page.count('class="alarm"') == 2
    assert "over by 7 alms" in page
    assert "differs from the golden model in 2 results" in capsys.readouterr().out


def test_an_estimate_whose_spread_leaves_the_device_is_cautioned(build):
    report.report(designs.load("smoke"), build)
    page = (build / "report" / "index.html").read_text()
    assert "half of the public designs whose Quartus figure is known would need 877 to 1,299" in page
    assert 'class="caution"' not in page
    change(build / "synth.json", alms=30000)
    report.report(designs.load("smoke"), build)
    assert "Quartus may need 26,316 to 38,961" in (build / "report" / "index.html").read_text()


def test_results_of_another_model_are_refused_and_an_earlier_report_stays(build):
    report.report(designs.load("smoke"), build)
    before = (build / "report" / "report.json").read_bytes()
    change(build / "sim.json", model_digest="0" * 64)
    with pytest.raises(UserError, match=r"sim.json: not of the model .* simulate smoke again"):
        report.report(designs.load("smoke"), build)
    assert (build / "report" / "report.json").read_bytes() == before


def test_a_missing_stage_is_named(build):
    (build / "synth.json").unlink()
    with pytest.raises(UserError, match=r"synth.json: not found"):
        report.report(designs.load("smoke"), build)


def test_the_table_of_designs_repeats_what_the_reports_say(build):
    report.report(designs.load("smoke"), build)
    entry = benchmark.result(build / "report" / "report.json")
    assert (entry["cycles_per_image"], entry["alms"], entry["images"], entry["mismatches"]) == (16, 1000, 4, 0)
    assert entry["connections_per_layer"] == [1568]
    assert "| smoke | 784-64-64-10 | 16 | 107 | 1,000 | 40 | True |" in benchmark.table([entry])


def test_the_three_routings_stand_in_the_report_and_in_the_docs(build):
    report.report(designs.load("smoke"), build)
    page = (build / "report" / "index.html").read_text()
    measured = routings.load()
    assert {row["routing"] for row in measured["rows"]} == set(designs.ROUTINGS)
    assert len({row["cycles"] for row in measured["rows"]}) == 1  # equal cycles, or they could not be compared
    assert all(f"{row['alms']:,}" in page for row in measured["rows"])
    text = (ROOT / "docs" / "engine.md").read_text()
    assert routings.table(measured) == re.search(r"<!-- routings -->\n(.*)\n<!-- /routings -->", text, re.S)[1]


def test_the_tools_are_timed_in_an_empty_build_directory(tmp_path, monkeypatch):
    ran = []

    def stage(command, env, **_):
        ran.append(command[3])
        write_json(Path(env["XNORFPGA_BUILD"]) / "mnist/sim.json", {"build_seconds": 70, "cycles_per_second": 12000.4})
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(benchmark, "BUILD", tmp_path)
    monkeypatch.setattr(subprocess, "run", stage)
    figures = {figure["what"]: figure for figure in benchmark.tools("mnist")}
    assert ran == ["export", "elaborate", "images", "simulate", "synth"]
    assert figures["verilate and build"]["value"] == 70 and figures["verilate and build"]["ratio"] > 0
    assert figures["simulate"] == {"what": "simulate", "value": 12000, "unit": "cycles/s", "ratio": None}
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 2))
    with pytest.raises(UserError, match="stage export of mnist failed"):
        benchmark.tools("mnist")
