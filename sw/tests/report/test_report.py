# SPDX-License-Identifier: Apache-2.0
"""The report, on made-up results of the stages before."""

import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from xnorfpga.artefacts.hardware import ROUTINGS, Hardware
from xnorfpga.artefacts.manifest import Manifest
from xnorfpga.artefacts.report import Report
from xnorfpga.artefacts.sweep import COMPARISON, Sweep
from xnorfpga.artefacts.synthesis import Clock
from xnorfpga.artefacts.training import Training
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import read_json, write_json
from xnorfpga.base.paths import DOCS
from xnorfpga.data import mnist
from xnorfpga.data.splits import Dataset, Split
from xnorfpga.design import designs, folding, hardware
from xnorfpga.flow.stages import BY_NAME, writers
from xnorfpga.lab import benchmark
from xnorfpga.report import chain, charts, energy, gather, report, routings

DIGEST = "d" * 64
STORED = {"images": 16, "width": 56, "depth": 256, "column_width": 40, "files": []}
POWER = {
    "core_dynamic_mw": 150.0, "core_static_mw": 410.0, "io_mw": 20.0, "total_mw": 580.0,
    "confidence": "Medium", "method": "vectorless", "toggle_mtps": None, "by_block_mw": None, "by_clock_mw": None,
}  # fmt: skip


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Return a build directory of `smoke` with small, well-formed results of each stage."""
    chosen = designs.load("smoke")
    digits = np.zeros((4, 28, 28), np.uint8)
    truth = np.array([0, 1, 2, 3])
    none = Split("none", digits[:0], truth[:0])
    four = Split("four digits", digits, truth)
    dataset = Dataset("made up here", official=False, train=none, validation=four, test=none)
    monkeypatch.setattr(mnist, "load", lambda *_, **__: dataset)
    configuration = hardware.hardware(chosen, chosen.folding)
    predicted = folding.predict_hardware(configuration)
    configuration.write(tmp_path / "hardware.json")
    layers = [
        {
            "index": k, "mw": layer.mw, "mh": layer.mh, "pe": layer.pe, "simd": layer.simd, "routing": layer.routing,
            "fifo_depth": 2, **layer.facts(),
        }
        for k, layer in enumerate(predicted.layers)
    ]  # fmt: skip
    write_json(
        tmp_path / "manifest.json",
        {
            "design": "smoke", "top": "Accelerator", "board_top": "Top", "files": ["rtl/Accelerator.v"],
            "clock_mhz": 50, "ports": [], "board_ports": [], "copies": predicted.copies,
            "input": {"word_bits": 56, "words": 14}, "output": {"classes": 10, "class_bits": 4, "score_bits": 7},
            "layers": layers, "memories": [], "load_word_bits": 40, "load_words": 1488,
            "link": {
                "baud": 1_000_000, "protocol": 1, "digest": "0", "images_per_frame": 7, "memories": [],
                "stored": STORED,
            },
        },
    )  # fmt: skip
    write_json(
        tmp_path / "accelerator.json",
        {
            "design": "smoke", "network": [784, 64, 64, 10], "input_threshold": 128, "digest": DIGEST, "layers": [],
            "accuracy": {"float": 0.75, "golden": 0.75}, "origin": "trained",
            "data": {
                "train": "train", "train_source": "made up here", "validation": "four digits", "source": "made up here",
                "validation_images": 4, "validation_digest": four.digest,
            },
        },
    )  # fmt: skip
    latency = predicted.latency_cycles
    write_json(
        tmp_path / "sim.json",
        {
            "design": "smoke", "images": 4, "mismatches": 0, "hidden_mismatches": 0, "hidden_vectors_checked": 8,
            "cycles_per_image": 16.0, "interval_cycles": [32, 32], "latency_cycles": latency,
            "predicted_cycles_per_image": 16.0, "predicted_latency_cycles": latency, "correct": 3, "accuracy": 0.75,
            "data": "four digits", "data_digest": four.digest,
            "labels": [0, 1, 2, 8], "first_mismatches": [], "cycles": 100, "seconds": 0.1,
            "build_seconds": 1.0, "cycles_per_second": 1e4, "model_digest": DIGEST, "simulator": "simulator 1",
        },
    )  # fmt: skip
    write_json(
        tmp_path / "activity.json",
        {
            "design": "smoke", "model_digest": DIGEST, "data": "four digits", "images": 8, "cycles": 128,
            "registers": {"bits": 10, "transitions": 640}, "logic": {"bits": 100, "transitions": 3200},
            "simulator": "simulator 1",
        },
    )  # fmt: skip
    mapping = {"aluts": {"5": 7}, "ffs": 2000, "logic_levels": 4, "carry_hops": 3, "longest_path": []}
    write_json(
        tmp_path / "synth.json",
        {
            "borders_kept": {"alms": 990} | mapping, "flattened": {"alms": 1000} | mapping,
            "tool": "Yosys", "version": "0.70", "kind": "estimate", "top": "Accelerator", "alms": 1000,
            "alm_formula": "formula", "alm_band": [0.64, 2.66], "alm_band_half": [0.77, 1.14],
            "alm_band_source": "source", "aluts": None, "ffs": 2000, "m10k": 40, "dsps": 0, "fits": True,
            "over": {"alms": 0, "m10k": 0, "dsps": 0}, "share": {"alms": 0.03, "m10k": 0.1, "dsps": 0.0},
            "device": {"name": "5CSEMA5F31C6", "alms": 32070, "m10k": 397, "dsps": 87}, "logic_levels": 4,
            "carry_hops": 3, "longest_path": [], "paths_origin": "netlist", "fmax_mhz": None, "power": None,
            "connections": [{"layer": 0, "routing": "stationary", "used": 1568, "full_direct": 50176}],
            "reasons": {}, "notes": [], "seconds": 1.0,
        },
    )  # fmt: skip
    record(tmp_path, 3)
    return tmp_path


def record(build, epochs):
    """Write the record of a training of so many epochs."""
    curves = [
        {"epoch": k, "loss": 1.0 / k, "train_accuracy": 0.9, "validation_accuracy": 0.8, "seconds": 1.0}
        for k in range(1, epochs + 1)
    ]
    write_json(
        build / "training.json",
        {
            "design": "smoke", "network": {}, "quantization": {}, "training": {}, "epochs": epochs, "curves": curves,
            "data": {
                "source": "where it was trained", "train": "55,000 digits", "validation": "5,000 digits",
                "train_digest": None, "validation_digest": None,
            },
            "seconds": 3.0, "torch": "2", "threads": 1, "sources": None,
        },
    )  # fmt: skip


def change(path, **values):
    """Change values of a JSON file."""
    write_json(path, {**read_json(path), **values})


def page_of(build):
    """Make the report and return its page."""
    report.report(designs.load("smoke"), build)
    return (build / "report" / "index.html").read_text()


def fitted(build, **values):
    """Turn the estimate into what Quartus would have measured."""
    change(
        build / "synth.json", tool="Quartus", version="18.1", kind="fitted", alm_band=None, alm_band_half=None,
        alm_band_source=None, fmax_mhz=61.2, power=POWER, **values,
    )  # fmt: skip


def test_report_json_has_what_was_asked_for_and_nothing_of_its_own(build):
    figures = report.report(designs.load("smoke"), build)
    assert figures == Report.read(build / "report" / "report.json")
    assert figures.accuracy.rtl == 0.75
    assert figures.simulation.cycles_per_image == 16
    assert (figures.synthesis.tool, figures.synthesis.alms, figures.synthesis.fits) == ("Yosys", 1000, True)
    assert [layer.connections for layer in figures.layers] == [1568, None, None]
    assert figures.speed.images_per_second == 50e6 / 16
    macs = 784 * 64 + 64 * 64 + 64 * 10
    assert figures.speed.binary_operations_per_cycle_per_alm == 2 * macs / 16 / 1000
    assert {row.name for row in figures.published} >= {"FINN LFC-max", "FINN SFC-max"}
    assert all(row.source for row in figures.published)


def test_what_a_layer_takes_adds_up_to_the_whole(build):
    figures = report.report(designs.load("smoke"), build)
    predicted = folding.predict_hardware(Hardware.read(build / "hardware.json"))
    assert sum(layer.m10k for layer in figures.layers) == predicted.m10k
    starts, ends = zip(*(layer.busy_cycles for layer in figures.layers), strict=True)
    assert starts[0] == 14  # an image is collected in 14 words
    assert sorted(starts) == list(starts) and sorted(ends) == list(ends)
    assert ends[-1] < predicted.latency_cycles


def test_the_page_needs_no_other_file_and_shows_the_misread_digit(build):
    page = page_of(build)
    assert not re.search(r'(?<!xlink:)(?:src|href)="(?!data:)', page)
    assert 'alt="a 3 read as 8"' in page
    assert page.count("<img") == 1
    assert 'class="alarm"' not in page


def test_no_value_of_the_program_reaches_the_reader(build):
    fitted(build)
    words = re.sub(r"<style.*?</style>|<[^>]*>", " ", page_of(build), flags=re.S)
    words = re.sub("|".join(sorted(designs.names(), key=len, reverse=True)), "", words)
    assert not re.search(r"\w_\w", words.replace("5CSEMA5F31C6", "")), re.findall(r"\w*_\w+", words)
    assert not re.search(r"[{}]|None|False|True(?! digit)", words)


def test_energy_of_a_fitted_design_is_that_of_quartus(build, capsys):
    fitted(build)
    figures = report.report(designs.load("smoke"), build)
    cycles_us, spent = 16 / 50, figures.energy
    assert (spent.kind, spent.band, spent.parts_uj) == ("fitted", None, None)
    assert spent.core_dynamic_uj == pytest.approx(150e-3 * cycles_us)
    assert spent.static_uj == pytest.approx(410e-3 * cycles_us)
    assert spent.total_uj == pytest.approx(580e-3 * cycles_us)
    assert "power of Quartus 18.1" in figures.origin["energy"]
    page = (build / "report" / "index.html").read_text()
    assert page.count("0.186 µJ in all, 0.048 µJ by core dynamic power (fitted)") == 2
    assert "Fmax is 61.2 MHz" in page and "core_dynamic_mw" not in page and "spread" not in page
    assert "0.186 µJ in all" in capsys.readouterr().out


CLOCKS = [
    dict.fromkeys(Clock.model_fields) | {"name": "CLOCK_50", "constrained": True, "period_ns": 20.0},
    dict.fromkeys(Clock.model_fields)
    | {"name": "pll|divclk", "constrained": True, "period_ns": 9.09, "setup_slack_ns": 0.75, "hold_slack_ns": 0.18},
]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "110 MHz is met, slack 0.18 ns"),
        ({"setup_slack_ns": -0.2}, "110 MHz is NOT met: slack -0.2 ns of pll|divclk"),
        ({"setup_slack_ns": None, "hold_slack_ns": None}, "110 MHz is not shown: no slack is reported"),
        ({"constrained": False}, "110 MHz is not shown: no slack is reported"),
    ],
)
def test_images_per_second_follow_the_clock_and_the_report_says_whether_it_is_met(build, changes, said):
    change(build / "hardware.json", clock_mhz=110.0)
    fitted(build, clocks=[CLOCKS[0], CLOCKS[1] | changes])
    found = report.report(designs.load("smoke"), build)
    assert found.speed.images_per_second == 110e6 / 16
    page = (build / "report" / "index.html").read_text()
    assert page.count(said) == 2 and "6,875,000" in page


def test_a_clock_that_no_timing_analysis_has_met_is_not_claimed(build):
    """Neither of an estimate, nor where Quartus' reports have no Fmax of that clock."""
    assert page_of(build).count("50 MHz is not shown: only Quartus&#39; timing analysis tells") == 2
    fitted(build, clocks=CLOCKS, reasons={"fmax_mhz": "no clock constrained to 50 MHz"})
    change(build / "synth.json", fmax_mhz=None)
    assert page_of(build).count("50 MHz is not shown: no clock constrained to 50 MHz") == 2


