# SPDX-License-Identifier: Apache-2.0
"""The command line: what each command calls, and that every mistake is one line and an exit code."""

import errno
import importlib
import inspect
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from xnorfpga import __main__ as cli
from xnorfpga.artefacts.folding import Folding
from xnorfpga.base import paths
from xnorfpga.base.errors import UserError
from xnorfpga.base.paths import ROOT
from xnorfpga.design import designs
from xnorfpga.design.hardware import predict
from xnorfpga.flow import receipts
from xnorfpga.flow.stages import BY_NAME, Stage
from xnorfpga.learn import publish


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """The stages that were called: (stage, design, images)."""
    calls = []
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    monkeypatch.setattr(receipts, "check_inputs", lambda *_: None)
    monkeypatch.setattr(
        Stage,
        "run",
        lambda stage, chosen, build, options: calls.append((stage.name, chosen.name, options.get("images"))),
    )
    return calls


def test_help_has_examples_and_is_quick_to_load():
    script = (
        "import sys; from xnorfpga import __main__ as m; m.parser().print_help(); print({'torch'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "examples:" in run.stdout
    assert run.stdout.endswith("set()\n")


@pytest.mark.parametrize(
    "stage", [name for name, stage in BY_NAME.items() if name != "fold" and not stage.quartus]
)  # fold also prints: below; Quartus' are in test_dodo.py
def test_a_stage_is_run(ran, stage):
    assert cli.main([stage, "smoke"]) == 0
    assert ran == [(stage, "smoke", 1000 if stage == "simulate" else None)]


@pytest.mark.parametrize("given, images", [("7", 7), ("all", None)])
def test_images_of_a_simulation(ran, given, images):
    assert cli.main(["simulate", "smoke", "--images", given]) == 0
    assert ran == [("simulate", "smoke", images)]


def test_another_model_is_loaded(ran, monkeypatch, capsys):
    asked = []
    values = {"images": 7, "mismatches": 0, "accuracy": 0.5, "data": "some digits", "cycles_per_image": 16.0}
    monkeypatch.setattr(cli.flow, "load", lambda *given: asked.append(given) or SimpleNamespace(**values))
    assert cli.main(["simulate", "smoke", "--load", "other", "--images", "7"]) == 0
    assert asked == [("smoke", "other", {"images": 7})]
    assert "other through the load port of smoke: the checksum is right, 7 images, 0 mis" in capsys.readouterr().out
    assert ran == []


def test_mnist_is_simulated_whole(ran):
    assert cli.main(["simulate", "mnist"]) == 0
    assert ran == [("simulate", "mnist", None)]


@pytest.mark.parametrize("given", ["0", "-3", "many", "1.5"])
def test_a_bad_number_of_images_is_refused(ran, given, capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main(["simulate", "smoke", f"--images={given}"])
    assert exit_.value.code == 2
    assert "accepted: all, or a whole number" in capsys.readouterr().err
    assert ran == []


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["fold", "nix"], "error: design 'nix' is unknown; accepted: cifar_cnv, cifar_cnv_horq, mnist"),
        (["train", "nix.toml"], "error: nix.toml: cannot read"),
        (["images", "smoke"], "images needs what the stage export writes: run `doit export:smoke` first"),
        (["quartus-report", "/nix"], "error: /nix"),
    ],
)
def test_bad_input_is_one_line(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    assert cli.main(arguments) == 2
    complaint = capsys.readouterr().err
    assert said in complaint
    assert complaint.startswith("error: ")
    assert complaint.count("\n") == 1


@pytest.mark.parametrize(
    "error, code, said",
    [
        (UserError("the file is bad"), 2, "error: the file is bad\n"),
        (KeyboardInterrupt(), 130, "\ninterrupted; what was finished before is unchanged\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "x.pt"),
            2,
            "error: x.pt: No space left on device; finished results",
        ),
    ],
)
def test_what_a_stage_raises_is_one_line(ran, monkeypatch, capsys, error, code, said):
    def fail(*_):
        raise error

    monkeypatch.setattr(Stage, "run", fail)
    assert cli.main(["train", "smoke"]) == code
    assert capsys.readouterr().err.startswith(said)
    assert not list(paths.BUILD.rglob("train.json"))


def test_a_defect_is_not_hidden(ran, monkeypatch):
    def fail(*_):
        raise FileNotFoundError(errno.ENOENT, "No such file")

    monkeypatch.setattr(Stage, "run", fail)
    with pytest.raises(FileNotFoundError):
        cli.main(["train", "smoke"])


@pytest.mark.parametrize("stage", BY_NAME.values(), ids=BY_NAME)
def test_each_stage_has_its_function(stage, tmp_path):
    """The real names and arguments: a stage's function takes what the table gives it."""
    function = getattr(importlib.import_module(f"xnorfpga.{stage.module}"), stage.function)
    chosen = designs.load("smoke")
    inspect.signature(function).bind(design=chosen, build=tmp_path, **stage.options(chosen))


def test_list_names_every_design(capsys):
    assert cli.main(["list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == designs.names()


def test_fold_shows_the_prediction(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    assert cli.main(["fold", "mnist", "--picture", str(tmp_path / "front.svg")]) == 0
    shown = capsys.readouterr().out
    mnist = designs.load("mnist")
    assert Folding.read(tmp_path / "build" / "mnist" / "folding.json") == mnist.folding
    prediction = predict(mnist, mnist.folding)
    assert f"cycles per image  {float(prediction.cycles_per_image):g} " in shown
    assert f"latency           {prediction.latency_cycles} cycles" in shown
    assert f"M10K              {prediction.m10k} of 397" in shown


def test_publish_prints_the_file(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    asked = []
    monkeypatch.setattr(publish, "publish", lambda chosen, build, *how: asked.append(how) or build / chosen.name)
    assert cli.main(["publish", "smoke"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'smoke' / 'smoke'}\n"
    assert cli.main(["publish", "smoke", "--replace", "--among", "a", "b"]) == 0
    assert asked == [(False, []), (True, [Path("a"), Path("b")])]


def test_quartus_report_is_json(capsys):
    assert cli.main(["quartus-report", str(ROOT / "sw/tests/synth/fixtures/quartus")]) == 0
    assert json.loads(capsys.readouterr().out)["revision"] == "De1SocTop"


def shell(line: str, **environment: str) -> subprocess.CompletedProcess:
    """Run a line of the shell in which `$python` is this Python, outputs buffered as they are for a user."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    script = f"python={shlex.quote(sys.executable)}\n{line}"
    return subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env={**kept, **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("program", ["xnorfpga list", "xnorfpga --help", "xnorfpga nix", "doit list --all"])
def test_a_reader_that_leaves_is_no_fault(program, unbuffered):
    run = shell(f"{{ $python -m {program}; }} | true", PYTHONUNBUFFERED=unbuffered)
    assert "Broken" not in run.stderr and "Traceback" not in run.stderr


@pytest.mark.parametrize(
    "program, shown", [("xnorfpga fold mnist_small", "?s"), ("doit list", "network ? bit-packed weights")]
)
def test_a_terminal_that_knows_ascii_alone_gets_question_marks(program, shown, tmp_path):
    run = shell(
        f"$python -m {program}", LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="ascii", XNORFPGA_BUILD=str(tmp_path)
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert shown in run.stdout


@pytest.fixture
def board(monkeypatch):
    """A board in Python behind every port."""
    from host.boards import Board

    found = Board()
    monkeypatch.setattr("xnorfpga.host.accelerator.open_port", lambda port, baud: found)
    return found


def test_images_are_classified_at_a_port(board, tmp_path, capsys):
    from host.boards import label_of, scores_of

    images = np.random.default_rng(1).integers(256, size=(3, 28, 28), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    packed = [row.tobytes() for row in np.packbits(images.reshape(3, -1) >= 128, axis=1, bitorder="little")]
    assert cli.main(["classify", "--port", "COM3", str(tmp_path / "images.npy")]) == 0
    assert capsys.readouterr().out.split() == [str(label_of(image)) for image in packed]
    assert cli.main(["classify", "--port", "COM3", "--scores", str(tmp_path / "images.npy")]) == 0
    lines = [f"{label_of(image)}  {' '.join(map(str, scores_of(image)))}" for image in packed]
    assert capsys.readouterr().out.splitlines() == lines


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["--port", "/dev/absent", "{images}"], "/dev/absent: cannot open the port: "),
        (["--port", "/dev/absent", "{images}.not"], ".not: cannot read: No such file"),
        (
            ["--port", "/dev/absent", "--design", "no", "{images}"],
            "design 'no' is unknown; accepted: cifar_cnv, cifar_cnv_horq, mnist",
        ),
    ],
)
def test_a_classification_that_cannot_be_is_one_line(tmp_path, capsys, arguments, told):
    np.save(tmp_path / "images.npy", np.zeros((1, 28, 28), np.uint8))
    given = [argument.format(images=tmp_path / "images.npy") for argument in arguments]
    assert cli.main(["classify", *given]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["classify", "x.png"], ["classify", "--port", "a", "--baud", "0", "x"], ["board-sim"]]
)
def test_a_bad_call_of_the_board_s_commands_is_refused(capsys, arguments):
    with pytest.raises(SystemExit):
        cli.main(arguments)
    assert "error: " in capsys.readouterr().err


def test_a_link_s_figures(monkeypatch, capsys):
    from xnorfpga.lab import link

    keys = link.LinkFigures.model_fields
    figures = link.LinkFigures(**{key: "smoke" if key == "design" else k for k, key in enumerate(keys)})
    asked = []
    monkeypatch.setattr(link, "measure", lambda *given: asked.append(given) or figures)
    assert cli.main(["bench", "--link", "smoke", "--faults", "7", "--images", "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == figures.model_dump()
    assert cli.main(["bench", "--link", "smoke"]) == 0
    assert "retries            " in capsys.readouterr().out
    assert asked == [("smoke", 7, 5, 1), ("smoke", 10_000, 1000, 1)]
