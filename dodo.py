# SPDX-License-Identifier: Apache-2.0
"""The graph of the stages: `doit` makes the report of mnist_small, `doit list --all` shows what else there is.

Only what depends on what stands here; what a stage does is a function of sw/xnorfpga (docs/architecture.md). Each task
depends on the parts of the design that it uses, not on the design's file: a new folding does not train again.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from doit.exceptions import TaskFailed
from doit.tools import config_changed

from xnorfpga import flow
from xnorfpga.base import paths
from xnorfpga.base.errors import UserError
from xnorfpga.design import designs
from xnorfpga.rtl import elaborate
from xnorfpga.synth import quartus_project

paths.BUILD.mkdir(parents=True, exist_ok=True)
DOIT_CONFIG = {
    "default_tasks": ["report:mnist_small"],
    "backend": "sqlite3",  # a kill leaves it whole
    "dep_file": str(paths.BUILD / "doit.db"),
    "verbosity": 2,
}

# The modules that decide what a stage writes: a change of one runs the stage again.
CODE = {
    "train": "learn/train.py learn/model.py data/mnist.py",
    "export": "learn/export.py learn/train.py learn/model.py data/mnist.py network/golden.py",
    "elaborate": "rtl/elaborate.py",
    "images": "rtl/memory.py",
    "simulate": "rtl/simulate.py rtl/testbench.py rtl/verilator.py network/golden.py design/folding.py data/mnist.py",
    "synth": "synth/synthesize.py synth/yosys.py synth/netlist.py synth/quartus.py synth/quartus_project.py",
    "report": "report/report.py report/report.html report/published.toml "
    "lab/routings.py lab/routings.json data/mnist.py",
}
RTL = ("rtl/Accelerator.v", "rtl/De1SocTop.v")


def code(stage: str) -> list[Path]:
    return [Path(flow.__file__).parent / file for file in CODE[stage].split()]


def family(stage: str, doc: str, describe: Callable[[designs.Design, Path], dict[str, Any] | None]) -> Iterator[dict]:
    """Yield the family's head and one subtask a design; `describe` gives file_dep, targets and config (None: no task).

    A design file with a mistake has its subtasks too, so that only whoever asks for it gets the message.
    """
    yield {"name": None, "doc": doc}
    for name in designs.names():
        task: dict[str, Any] | None
        try:
            task = describe(designs.load(name), paths.BUILD / name)
        except UserError as error:
            yield {"name": name, "doc": f"{doc} ({name}: has a mistake)", "actions": [(fail, [str(error)])]}
            continue
        if task is None:
            continue
        arguments = [stage, name, *([task["images"]] if "images" in task else [])]
        yield {
            "name": name,
            "doc": f"{doc} ({name})",
            "actions": [(flow.act, arguments)],
            "teardown": [(flow.settle, [stage, name])],
            "file_dep": [*task["file_dep"], *code(stage)],
            "task_dep": task.get("task_dep", []),
            "targets": task["targets"],
            "uptodate": [config_changed(task["config"]), not flow.mark(name, stage).exists()],
        }


def fail(message: str) -> TaskFailed:
    return TaskFailed(f"error: {message}")


def data() -> str | None:
    """The choice of the data set, a part of the configuration of each stage that reads it."""
    directory = os.environ.get("XNORFPGA_DATA")
    return os.path.abspath(directory) if directory else None


def model(chosen: designs.Design) -> dict[str, Any]:
    """The parts of a design that decide its weights."""
    parts = {part: asdict(getattr(chosen, part)) for part in ("network", "quantization", "training")}
    return {**parts, "data": data()}


def curve(build: Path) -> list[Path]:
    return [build / "training.json", build / "learning_curve.svg"]


def task_compile() -> dict[str, Any]:
    """SpinalHDL generator → classes (sbt, once for all designs)"""
    return {
        "actions": [compile_generator],
        "file_dep": elaborate.sources(),
        "targets": [elaborate.CLASSPATH],
    }


def compile_generator() -> TaskFailed | None:
    try:
        elaborate.CLASSPATH.unlink(missing_ok=True)
        elaborate.classpath()  # compiles under a lock: tests may be doing the same
    except UserError as error:
        return fail(str(error))
    return None


def task_train() -> Iterator[dict]:
    def describe(chosen: designs.Design, build: Path) -> dict[str, Any] | None:
        if chosen.published:
            return None
        return {"file_dep": [], "targets": [build / "checkpoint.pt", *curve(build)], "config": model(chosen)}

    return family("train", "digits → trained binary network", describe)


def task_export() -> Iterator[dict]:
    def describe(chosen: designs.Design, build: Path) -> dict[str, Any]:
        source = paths.MODELS / chosen.weights if chosen.published else build / "checkpoint.pt"
        weights = [build / f"weights/layer{k}.npz" for k in range(len(chosen.shapes))]
        return {
            "file_dep": [source],
            "targets": [build / "accelerator.json", *weights, *(curve(build) if chosen.published else [])],
            "config": {**model(chosen), "weights": chosen.weights},
        }

    return family("export", "network → bit-packed weights and integer thresholds", describe)


def task_elaborate() -> Iterator[dict]:
    def describe(chosen: designs.Design, build: Path) -> dict[str, Any]:
        return {
            "file_dep": [elaborate.CLASSPATH, *elaborate.sources()],
            "targets": [build / file for file in ("hardware.json", "manifest.json", *RTL)],
            "config": elaborate.hardware(chosen),
        }

    return family("elaborate", "shapes and folds → Verilog and manifest", describe)


def task_images() -> Iterator[dict]:
    def describe(chosen: designs.Design, build: Path) -> dict[str, Any]:
        return {
            "file_dep": [build / "manifest.json", build / "accelerator.json"],
            "targets": [build / "mem/images.json", build / "mem/load.bin"],
            "config": {},
        }

    return family("images", "weights → content of the block RAMs", describe)


def task_simulate() -> Iterator[dict]:
    def describe(chosen: designs.Design, build: Path) -> dict[str, Any]:
        inputs = ("hardware.json", "manifest.json", RTL[0], "accelerator.json", "mem/images.json", "mem/load.bin")
        count = flow.simulated_images(chosen.name)
        return {
            "file_dep": [build / file for file in inputs],
            "targets": [build / "sim.json"],
            "config": {"images": count, "dataset": chosen.network.dataset, "data": data()},
            "images": count,
        }

    return family("simulate", "test images through the RTL, against the golden model", describe)


def task_synth() -> Iterator[dict]:
    def describe(chosen: designs.Design, build: Path) -> dict[str, Any]:
        quartus = quartus_project.find()
        board = sorted(path for path in (paths.BOARDS / chosen.board.name).iterdir() if path.is_file())
        return {
            "file_dep": [*(build / file for file in ("manifest.json", *RTL)), *board],
            # Quartus puts the images into the bitstream, so they come first; a new model is loaded, not synthesized
            "task_dep": [f"images:{chosen.name}"] if quartus else [],
            "targets": [build / "synth.json"],
            "config": {"board": asdict(chosen.board), "quartus": str(quartus)},
        }

    return family("synth", "Verilog → resources and speed (Quartus, else Yosys' estimate)", describe)


def task_report() -> Iterator[dict]:
    def describe(chosen: designs.Design, build: Path) -> dict[str, Any]:
        inputs = ("accelerator.json", "hardware.json", "manifest.json", "sim.json", "synth.json")
        return {
            "file_dep": [*(build / file for file in inputs), *curve(build)],
            "targets": [build / "report/report.json", build / "report/index.html"],
            "config": {**asdict(chosen), "path": None, "data": data()},
        }

    return family("report", "all figures on one page, beside published designs", describe)
