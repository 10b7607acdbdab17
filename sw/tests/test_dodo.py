# SPDX-License-Identifier: Apache-2.0
"""The rebuild rules: what runs again after which change, with stages that only hash what they read."""

import errno
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain

from xnorfpga.base import paths
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import sha256
from xnorfpga.base.paths import DESIGNS, MODELS, ROOT
from xnorfpga.design import designs
from xnorfpga.flow import code, pages, receipts, stages
from xnorfpga.flow import run as runs
from xnorfpga.flow.stages import STAGES, Stage
from xnorfpga.rtl import elaborate
from xnorfpga.synth.quartus import project

ALL = ["compile", "train", "export", "fold", "elaborate", "images", "simulate", "activity", "synth", "report"]
QUARTUS = ["project", "map", "fit", "asm", "sta", "pow"]
ORDER = [*ALL[:-2], "trace", *QUARTUS, *ALL[-2:]]
SAMPLES = {"weights/*.npz": "weights/layer0.npz", "rtl/*.v": "rtl/Accelerator.v", "mem/*.bin": "mem/column_0.bin"}


@pytest.fixture
def flow(tmp_path, monkeypatch):
    """A flow whose designs, Scala sources and build lie in tmp_path; `flow.doit()` returns what ran, in order."""
    folder, build, scala = tmp_path / "designs", tmp_path / "build", tmp_path / "Layer.scala"
    folder.mkdir()
    text = (DESIGNS / "smoke.toml").read_text()
    (folder / "small.toml").write_text(text)
    (folder / "other.toml").write_text(text.replace('weights = "train"', 'weights = "model.npz"'))
    models = tmp_path / "models"
    models.mkdir()
    (models / "model.npz").write_bytes(b"a published model")
    scala.write_text("val logic = 1")
    classpath = tmp_path / "classpath.txt"
    monkeypatch.setattr(paths, "BUILD", build)
    monkeypatch.setattr(paths, "MODELS", models)
    monkeypatch.setattr(paths, "DESIGNS", folder)
    monkeypatch.setattr(elaborate, "CLASSPATH", classpath)
    monkeypatch.setattr(elaborate, "sources", lambda: [scala])
    monkeypatch.delenv("XNORFPGA_DATA", raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # no Quartus
    monkeypatch.delenv("QUARTUS_ROOTDIR", raising=False)
    monkeypatch.chdir(tmp_path)
    state = SimpleNamespace(
        ran=[], build=build, designs=folder, scala=scala, models=models, training=1, broken={}, images={}
    )

    def logic():
        return "\n".join(line for line in scala.read_text().splitlines() if not line.startswith("//"))

    def compile_():
        state.ran.append("compile")
        if "compile" in state.broken:
            raise state.broken["compile"]
        classpath.write_text("classes")
        return "classes"

    def execute(stage, chosen, out, options):
        state.ran.append(stage.name)
        state.images[chosen.name] = options.get("images")
        content = {
            "train": f"{chosen.training}{state.training}",
            "export": chosen.weights,
            "fold": f"{chosen.folding}",
            "elaborate": f"{logic()}{chosen.shapes}",
        }.get(stage.name, stage.name)
        if stage.name == "export" and chosen.published:
            content += (models / chosen.weights).read_text()
        for file in stage.inputs(chosen):
            content += (out / SAMPLES.get(file, file)).read_text()
        for number, file in enumerate(stage.outputs(chosen)):
            if number == 1 and stage.name in state.broken:
                raise state.broken[stage.name]
            (out / SAMPLES.get(file, file)).parent.mkdir(parents=True, exist_ok=True)
            (out / SAMPLES.get(file, file)).write_text(sha256(content.encode()))
        if stage.name in state.broken:
            raise state.broken[stage.name]

    monkeypatch.setattr(elaborate, "classpath", compile_)
    monkeypatch.setattr(Stage, "run", execute)

    def doit(*arguments, code=0):
        state.ran.clear()
        loader = ModuleTaskLoader(runpy.run_path(str(ROOT / "dodo.py")))
        output = tmp_path / "said.txt"
        assert DoitMain(loader).run(["run", "-o", str(output), *(arguments or ["report:small"])]) == code
        state.said = output.read_text()
        return sorted(state.ran, key=ORDER.index)

    def edit(old, new, name="small"):
        file = folder / f"{name}.toml"
        text = file.read_text()
        assert text.count(old) == 1
        file.write_text(text.replace(old, new))

    state.doit, state.edit = doit, edit
    return state


def receipt(flow, stage):
    return receipts.path(stages.BY_NAME[stage], flow.build / "small")


def test_first_run_runs_everything_and_the_next_nothing(flow):
    assert flow.doit() == ALL
    assert flow.doit() == []


def test_another_folding_runs_from_fold(flow):
    flow.doit()
    flow.edit("copies = 2", "copies = 3")
    assert flow.doit() == ["fold", "elaborate", "images", "simulate", "activity", "synth", "report"]
    assert flow.doit() == []


def test_a_comment_in_scala_stops_at_the_same_verilog(flow):
    flow.doit()
    flow.scala.write_text("// why\nval logic = 1")
    assert flow.doit() == ["compile", "elaborate"]
    flow.scala.write_text("// why\nval logic = 2")
    assert flow.doit() == ["compile", "elaborate", "images", "simulate", "activity", "synth", "report"]


@pytest.fixture
def installed(flow, tmp_path, monkeypatch):
    """Quartus' programs, as far as looking for them tells; returns their folder."""
    programs = tmp_path / "quartus" / "bin"
    programs.mkdir(parents=True)
    for tool in ("quartus_sh", *project.TOOLS):
        (programs / tool).touch()
    monkeypatch.setenv("QUARTUS_ROOTDIR", str(programs.parent))
    return programs


def test_with_quartus_each_tool_is_a_task_and_the_memories_are_written_first(flow, installed):
    assert flow.doit() == ORDER
    ran = flow.ran
    assert ran.index("images") < ran.index("project")
    assert [stage for stage in ran if stage in QUARTUS][:3] == QUARTUS[:3]
    assert ran.index("fit") < min(ran.index("asm"), ran.index("sta")) and ran.index("asm") < ran.index("pow")
    assert max(map(ran.index, QUARTUS)) < ran.index("synth")
    assert flow.doit() == []


def test_with_quartus_a_new_model_of_the_same_shape_is_not_compiled_but_takes_its_own_power(flow, installed):
    flow.doit()
    flow.training = 2
    (flow.build / "small/checkpoint.pt").unlink()
    ran = flow.doit()
    assert {"trace", "pow", "synth"} < set(ran) and not {"project", "map", "fit", "asm", "sta"} & set(ran)  # load it


@pytest.mark.parametrize(
    ("stage", "again"),
    [
        ("map", ["map"]),
        ("fit", ["fit"]),
        ("sta", ["sta"]),
        ("project", ["project"]),
    ],
)
def test_a_report_that_is_lost_is_made_again_and_no_more(flow, installed, stage, again):
    """The stand-in writes the same bytes, so what reads them stays."""
    flow.doit()
    receipt = receipts.read(stages.BY_NAME[stage], flow.build / "small")
    (flow.build / "small" / next(iter(receipt.outputs))).unlink()
    assert flow.doit() == again


def test_another_report_runs_what_reads_it(flow, installed):
    flow.doit()
    receipts.path(stages.BY_NAME["fit"], flow.build / "small").unlink()
    flow.broken.clear()
    written = flow.build / "small" / "synth/quartus/output_files/*.map.*"
    written.write_text("another netlist")
    assert flow.doit() == ["map", "fit"]  # map wrote what it had written before


def test_a_tool_that_fails_stops_there_and_runs_again(flow, installed):
    flow.broken["fit"] = UserError("quartus_fit failed, exit code 3")
    ran = flow.doit(code=1)
    assert {"map", "fit"} <= set(ran) and not {"asm", "sta", "pow", "synth"} & set(ran)
    assert "quartus_fit failed" in flow.said
    flow.broken.clear()
    assert flow.doit() == ["fit", "asm", "sta", "pow", "synth", "report"]


def test_half_an_installation_is_the_synthesis_to_tell(flow, installed):
    (installed / "quartus_pow").unlink()
    assert flow.doit("elaborate:small") == ["compile", "fold", "elaborate"]
    assert "map" not in flow.doit(code=1)
    assert "quartus_pow: not found beside quartus_sh" in flow.said


def test_a_stage_of_quartus_by_hand_says_what_is_missing(flow):
    flow.doit()
    with pytest.raises(UserError, match="small has no stage map: quartus_sh is neither on PATH"):
        runs.run("map", "small")


def test_a_new_model_of_the_same_shape_is_not_synthesized(flow):
    flow.doit()
    flow.edit("seed = 1", "seed = 2")
    assert flow.doit() == ["train", "export", "images", "simulate", "activity", "report"]
    flow.training = 2  # the same design, trained again: other weights
    (flow.build / "small/checkpoint.pt").unlink()
    assert flow.doit() == ["train", "export", "images", "simulate", "activity", "report"]


def test_a_comment_in_the_design_file_runs_nothing(flow):
    flow.doit()
    flow.edit("seed = 1", "seed = 1 # why")
    assert flow.doit() == []


def test_another_data_set_trains_exports_and_simulates(flow, monkeypatch):
    flow.doit()
    monkeypatch.setenv("XNORFPGA_DATA", "elsewhere")
    ran = flow.doit()
    assert {"train", "export", "simulate", "report"} <= set(ran)
    assert not {"compile", "elaborate", "synth"} & set(ran)


def test_an_imported_design_is_neither_trained_nor_has_it_a_record(flow):
    text = (flow.designs / "other.toml").read_text()
    recipe = text[text.index("[training]") : text.index("[folding]")]
    (flow.designs / "other.toml").write_text(text.replace(recipe, ""))
    assert flow.doit("report:other") == [stage for stage in ALL if stage != "train"]
    assert not (flow.build / "other" / "training.json").exists()
    assert flow.doit("report:other") == []


def test_a_published_design_is_never_trained(flow):
    assert flow.doit("report:other") == [stage for stage in ALL if stage != "train"]
    (flow.models / "model.npz").write_bytes(b"a better one")
    assert flow.doit("report:other") == ["export", "images", "simulate", "activity", "report"]
    assert flow.doit("train:other", code=3) == []


def test_designs_do_not_disturb_each_other(flow):
    flow.doit()
    flow.doit("report:other")
    flow.edit("copies = 2", "copies = 3", "other")
    assert flow.doit() == []


def test_a_design_file_with_a_mistake_hurts_only_itself(flow):
    flow.edit("copies = 2", "copies = 0", "other")
    assert flow.doit() == ALL
    assert flow.doit("report:other", code=1) == []
    assert "other.toml: folding.copies = 0: accepted: 1 to 64" in flow.said
    assert "Traceback" not in flow.said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("copies = 2", f"copies = {'9' * 5000}", "other.toml: not valid TOML: a number has thousands of digits"),
        ("copies = 2", f"copies = {'9' * 500}", "other.toml: folding.copies = 999"),
        ("copies = 2", f"copies = {'[' * 5000}{']' * 5000}", "other.toml: not valid TOML: nested too deep"),
        ("copies = 2", f"copies = {'[' * 300}{']' * 300}", "other.toml: nested too deep"),
        ("copies = 2", f"copies = {'[' * 99}{']' * 99}", "other.toml: folding.copies = [[["),
        ("784, 64, ", f"784, {'64, ' * 500}", "accepted: at most 65 entries"),
        ('"model.npz"', f'"{"m" * 300}"', "other.toml: weights = 'mmm"),
    ],
)  # fmt: skip
def test_an_odd_design_file_is_one_line_of_its_own_tasks(flow, old, new, said):
    flow.edit(old, new, "other")
    assert flow.doit() == ALL
    assert flow.doit("report:other", code=1) == []
    assert said in flow.said and "Traceback" not in flow.said


