# SPDX-License-Identifier: Apache-2.0
"""Simulate: images through the RTL, every class, score and hidden bit against the golden model.

cocotb and Verilator run the Verilog that was elaborated, with the memory contents that were written, and record all
that leaves the accelerator. `judge` compares: answers with the golden model, cycles with the folding model.
"""

import importlib.metadata
import shutil
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from xnorfpga.artefacts.accelerator import Accelerator
from xnorfpga.artefacts.hardware import Hardware
from xnorfpga.artefacts.manifest import Manifest
from xnorfpga.artefacts.memories import MemoryContents
from xnorfpga.artefacts.simulation import Simulation
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import read_json
from xnorfpga.data.load import load_dataset
from xnorfpga.data.splits import Split
from xnorfpga.design import folding
from xnorfpga.design.folding import Prediction
from xnorfpga.network import golden, package
from xnorfpga.network.encoding import Bits
from xnorfpga.network.golden import Inference
from xnorfpga.rtl import memory, verilator
from xnorfpga.rtl.outcome import JOB, OUTCOME, PROGRESS, Outcome

if TYPE_CHECKING:
    from xnorfpga.design.schema import Design

SHOWN_MISMATCHES = 20
PART_CYCLES = 500_000  # of a simulation that runs beside others: their start takes some seconds each
MAP_VECTORS = 200_000  # hidden vectors of maps that are looked at: each wakes the bench, and a map has hundreds
SHORT_CYCLES = 50_000  # below which a simulator is built quickly rather than made fast


