# SPDX-License-Identifier: Apache-2.0
"""The table of stages, in the order of the flow. doit, the command line and docs/contracts.md follow from it.

A stage is a function of a design and its build directory. Its module is imported when it runs, not before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any

from xnorfpga.artefacts.sweep import COMPARISON
from xnorfpga.base import paths
from xnorfpga.design import window
from xnorfpga.design.schema import Design
from xnorfpga.flow import code
from xnorfpga.rtl import elaborate
from xnorfpga.synth.quartus import project, steps

RECORD = "training.json"


@dataclass(frozen=True)
class Stage:
    """One stage.

    name: for doit and the command line; help: what it does, for people; change: from what to what, for doit's list.
    module, function: what runs, called with `design` and `build` (and the command's options).
    uses: the parts of the design that its result depends on, as dotted names.
    reads, writes: files under build/NAME, as patterns. A pattern without a star is a file that is always there.
    trained_reads, published_writes: read only where the network is trained here, written only of a published model.
    outside: files elsewhere that it reads. environment: what else decides its result.
    spawns: modules that run in a process of their own, which imports do not show.
    trains: the stage is skipped where the weights come from a model's file.
    quartus: the stage is skipped where Quartus is not installed. quartus_reads: read only where it is.
    enough: whether a result with some options serves whoever asks for others.
    """

    name: str
    help: str
    change: str
    module: str
    function: str
    uses: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    trained_reads: tuple[str, ...] = ()
    published_writes: tuple[str, ...] = ()
    outside: Callable[[Design], list[Path]] = lambda design: []
    environment: Callable[[], dict[str, Any]] = dict
    spawns: tuple[str, ...] = ()
    trains: bool = False
    quartus: bool = False
    quartus_reads: tuple[str, ...] = ()
    options: Callable[[Design], dict[str, Any]] = lambda design: {}
    enough: Callable[[Mapping[str, Any], Mapping[str, Any]], bool] = lambda had, asked: had == asked

    def applies(self, design: Design) -> bool:
        """Return whether the design has this stage."""
        return self.why_not(design) is None

    def why_not(self, design: Design) -> str | None:
        """Return why the design has no such stage here, None where it has it."""
        if self.trains and design.published:
            return f"its weights are the {design.origin} {design.weights}"
        if self.quartus and not project.installed():
            return f"{steps.NEEDED}"
        return None

    def inputs(self, design: Design) -> tuple[str, ...]:
        """Return the patterns of the files under build/NAME that it reads; an imported model has no record."""
        patterns = self.reads + (() if design.published else self.trained_reads)
        patterns += self.quartus_reads if project.installed() else ()
        return tuple(pattern for pattern in patterns if pattern != RECORD or design.training)

    def outputs(self, design: Design) -> tuple[str, ...]:
        """Return the patterns of the files under build/NAME that it writes."""
        return self.writes + (self.published_writes if design.origin == "published" else ())

    def run(self, design: Design, build: Path, options: Mapping[str, Any]) -> None:
        """Call the stage's function.

        Raises UserError for all that a user can mend.
        """
        getattr(import_module(f"xnorfpga.{self.module}"), self.function)(design=design, build=build, **options)


def data_source() -> dict[str, Any]:
    """Return the choice of the data set."""
    return {"data": paths.data_directory()}


def quartus() -> dict[str, Any]:
    """Return whether, and where, Quartus is installed."""
    return {"quartus": str(project.find())}


def model_file(design: Design) -> list[Path]:
    """Return the file of a published or imported model."""
    return [design.model] if design.published else []


def generator(design: Design) -> list[Path]:
    """Return the sources of the Scala generator."""
    return elaborate.sources()


def board(design: Design) -> list[Path]:
    """Return the files of the design's board, and what all boards share."""
    folder = paths.BOARDS / design.board.name
    return [*sorted(path for path in folder.iterdir() if path.is_file()), project.TIMING]


def harness(design: Design) -> list[Path]:
    """Return the program in C++ that drives the traced RTL, which no import shows."""
    return [code.PACKAGE / "rtl" / "activity.cpp"]


def comparison(design: Design) -> list[Path]:
    """Return the comparison of methods that stands in every report."""
    return [COMPARISON]


def as_many_images(had: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Return whether as many images were simulated as are asked for (None: all), and the test digits if they are."""
    many = had["images"] is None or (asked["images"] is not None and had["images"] >= asked["images"])
    return many and had.get("final", False) >= asked["final"]


PROJECT = steps.FOLDER.as_posix()
REPORTS = f"{PROJECT}/{project.OUTPUT}"
SIMULATED = (
    "hardware.json",
    "manifest.json",
    "rtl/*.v",
    "accelerator.json",
    "weights/*.npz",
    "mem/images.json",
    "mem/*.bin",
)
MEMORIES = ("mem/images.json", "mem/load.bin", "mem/*.bin")
STAGES = (
    Stage(
        "train",
        "train the network",
        "digits → trained binary network",
        "learn.train",
        "train",
        uses=("network", "quantization", "training"),
        writes=("checkpoint.pt", RECORD),
        environment=data_source,
        trains=True,
    ),
    Stage(
        "export",
        "pack the weights and turn batch norms into integer thresholds",
        "network → bit-packed weights and integer thresholds",
        "learn.export",
        "export",
        uses=("network", "quantization", "training", "weights"),
        trained_reads=("checkpoint.pt",),
        writes=("accelerator.json", "weights/*.npz"),
        published_writes=(RECORD,),
        outside=model_file,
        environment=data_source,
    ),
    Stage(
        "fold",
        "write the design's folding, solved where it gives a goal, and print what else fits",
        "design → a fold for each layer",
        "design.fold",
        "fold",
        uses=("network", "folding", "board"),
        writes=("folding.json",),
    ),
    Stage(
        "elaborate",
        "write the Verilog and the manifest",
        "shapes and folds → Verilog and manifest",
        "rtl.elaborate",
        "elaborate",
        uses=("network", "board"),
        reads=("folding.json",),
        writes=("hardware.json", "manifest.json", "rtl/*.v"),
        outside=generator,
    ),
    Stage(
        "images",
        "write the block RAMs' contents",
        "weights → content of the block RAMs",
        "rtl.memory",
        "write_images",
        uses=("network.dataset", "weights"),
        reads=("manifest.json", "accelerator.json", "weights/*.npz"),
        writes=MEMORIES,
        environment=data_source,
    ),
    Stage(
        "simulate",
        "run images through the RTL and compare with the golden model",
        "images through the RTL, against the golden model",
        "rtl.simulate",
        "simulate",
        uses=("network.dataset", "weights"),
        reads=SIMULATED,
        writes=("sim.json",),
        environment=data_source,
        spawns=("rtl.testbench",),
        options=lambda design: {"images": design.simulation.count, "final": False},
        enough=as_many_images,
    ),
    *(
        Stage(
            name,
            what,
            title,
            "rtl.activity",
            name,
            uses=("network.dataset", "weights"),
            reads=SIMULATED,
            writes=(file,),
            outside=harness,
            environment=data_source,
            quartus=quartus_alone,
        )
        for name, what, title, file, quartus_alone in (
            (
                "activity",
                "count how often the RTL's signals change while it works, for the energy",
                "images through the RTL → toggles of its signals",
                "activity.json",
                False,
            ),
            (
                "trace",
                "record when the RTL's signals change in such a run, for Quartus' power analysis",
                "images through the RTL → VCD of its signals",
                str(window.VCD),
                True,
            ),
        )
    ),
    Stage(
        "project",
        "write the project for Quartus",
        "Verilog, pins and constraints → Quartus project",
        "synth.quartus.steps",
        "write",
        uses=("board",),
        reads=("manifest.json", "hardware.json", "rtl/*.v"),
        writes=(f"{PROJECT}/*.qpf", f"{PROJECT}/*.qsf", f"{PROJECT}/*.sdc"),
        outside=board,
        environment=quartus,
        quartus=True,
    ),
    *(
        Stage(
            name,
            f"run {tool} on the project: {what}",
            f"Quartus: {what}",
            "synth.quartus.steps",
            function,
            reads=("manifest.json", *reads),
            writes=tuple(f"{REPORTS}/{pattern}" for pattern in (f"*.{name}.*", *more)),
            environment=quartus,
            quartus=True,
        )
        for name, tool, what, function, reads, more in (
            ("map", "quartus_map", "synthesis", "synthesize", (f"{PROJECT}/*.qsf", f"{PROJECT}/*.sdc", "rtl/*.v"), ()),
            ("fit", "quartus_fit", "placement and routing", "fit", (f"{REPORTS}/*.map.*",), ()),
            ("asm", "quartus_asm", "bitstream", "assemble", (f"{REPORTS}/*.fit.*",), ("*.sof",)),
            ("sta", "quartus_sta", "timing analysis", "time", (f"{REPORTS}/*.fit.*",), ()),
            ("pow", "quartus_pow", "power analysis", "power", (f"{REPORTS}/*.asm.*", str(window.VCD)), ()),
        )
    ),
    Stage(
        "synth",
        "estimate with Yosys, and read what Quartus did where it is installed",
        "Verilog → resources and speed (Quartus, else Yosys' estimate)",
        "synth.synthesize",
        "synthesize",
        uses=("board",),
        reads=("manifest.json", "rtl/*.v"),
        writes=("synth.json",),
        outside=board,
        environment=quartus,
        quartus_reads=tuple(
            f"{REPORTS}/{pattern}" for pattern in ("*.map.*", "*.fit.*", "*.sof", "*.sta.*", "*.pow.*")
        ),
    ),
    Stage(
        "report",
        "write the report page and report.json",
        "all figures on one page, beside published designs",
        "report.report",
        "report",
        uses=("name", "weights", "network", "quantization", "training", "folding", "board"),
        reads=(
            "accelerator.json",
            "hardware.json",
            "manifest.json",
            "sim.json",
            "activity.json",
            "synth.json",
            RECORD,
        ),
        writes=("report/report.json", "report/index.html"),
        outside=comparison,
        environment=data_source,
    ),
)
BY_NAME = {stage.name: stage for stage in STAGES}


def writers(stage: Stage, design: Design) -> list[Stage]:
    """Return the stages whose files a stage reads, in the order of the flow."""
    wanted = stage.inputs(design)

    def meets(written: str) -> bool:
        return any(fnmatchcase(written, pattern) or fnmatchcase(pattern, written) for pattern in wanted)

    return [each for each in STAGES if each.applies(design) and any(map(meets, each.outputs(design)))]
