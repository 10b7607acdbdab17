# SPDX-License-Identifier: Apache-2.0
"""Simulate: the test images through the RTL, every class, score and hidden bit against the golden model.

cocotb and Verilator run the Verilog that was elaborated, with the memory images that were written; cycles an image and
latency are measured and must equal the folding model's prediction.
"""

import importlib.metadata
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from xnorfpga.base.errors import UserError
from xnorfpga.base.files import read_json, write_json
from xnorfpga.data import mnist
from xnorfpga.design import folding
from xnorfpga.network import golden, package
from xnorfpga.network.encoding import binarize
from xnorfpga.rtl import verilator

if TYPE_CHECKING:
    from xnorfpga.design.designs import Design


@contextmanager
def _progress(path: Path, total: int, name: str) -> Iterator[None]:
    """Show a progress bar that follows the count in `path`, which another process keeps."""
    path.write_text("0")
    done = threading.Event()

    def follow() -> None:
        with tqdm(total=total, desc=name, unit="image", disable=None) as bar:
            while not done.wait(0.5):
                bar.update(int(path.read_text() or 0) - bar.n)
            bar.update(total - bar.n)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def steady_cycles(result_cycles: list[int], copies: int) -> tuple[int, int]:
    """Return the smallest and largest distance of two groups of images in an uninterrupted run, in cycles.

    Left out are the lone image at the start, the group after it, which finds an empty pipeline, and the last one,
    which may be smaller. Raises UserError where too few groups are left.
    """
    groups = result_cycles[1::copies][1:-1]
    if len(groups) < 2:
        raise UserError(f"{len(result_cycles)} images are too few to measure a steady state; {4 * copies + 2} will do")
    distances = np.diff(groups)
    return int(distances.min()), int(distances.max())


def simulate(design: "Design", build: Path, images: int | None = 1000) -> dict[str, Any]:
    """Run test images through the design's RTL and write `sim.json`.

    Args:
        images: how many of the test images, from the first; None: all of them.

    Returns:
        what is in sim.json.

    Raises UserError where anything differs from the golden model or from the predicted cycles; the evidence is then in
    `sim.failed.json`, and an earlier sim.json is gone.
    """
    manifest, description = read_json(build / "manifest.json"), read_json(build / "accelerator.json")
    written = read_json(build / "mem" / "images.json")["model_digest"]
    if written != description["digest"]:
        raise UserError(f"{build}/mem holds the images of another model: run `doit images:{design.name}`")
    (build / "sim.json").unlink(missing_ok=True)

    model = package.load(build)
    dataset = mnist.load(design.network.dataset, published=description["origin"] == "published")
    count = len(dataset.test_images) if images is None else min(images, len(dataset.test_images))
    bits = binarize(dataset.test_images[:count], model.input_threshold)
    expected = golden.infer(model, bits)
    prediction = folding.predict_hardware(read_json(build / "hardware.json"))

    job = build / "sim"
    job.mkdir(parents=True, exist_ok=True)
    (job / "outcome.json").unlink(missing_ok=True)
    write_json(job / "manifest.json", manifest)
    arrays = {"images": bits, "scores": expected.scores, "labels": expected.classes}
    arrays |= {f"hidden{k}": vectors for k, vectors in enumerate(expected.hidden)}
    np.savez(job / "job.npz", allow_pickle=False, **arrays)

    started = time.monotonic()
    simulator = verilator.build([build / "rtl" / f"{manifest['top']}.v"], manifest["top"])
    build_seconds = time.monotonic() - started
    timeout = 4 * (prediction.latency_cycles + prediction.interval_cycles * (count + 4))
    with _progress(job / "progress", count, f"simulate {design.name}"):
        failed = verilator.run(
            simulator,
            "xnorfpga.rtl.testbench",
            build / "mem",
            {"XNORFPGA_JOB": str(job.resolve()), "XNORFPGA_TIMEOUT_CYCLES": str(timeout)},
            job / "run.log",
        )
    if not (job / "outcome.json").exists():
        raise UserError(f"{design.name}: the simulation did not come to an end; see {job / 'run.log'}")
    outcome = read_json(job / "outcome.json")
    fastest, slowest = steady_cycles(outcome["result_cycles"], manifest["copies"])
    correct = int((np.array(outcome["labels"][:count]) == dataset.test_labels[: len(outcome["labels"])]).sum())
    result = {
        "design": design.name,
        "images": count,
        "mismatches": outcome["wrong_results"] + abs(count - len(outcome["labels"])),
        "hidden_mismatches": sum(outcome["hidden_mismatches"]),
        "hidden_vectors_checked": sum(outcome["hidden_checked"]),
        "cycles_per_image": float(Fraction(slowest, manifest["copies"])),
        "interval_cycles": [fastest, slowest],
        "latency_cycles": outcome["latency_cycles"],
        "predicted_cycles_per_image": float(prediction.cycles_per_image),
        "predicted_latency_cycles": prediction.latency_cycles,
        "correct": correct,
        "accuracy": correct / count,
        "data": dataset.test_name if count == len(dataset.test_images) else f"first {count} of {dataset.test_name}",
        "labels": outcome["labels"],
        "first_mismatches": outcome["mismatches"],
        "cycles": outcome["cycles"],
        "seconds": outcome["seconds"],
        "build_seconds": build_seconds,
        "cycles_per_second": outcome["cycles"] / outcome["seconds"],
        "model_digest": model.digest,
        "simulator": ", ".join(f"{tool} {importlib.metadata.version(tool)}" for tool in ("verilator", "cocotb")),
    }
    complaints = list(outcome["mismatches"][:3])
    if result["hidden_vectors_checked"] != count * len(expected.hidden):
        complaints.append(f"{result['hidden_vectors_checked']} hidden vectors came, not {count * len(expected.hidden)}")
    if not (fastest == slowest == prediction.interval_cycles):
        complaints.append(f"groups are {fastest} to {slowest} cycles apart, predicted {prediction.interval_cycles}")
    if outcome["latency_cycles"] != prediction.latency_cycles:
        complaints.append(f"latency {outcome['latency_cycles']} cycles, predicted {prediction.latency_cycles}")
    if failed and not complaints:
        complaints.append(f"test {failed[0]} failed, see {job / 'run.log'}")
    if complaints:
        write_json(build / "sim.failed.json", result)
        raise UserError(
            f"{design.name}: the RTL differs (all in {build / 'sim.failed.json'}): " + "; ".join(complaints)
        )
    (build / "sim.failed.json").unlink(missing_ok=True)
    write_json(build / "sim.json", result)
    return result