@pytest.mark.parametrize("name", ["..", "a=b", "doit.db", "n" * 200, "-x", "a b"])
def test_a_misnamed_design_file_is_one_line_and_stops_nothing(flow, name, capsys):
    (flow.designs / f"{name}.toml").write_text((flow.designs / "small.toml").read_text())
    assert flow.doit() == ALL
    said = capsys.readouterr().err
    assert said.count("accepted as a design's name: up to 64 letters") == 1
    assert sorted(path.name for path in flow.build.iterdir()) == ["small"]
    assert not list(flow.build.parent.glob("receipts"))


@pytest.mark.parametrize("stage", [stage for stage in ALL if stage != "compile"])
def test_a_failed_stage_is_one_line_and_runs_again(flow, stage):
    flow.doit()
    flow.broken[stage] = UserError("the file is bad")
    receipt(flow, stage).unlink()
    assert flow.doit(code=1) == [stage]
    assert "error: the file is bad" in flow.said
    assert "Traceback" not in flow.said
    flow.broken.clear()
    assert stage in flow.doit()
    assert flow.doit() == []


def test_a_full_disk_is_one_line(flow):
    flow.broken["synth"] = OSError(errno.ENOSPC, "No space left on device", "build/small/synth.json")
    flow.doit(code=1)
    assert "error: build/small/synth.json: No space left on device; finished results are unchanged" in flow.said
    assert "Traceback" not in flow.said