def test_without_power_the_energy_is_an_estimate_with_its_spread(build):
    figures = report.report(designs.load("smoke"), build)
    spent, (low, high) = figures.energy, energy.band()
    assert (spent.kind, spent.band) == ("estimate", (low, high))
    assert spent.total_uj == spent.core_dynamic_uj + spent.static_uj
    assert sum(spent.parts_uj.values()) == pytest.approx(spent.core_dynamic_uj)
    page = (build / "report" / "index.html").read_text()
    assert f"{spent.core_dynamic_uj:.3g} µJ by core dynamic power (estimate)" in page
    assert f"{spent.core_dynamic_uj / high:.3g} to {spent.core_dynamic_uj / low:.3g} µJ" in page


def test_each_part_of_the_estimate_counts_what_it_says(build):
    """Registers change half of the cycles, logic a quarter; 2,000 flip-flops, 7 ALUTs, 40 block RAMs, 16 cycles."""
    parts = report.report(designs.load("smoke"), build).energy.parts_uj
    of = energy.coefficients(energy.measurements().report)
    expected = {
        "clock": of.trunk + 2000 * of.clocked,
        "registers": 2000 * 0.5 * of.register,
        "logic": 7 * 0.25 * of.logic,
        "block RAM": 40 * of.memory,
    }
    assert parts == {name: pytest.approx(16e-6 * picojoules) for name, picojoules in expected.items()}