@dataclass(frozen=True, eq=False)
class Job:
    """What is simulated and what must come out.

    The first images of `split` go in as `bits` (bool [N, bits of an image]); `labels` (int64 [N]) are the classes that
    they show.
    """

    design: str
    build: Path
    manifest: Manifest
    model_digest: str
    split: Split
    bits: Bits
    labels: NDArray[np.int64]
    expected: Inference
    prediction: Prediction
    load: bytes = b""  # a model for the load port; empty: the one that the memories hold from the start
    first: int = 0  # which image of the split is its first

    @property
    def directory(self) -> Path:
        """Return where the simulation finds its input and leaves its outcome."""
        return self.build / "sim" / str(self.first)

    def parts(self, most: int) -> list["Job"]:
        """Return jobs of some of the images each, in order, that can run at the same time: `most` at most.

        Each is long enough to be worth its start, and to show a steady state.
        """
        count = len(self.bits)
        cycles = count * self.prediction.cycles_per_image
        needed = images_needed(self.prediction.copies, self.prediction.pace.settling)
        number = max(1, min(most, int(cycles / PART_CYCLES), count // needed))
        borders = [count * k // number for k in range(number + 1)]
        return [self.part(slice(first, end)) for first, end in pairwise(borders)]

    def part(self, images: slice) -> "Job":
        """Return the job of some of the images."""
        expected = self.expected
        some = Inference([each[images] for each in expected.hidden], expected.scores[images], expected.classes[images])
        return replace(self, bits=self.bits[images], labels=self.labels[images], expected=some, first=images.start)


class Part(NamedTuple):
    """Some images of a job, a job of their own, and what left the accelerator."""

    job: Job
    outcome: Outcome


def simulate(design: "Design", build: Path, images: int | None = 1000, final: bool = False) -> Simulation:
    """Run images through the design's RTL and write `sim.json`.

    Args:
        images: how many, from the first of the split; None: all of them.
        final: take the test digits of a model that was trained here, not the validation digits. A published or
            imported model, on which no more choices are made, is always measured on the test digits where they are at
            hand.

    Raises UserError where anything differs from the golden model or from the predicted cycles; what came is then in
    `sim.failed.json`, and an earlier sim.json is gone.
    """
    job = prepare_job(design, build, images, final)
    parts, build_seconds = run(job)
    complaints = judge_all(parts)
    result = summary(job, parts, build_seconds)
    if complaints:
        (build / "sim.json").unlink(missing_ok=True)
        result.write(build / "sim.failed.json")
        raise UserError(
            f"{design.name}: the RTL differs (all in {build / 'sim.failed.json'}): " + "; ".join(complaints)
        )
    (build / "sim.failed.json").unlink(missing_ok=True)
    result.write(build / "sim.json")
    return result


def load(design: "Design", build: Path, other: Path, images: int | None = 1000, final: bool = False) -> Simulation:
    """Send another model through the load port of the design's RTL, then images, and write `sim.load.json`.

    Args:
        other: the build directory that the model was exported into. images, final: as of `simulate`, for that model.

    Raises UserError where the model is of another shape, where the checksum that the accelerator shows is not that of
    what was sent, and where `simulate` would.
    """
    job = prepare_job(design, build, images, final, other)
    result_file = build / "sim.load.json"
    result_file.unlink(missing_ok=True)
    parts, build_seconds = run(job)
    complaints, checksum = judge_all(parts), zlib.crc32(job.load)
    for wrong in {part.outcome.load_checksum for part in parts} - {checksum}:
        complaints.insert(0, f"load_checksum is {wrong:#x}, sent was {checksum:#x}")
    if complaints:
        raise UserError(f"{design.name}, loaded with {other.name}: the RTL differs: " + "; ".join(complaints))
    result = summary(job, parts, build_seconds)
    result.write(result_file)
    return result


def prepare_job(design: "Design", build: Path, images: int | None, final: bool, other: Path | None = None) -> Job:
    """Return what is to be simulated, from what the stages before have written.

    `other`: the build directory of a model that goes through the load port; None: the design's own, from the start.

    Raises UserError where files are of different models, or there are too few images to measure a steady state.
    """
    manifest, source = Manifest.read(build / "manifest.json"), other or build
    own = own_model(build)
    described = Accelerator.read(other / package.DESCRIPTION) if other else own
    model = package.load(source)
    published = described.origin != "trained"
    split = load_dataset(design.network.dataset, published=published).measured(final or published)
    count = len(split) if images is None else min(images, len(split))
    prediction = folding.predict_hardware(Hardware.read(build / "hardware.json"))
    needed = images_needed(manifest.copies, prediction.pace.settling)
    if count < needed:
        raise UserError(
            f"{design.name}: {count} of {split.name} are too few to measure a steady state; needed: {needed}"
        )
    bits = model.encode(split.images[:count])
    vectors = sum(layer.convolution.windows for layer in manifest.layers if layer.convolution)
    seen = min(count, max(needed, MAP_VECTORS // vectors)) if vectors else count
    return Job(
        design=design.name,
        build=build,
        manifest=manifest,
        model_digest=model.digest,
        split=split,
        bits=model.sent(bits),
        labels=split.labels[:count],
        expected=golden.infer(model, bits, hidden=seen),
        prediction=prediction,
        load=memory.load_bytes(read_json(build / "manifest.json"), model) if other else b"",
    )


def own_model(build: Path) -> Accelerator:
    """Return the description of the exported model, which the memories must hold.

    Raises UserError where they hold another one.
    """
    own = Accelerator.read(build / package.DESCRIPTION)
    if MemoryContents.read(build / "mem" / "images.json").model_digest != own.digest:
        raise UserError(f"{build}/mem holds the contents of another model: run `doit images:{own.design}`")
    return own


def run(job: Job) -> tuple[list[Part], float]:
    """Simulate a job in parts, as many at the same time as there are cores.

    Returns the parts, and the seconds that it took to build the simulator.

    Raises UserError where the simulator cannot be built or breaks down.
    """
    for old in (job.build / "sim").glob("[0-9]*"):  # of parts that there may not be this time
        shutil.rmtree(old)
    started = time.monotonic()
    top = job.manifest.top
    cycles = len(job.bits) * job.prediction.cycles_per_image
    effort = verilator.QUICK if cycles < SHORT_CYCLES else verilator.ARGUMENTS
    simulator = verilator.build([job.build / "rtl" / f"{top}.v"], top, effort)
    build_seconds = time.monotonic() - started
    jobs = job.parts(verilator.jobs())
    runs = [_prepared(each) for each in jobs]
    progress = [each.directory / PROGRESS for each in jobs]
    with _progress(progress, len(job.bits), f"simulate {job.design}"):
        failed = verilator.run_beside(simulator, "xnorfpga.rtl.testbench", job.build / "mem", runs)
    for each, names, (_, log) in zip(jobs, failed, runs, strict=True):
        if names or not (each.directory / OUTCOME).exists():
            raise UserError(f"{job.design}: the simulation did not come to an end; see {log}")
    return [Part(each, Outcome.read(each.directory)) for each in jobs], build_seconds


def _prepared(job: Job) -> verilator.Run:
    """Write what a simulation reads, and return its run."""
    directory, count = job.directory, len(job.bits)
    directory.mkdir(parents=True)
    job.manifest.write(directory / "manifest.json")
    seen = max(map(len, job.expected.hidden), default=0)
    arrays = {"images": job.bits, "load": np.frombuffer(job.load, np.uint8), "seen": np.array(seen)}
    package.write_npz(directory / JOB, arrays)
    (directory / PROGRESS).write_text("0")
    words = len(job.load) * 8 // job.manifest.load_word_bits
    timeout = 2 * words + 4 * (job.prediction.latency_cycles + job.prediction.interval_cycles * (count + 4))
    variables = {"XNORFPGA_JOB": str(directory.resolve()), "XNORFPGA_TIMEOUT_CYCLES": str(timeout)}
    return verilator.Run(variables, directory / "run.log")


def judge_all(parts: Sequence[Part]) -> list[str]:
    """Return all that is wrong with the outcomes, a line each."""
    judged = [judge(outcome, part.expected, part.prediction, part.first) for part, outcome in parts]
    return [line for lines in judged for line in lines]


def judge(outcome: Outcome, expected: Inference, prediction: Prediction, first: int = 0) -> list[str]:
    """Return all that is not as the golden model and the folding model say, a line each; none: the RTL is right.

    first: the number of the first image.
    """
    complaints = [*_counts(outcome, expected), *mismatches(outcome, expected, first)[:3]]
    steady = steady_cycles(outcome.result_cycles, prediction.copies, prediction.pace.settling)
    if steady is None or set(steady) != {prediction.interval_cycles}:
        found = "too few to tell how far" if steady is None else f"{steady[0]} to {steady[1]} cycles"
        complaints.append(f"groups are {found} apart, predicted {prediction.interval_cycles}")
    if outcome.latency_cycles != prediction.latency_cycles:
        complaints.append(f"latency {outcome.latency_cycles} cycles, predicted {prediction.latency_cycles}")
    return complaints


def _counts(outcome: Outcome, expected: Inference) -> list[str]:
    """Return a line for each output of which there are more or fewer than images."""
    found = [("results", len(outcome.labels), len(expected.classes))]
    for k, (came, wanted) in enumerate(zip(outcome.hidden, expected.hidden, strict=False)):
        found.append((f"vectors of hidden layer {k}", len(came), len(wanted)))
    lines = [f"{came} {what} came for {count} images" for what, came, count in found if came != count]
    if len(outcome.hidden) != len(expected.hidden):
        lines.append(f"{len(outcome.hidden)} hidden layers were seen, there are {len(expected.hidden)}")
    return lines


def mismatches(outcome: Outcome, expected: Inference, first: int = 0) -> list[str]:
    """Return a line for each image, from number `first` on, whose label, scores or hidden bits differ, those first."""
    lines = []
    for k, (got, wanted) in enumerate(zip(outcome.hidden, expected.hidden, strict=False)):
        lines += [f"image {first + image}: hidden layer {k} differs" for image in differing(got, wanted)]
    for image in wrong_results(outcome, expected):
        wanted_answer = f"label {expected.classes[image]}, scores {expected.scores[image].tolist()}"
        lines.append(f"image {first + image}: {outcome.answer(image)}; expected {wanted_answer}")
    return lines


def wrong_results(outcome: Outcome, expected: Inference) -> NDArray[np.intp]:
    """Return the images, of those whose result came, that have another label or other scores."""
    other_label = differing(outcome.labels, expected.classes)
    return np.union1d(other_label, differing(outcome.scores, expected.scores))


def differing(got: NDArray, wanted: NDArray) -> NDArray[np.intp]:
    """Return which of the rows that both arrays have are not equal."""
    both = min(len(got), len(wanted))
    return np.flatnonzero((got[:both] != wanted[:both]).any(axis=tuple(range(1, got.ndim))))


def images_needed(copies: int, settling: int = 0) -> int:
    """Return the fewest images that show a steady state: a lone one, three whole groups, and the last group's first.

    settling: groups before all following ones are equally far apart (Pace).
    """
    return (3 + settling) * copies + 2


def steady_cycles(result_cycles: NDArray[np.integer], copies: int, settling: int = 0) -> tuple[int, int] | None:
    """Return the smallest and largest distance of two groups of images in an uninterrupted run, in cycles.

    Left out are the lone image at the start, the group after it, which finds an empty pipeline, those before the
    distance has settled, and the last one, which may be smaller. None where too few results came.
    """
    groups = result_cycles[1::copies][1 + settling : -1]
    if len(groups) < 2:
        return None
    distances = np.diff(groups)
    return int(distances.min()), int(distances.max())


def summary(job: Job, parts: Sequence[Part], build_seconds: float) -> Simulation:
    """Return what `sim.json` says of a job that was simulated in parts."""
    count, prediction = len(job.bits), job.prediction
    labels, steady, wrong, wrong_hidden, correct = [], [], 0, 0, 0
    for part, outcome in parts:
        came = outcome.labels[: len(part.bits)]
        labels += outcome.labels.tolist()
        correct += int((came == part.labels[: len(came)]).sum())
        wrong += len(wrong_results(outcome, part.expected)) + abs(len(part.bits) - len(outcome.labels))
        hidden = zip(outcome.hidden, part.expected.hidden, strict=False)
        wrong_hidden += sum(len(differing(got, wanted)) for got, wanted in hidden)
        steady.append(steady_cycles(outcome.result_cycles, prediction.copies, prediction.pace.settling) or (0, 0))
    outcomes = [outcome for _, outcome in parts]
    interval = (min(each[0] for each in steady), max(each[1] for each in steady))
    cycles, seconds = sum(each.cycles for each in outcomes), max(each.seconds for each in outcomes)
    told = [line for part, outcome in parts for line in mismatches(outcome, part.expected, part.first)]
    name = job.split.name if count == len(job.split) else f"first {count} of {job.split.name}"
    return Simulation(
        design=job.design,
        images=count,
        mismatches=wrong,
        hidden_mismatches=wrong_hidden,
        hidden_vectors_checked=sum(len(vectors) for outcome in outcomes for vectors in outcome.hidden),
        cycles_per_image=float(Fraction(interval[1], prediction.copies)),
        interval_cycles=interval,
        latency_cycles=max(outcome.latency_cycles for outcome in outcomes),
        predicted_cycles_per_image=float(prediction.cycles_per_image),
        predicted_latency_cycles=prediction.latency_cycles,
        correct=correct,
        accuracy=correct / count,
        data=name,
        data_digest=job.split.digest,
        labels=tuple(labels),
        first_mismatches=tuple(told[:SHOWN_MISMATCHES]),
        cycles=cycles,
        seconds=seconds,
        build_seconds=build_seconds,
        cycles_per_second=cycles / seconds,
        model_digest=job.model_digest,
        simulator=", ".join(f"{tool} {importlib.metadata.version(tool)}" for tool in ("verilator", "cocotb")),
    )


@contextmanager
def _progress(paths: Sequence[Path], total: int, name: str) -> Iterator[None]:
    """Show a progress bar that follows the counts in some files, which other processes keep."""
    done = threading.Event()

    def follow() -> None:
        with tqdm(total=total, desc=name, unit="image", disable=None) as bar:
            while not done.wait(0.5):
                bar.update(sum(int(path.read_text() or 0) for path in paths) - bar.n)
            bar.update(total - bar.n)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