def test_a_compiler_error_is_a_failed_task(flow):
    flow.broken["compile"] = UserError("sbt could not compile hw/spinal")
    assert flow.doit("elaborate:small", code=1) == ["compile"]
    assert "error: sbt could not compile hw/spinal" in flow.said


@pytest.mark.parametrize("stage", ["export", "elaborate", "images"])
def test_an_interrupted_stage_is_not_done_even_if_the_change_is_taken_back(flow, stage):
    flow.doit()
    flow.edit(
        "seed = 1" if stage != "elaborate" else "copies = 2", "seed = 2" if stage != "elaborate" else "copies = 3"
    )
    flow.broken[stage] = KeyboardInterrupt()  # after the first of its files is written
    with pytest.raises(SystemExit) as exit_:
        flow.doit()
    assert exit_.value.code == 130
    flow.broken.clear()
    (flow.designs / "small.toml").write_text((DESIGNS / "smoke.toml").read_text())
    assert stage in flow.doit()
    whole = {path: path.read_text() for path in flow.build.rglob("*") if path.is_file()}
    flow.ran.clear()
    flow.doit("-a", "report:small")
    assert whole == {path: path.read_text() for path in whole}


def test_an_interrupted_compile_is_one_line(flow, capsys):
    flow.broken["compile"] = KeyboardInterrupt()
    with pytest.raises(SystemExit) as exit_:
        flow.doit("elaborate:small")
    assert exit_.value.code == 130
    assert capsys.readouterr().err == "\ninterrupted: compile will run again\n"