def test_toggles_of_another_model_are_refused(build):
    change(build / "activity.json", model_digest="0" * 64)
    with pytest.raises(UserError, match=r"activity.json: not of the model .* run `doit activity:smoke`"):
        report.report(designs.load("smoke"), build)


def test_the_training_digits_are_those_of_the_record_not_those_at_hand(build, capsys):
    page_of(build)
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("| trained on"))
    assert "55,000 digits" in row and "where it was trained" in row and "made up here" not in row


@pytest.mark.parametrize("epochs", [None, 0, 1, 2])
def test_a_model_with_a_short_record_or_none_has_a_report_without_a_curve(build, epochs):
    (build / "training.json").unlink()
    if epochs is not None:
        record(build, epochs)
    page = page_of(build)
    assert ('aria-label="learning curve"' in page) == (epochs == 2)
    assert ("came without a record of its training" in page) == (epochs is None)
    assert ("not recorded" in page) == (epochs is None)


def test_an_imported_model_has_a_report_without_the_accuracy_of_torch(build, capsys):
    (build / "training.json").unlink()
    data = read_json(build / "accelerator.json")["data"] | {"train": None, "train_source": None}
    change(build / "accelerator.json", origin="imported", accuracy={"float": None, "golden": 0.75}, data=data)
    page = page_of(build)
    assert "weights imported" in page and "came without a record of its training" in page
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("| accuracy, float"))
    assert [cell.strip() for cell in row.split("|")[2:4]] == ["not known", "not known of an imported model"]


def test_the_table_on_the_terminal_names_the_origin_of_each_figure(build, capsys):
    report.report(designs.load("smoke"), build)
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert all(line.split("|")[3].strip() for line in table)
    assert any("ALMs" in line and "1,000 of 32,070" in line and "estimate" in line for line in table)
    assert any("990 with module borders kept, 1,000 flattened" in line for line in table)


def test_what_is_wrong_stands_first(build, capsys):
    change(build / "synth.json", fits=False, over={"alms": 7, "m10k": 0, "dsps": 0})
    page = page_of(build)
    assert page.count('class="alarm"') == 1
    assert "The design does not fit the device. It is over by 7 ALMs." in page
    assert "over by 7 ALMs" in capsys.readouterr().out


def test_an_estimate_whose_spread_leaves_the_device_is_cautioned(build):
    page = page_of(build)
    assert "half of the public designs needed 877 to 1,299 ALMs in Quartus" in page
    assert page.count("0.64 to 2.66") == 1
    assert 'class="caution"' not in page
    change(build / "synth.json", alms=30000)
    assert "Quartus may need 26,316 to 38,961" in page_of(build)


def test_a_failed_simulation_has_no_report(build):
    simulated = {**read_json(build / "sim.json"), "mismatches": 2, "hidden_mismatches": 1}
    (build / "sim.json").unlink()
    write_json(build / "sim.failed.json", simulated)
    with pytest.raises(UserError, match=r"sim\.failed\.json: the RTL differs .* in 2 results and 1 hidden vectors"):
        report.report(designs.load("smoke"), build)
    assert not (build / "report").exists()