def test_a_stage_run_by_hand_is_run_again(flow):
    flow.doit()
    runs.run("simulate", "small", {"images": 20})
    assert flow.images["small"] == 20
    assert "simulate" in flow.doit()
    assert flow.images["small"] == 1000


def test_a_design_says_how_many_images_are_simulated(flow):
    flow.doit()
    flow.edit("images = 1000", "images = 20")
    assert flow.doit() == []  # more than that were simulated
    flow.edit("images = 20", 'images = "all"')
    assert flow.doit() == ["simulate"]
    assert flow.images["small"] is None


def test_dodo_is_only_a_graph():
    assert len((ROOT / "dodo.py").read_text().splitlines()) < 200


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_stage_depends_on_all_that_it_imports(stage):
    """What a process has loaded after importing the stage's module is in its code, but for the room `base`."""
    script = (
        f"import sys, xnorfpga.{stage.module}\n"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.partition('.')[0] == 'xnorfpga'))"
    )
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {Path(file) for file in run.stdout.split() if "/base/" not in file}
    loaded = {file for file in loaded if file.name != "__init__.py" or file.stat().st_size > 500}
    assert loaded and loaded <= set(code.files(stage.module, stage.spawns))


def test_late_imports_count_and_those_for_type_checkers_do_not(tmp_path):
    file = tmp_path / "late.py"
    file.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from xnorfpga.design import solver\n"
        "def f():\n    from xnorfpga.rtl import memory\n"
    )
    assert code.imports(file) == ("rtl", "rtl.memory")