@pytest.mark.parametrize(
    "wrong",
    [{"mismatches": 2}, {"hidden_mismatches": 1}, {"latency_cycles": 1}, {"predicted_cycles_per_image": 15.0}],
    ids=str,
)
def test_as_predicted_and_without_a_mismatch_is_never_said_of_what_is_not(build, wrong):
    change(build / "sim.json", **wrong)
    with pytest.raises(UserError, match=r"sim\.json: it holds differences"):
        report.report(designs.load("smoke"), build)


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


def test_the_chain_shows_each_layer_and_what_goes_between(build):
    manifest = Manifest.read(build / "manifest.json")
    drawn = ElementTree.fromstring(chain.chain(manifest, standalone=True))
    words = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    for layer in manifest.layers:
        assert f"Layer {layer.index}: {layer.mw:,} → {layer.mh:,}, {layer.routing}" in words
        assert f"PE {layer.pe:,} × SIMD {layer.simd:,} × 2 images per cycle" in words
    assert "56 bits of an image per cycle" in words and "2 × 784 bits at once" in words
    assert "2 × 10 scores of 7 bits" in words
    boxes = [
        element for element in drawn.iter("{http://www.w3.org/2000/svg}rect") if element.get("fill") == "var(--blue)"
    ]
    sizes = [(float(box.get("width")), float(box.get("height"))) for box in boxes]
    assert sizes[0] == (48, 2) and sizes[1] == (12, 6)  # 784 of 784 × 2 of 64 (at least 2 wide), 16 of 64 × 8 of 64


def test_charts_follow_the_page_s_colours_and_have_titled_axes(build):
    figures = report.report(designs.load("smoke"), build)
    drawn = {
        "cycles per image": charts.speed_and_logic(figures),
        "energy per image, µJ": charts.energy_and_accuracy(figures),
        "cycles since the image's first word": charts.timeline(figures),
        "accuracy, %": charts.learning_curve(Training.read(build / "training.json")),
    }
    for axis, svg in drawn.items():
        ElementTree.fromstring(svg)
        assert f">{axis}<" in svg
        assert "var(--blue)" in svg or "var(--amber)" in svg
        assert "#0a0b0" not in svg and "<style" not in svg
    page = (build / "report" / "index.html").read_text()
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert page == page_of(build)  # the same bytes for the same figures


def test_cycles_that_were_not_published_follow_from_the_rate():
    rows = {row.name: row for row in gather.published("mnist")}
    assert rows["FINN LFC-max"].cycles == 128
    assert rows["FINN SFC-max"].cycles == pytest.approx(16.18, abs=0.01)
    assert rows["Paper (the scheme of this generator)"].cycles is None


def test_the_table_of_designs_repeats_what_the_reports_say(build, tmp_path, monkeypatch):
    report.report(designs.load("smoke"), build)
    entry = benchmark.result(build / "report" / "report.json")
    assert (entry.cycles_per_image, entry.alms, entry.images, entry.mismatches) == (16, 1000, 4, 0)
    (tmp_path / "smoke").mkdir()
    (build / "report").rename(tmp_path / "smoke" / "report")
    monkeypatch.setattr(benchmark.paths, "BUILD", tmp_path)
    monkeypatch.setattr(benchmark, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(benchmark, "README", tmp_path / "README.md")
    benchmark.README.write_text("before\n<!-- results -->\nold\n<!-- /results -->\nafter\n")
    other = entry.model_copy(update={"design": "mnist"})
    benchmark.Results(rows=(other, entry.model_copy(update={"alms": 7}))).write(benchmark.RESULTS)
    benchmark.publish(benchmark.reached())
    text = benchmark.README.read_text()
    assert "| `smoke` | 784-64-64-10 | 16 | 3,125,000 at 50 MHz |" in text and "1,000 of 32,070" in text
    assert "| `mnist` |" in text and "old" not in text  # of a design without a report the figures stay
    assert benchmark.Results.read(benchmark.RESULTS).rows == (other, entry)


def test_the_three_routings_stand_in_the_report_and_in_the_docs(build):
    page = page_of(build)
    measured = routings.load()
    assert {row.routing for row in measured.rows} == set(ROUTINGS)
    assert len({row.cycles for row in measured.rows}) == 1  # equal cycles, or they could not be compared
    assert all(f"{row.alms:,}" in page for row in measured.rows)
    text = (DOCS / "engine.md").read_text()
    assert routings.table(measured) == re.search(r"<!-- routings -->\n(.*)\n<!-- /routings -->", text, re.S)[1]


def test_the_comparison_of_methods_stands_in_the_report(build):
    page, found = page_of(build), Sweep.read(COMPARISON)
    assert {tuple(row.points) for row in found.rows} == {("method", "hardware")}
    for row in found.rows:
        assert f"{row.outcome.alms:,} ({row.outcome.alms_kind})" in page and row.points["method"] in page
        assert f"{100 * row.outcome.accuracy_test:.2f} %" in page


def test_the_tools_are_timed_in_an_empty_build_directory(tmp_path, monkeypatch):
    ran = []

    def stage(command, env, **_):
        ran.append(command[3])
        write_json(Path(env["XNORFPGA_BUILD"]) / "mnist/sim.json", {"build_seconds": 70, "cycles_per_second": 12000.4})
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(benchmark.paths, "BUILD", tmp_path)
    monkeypatch.setattr(subprocess, "run", stage)
    figures = {figure["what"]: figure for figure in benchmark.tools("mnist")}
    assert ran == ["export", "fold", "elaborate", "images", "simulate", "synth"]
    for k, name in enumerate(ran):  # each finds what it reads
        assert {writer.name for writer in writers(BY_NAME[name], designs.load("mnist"))} <= {*ran[:k]}
    assert figures["verilate and build"]["value"] == 70 and figures["verilate and build"]["ratio"] > 0
    assert figures["simulate"] == {"what": "simulate", "value": 12000, "unit": "cycles/s", "ratio": None}
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 2))
    with pytest.raises(UserError, match="stage export of mnist failed"):
        benchmark.tools("mnist")


def test_a_design_stands_beside_those_of_its_own_data_set():
    for dataset, name in (("mnist", "FINN LFC-max"), ("cifar10", "FINN CNV-max")):
        rows = gather.published(dataset)
        assert name in {row.name for row in rows} and {row.dataset for row in rows} == {dataset}
    cnv = {row.name: row for row in gather.published("cifar10")}
    assert cnv["FINN CNV-max"].cycles == pytest.approx(9130, abs=1)