def test_dodo_loads_no_heavy_library():
    heavy = {"torch", "matplotlib", "cocotb", "pyosys", "torchvision"}
    script = f"import sys, runpy; runpy.run_path('dodo.py'); print({heavy!r} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_every_published_design_names_a_model_that_is_there():
    published = [found for found in map(designs.load, designs.names()) if found.published]
    assert published
    assert all((MODELS / found.weights).is_file() for found in published)


@pytest.mark.parametrize(("number", "said"), [("SIGINT", "interrupted: train:smoke will run again"), ("SIGTERM", "")])
@pytest.mark.parametrize(
    "program",
    [
        "from doit.doit_cmd import DoitMain; sys.exit(DoitMain().run(['train:smoke']))",
        "sys.exit(main(['train', 'smoke']))",
    ],
    ids=["doit", "xnorfpga"],
)
def test_a_signal_ends_a_stage_and_its_tool_without_a_traceback(tmp_path, number, said, program):
    """A real signal; the stage leaves nothing that counts as done, and its tool does not go on."""
    script = (
        "import os, signal, subprocess, sys\n"
        "from pathlib import Path\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background job inherits it ignored
        "from xnorfpga.__main__ import main\n"
        "from xnorfpga.base import process\n"
        "from xnorfpga.flow.stages import Stage\n"
        "def tool(stage, design, build, options):\n"
        "    with process.started(['sleep', '300'], build) as child:\n"
        "        (build / 'pid').write_text(str(child.pid))\n"
        f"        os.kill(os.getpid(), signal.{number})\n"
        "        child.wait()\n"
        "Stage.run = tool\n"
        f"{program}\n"
    )
    environment = {"XNORFPGA_BUILD": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, env=environment)
    assert run.returncode == 128 + getattr(signal, number), run.stderr
    assert said in run.stderr or "interrupted" in run.stderr
    assert "Traceback" not in run.stderr + run.stdout
    assert not (tmp_path / "smoke/receipts/train.json").exists()
    assert not Path(f"/proc/{(tmp_path / 'smoke/pid').read_text()}").exists()


@pytest.mark.parametrize(
    ("file", "stage"),
    [
        ("checkpoint.pt", "train"),
        ("weights/layer0.npz", "export"),
        ("rtl/Accelerator.v", "elaborate"),
        ("mem/column_0.bin", "images"),
        ("mem/load.bin", "images"),
        ("sim.json", "simulate"),
        ("report/index.html", "report"),
    ],
)
def test_a_lost_or_changed_file_is_made_again(flow, file, stage):
    flow.doit()
    path = flow.build / "small" / file
    content = path.read_bytes()
    path.unlink()
    assert stage in flow.doit()
    assert path.read_bytes() == content
    path.write_bytes(content[:-1])
    assert stage in flow.doit()
    assert path.read_bytes() == content
    assert flow.doit() == []


def test_a_stage_by_hand_refuses_what_was_changed_after_it_was_written(flow):
    flow.doit()
    (flow.build / "small/mem/column_0.bin").write_bytes(b"")
    with pytest.raises(
        UserError, match=r"column_0\.bin was changed since the stage images wrote it: run `doit images:"
    ):
        runs.run("simulate", "small")
    receipt(flow, "images").unlink()
    with pytest.raises(UserError, match=r"simulate needs what the stage images writes: run `doit images:small` first$"):
        runs.run("simulate", "small")


def test_more_images_than_asked_for_are_kept(flow):
    flow.doit()
    runs.run("simulate", "small", {"images": None})
    assert flow.doit() == []
    assert flow.images["small"] is None


def test_a_change_of_code_runs_its_stage_again(flow, monkeypatch):
    flow.doit()
    digest = code.digest
    monkeypatch.setattr(
        code, "digest", lambda module, spawns=(): digest(module, spawns) + "x" * (module == "rtl.memory")
    )
    assert flow.doit() == ["images"]  # the files are the same, and there it stops


def test_doit_keeps_no_database_that_could_be_damaged(flow, tmp_path):
    (flow.build / "small").mkdir(parents=True)
    (flow.build / "doit.db").write_bytes(b"no database" * 1000)
    assert flow.doit() == ALL
    assert flow.doit() == []
    kept = {path.name for folder in (flow.build, ROOT) for path in folder.iterdir() if "doit" in path.name}
    assert kept == {"doit.db"}


def test_a_damaged_receipt_runs_its_stage_again(flow):
    flow.doit()
    receipt(flow, "synth").write_text('{"values": 3}')
    assert flow.doit() == ["synth"]


def test_two_runs_of_a_stage_do_it_once(flow, capsys):
    """While the stage runs elsewhere, doit waits; then there is nothing left to do."""
    flow.doit()
    flow.scala.write_text("val logic = 2")
    flow.doit("elaborate:small")
    stage, build = stages.BY_NAME["images"], flow.build / "small"
    with runs._alone(stage, designs.load("small"), build):
        waiting = threading.Thread(target=runs.act, args=("images", "small"))
        waiting.start()
        while f"images:small waits for images:small (process {os.getpid()})" not in capsys.readouterr().err:
            time.sleep(0.01)
        flow.ran.clear()
        read = receipts.inputs(stage, designs.load("small"), build)
        stage.run(designs.load("small"), build, {})
        receipts.write(stage, designs.load("small"), build, {}, read)
    waiting.join(10)
    assert flow.ran == ["images"]


def test_what_a_stage_reads_does_not_change_under_it(flow, capsys):
    """While images are simulated, the Verilog stays as it is; another design is free, and so is another reader."""
    flow.doit()
    flow.doit("report:other")
    flow.ran.clear()
    with runs._alone(stages.BY_NAME["simulate"], designs.load("small"), flow.build / "small"):
        waiting = threading.Thread(target=runs.run, args=("elaborate", "small"))
        waiting.start()
        while f"elaborate:small waits for simulate:small (process {os.getpid()})" not in capsys.readouterr().err:
            time.sleep(0.01)
        runs.run("elaborate", "other")
        runs.run("synth", "small")
        assert flow.ran == ["elaborate", "synth"]
    waiting.join(10)
    assert flow.ran == ["elaborate", "synth", "elaborate"]


def test_a_link_in_the_place_of_a_receipt_is_not_followed(flow, tmp_path):
    flow.doit()
    outside = tmp_path / "precious"
    outside.write_text("mine")
    receipt(flow, "images").unlink()
    receipt(flow, "images").symlink_to(outside)
    flow.doit()
    assert outside.read_text() == "mine" and not receipt(flow, "images").is_symlink()


def test_a_published_design_has_nothing_to_train(flow):
    with pytest.raises(UserError, match=r"other has no stage train: its weights are the published model\.npz$"):
        runs.run("train", "other")


@pytest.mark.parametrize("page, block", pages.BLOCKS)
def test_the_docs_follow_from_the_code(page, block):
    """`python -m xnorfpga.flow` writes them."""
    text = (ROOT / "docs" / page).read_text()
    assert f"<!-- {block} -->\n{pages.BLOCKS[page, block]()}\n<!-- /{block} -->" in text
