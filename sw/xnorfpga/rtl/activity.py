# SPDX-License-Identifier: Apache-2.0
"""Activity: how often the accelerator's signals change while it works, by Verilator's SAIF trace.

A run apart from `simulate`, of few images and with a tracing simulator, so that the bit-exact run keeps its speed.
"""

import importlib.metadata
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xnorfpga.artefacts.activity import Activity, Toggles
from xnorfpga.artefacts.hardware import Hardware
from xnorfpga.artefacts.manifest import InputFacts, Manifest
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import write_text
from xnorfpga.data.load import load_dataset
from xnorfpga.design import folding, window
from xnorfpga.network import golden, package
from xnorfpga.network.encoding import Bits
from xnorfpga.rtl import signals, verilator
from xnorfpga.rtl.simulate import own_model

if TYPE_CHECKING:
    from xnorfpga.design.schema import Design

HARNESS = Path(__file__).with_name("activity.cpp")
# Built for one short run: the compiler's own effort would take longer than it saves
TRACED = ("--trace-underscore", "--trace-max-width", "1000000", "--trace-max-array", "0", "-CFLAGS", "-O0")
COUNTED = (*TRACED, "--trace-saif")
DATED = (*TRACED, "--trace-vcd", "-CFLAGS", "-DVCD")  # its macro for a VCD


@dataclass(frozen=True)
class Window:
    """What the harness left of a window of inference: its folder, and on how many images in how many cycles."""

    folder: Path
    images: int
    cycles: int
    data: str
    model_digest: str
    signals: dict[str, signals.Module]


def activity(design: "Design", build: Path) -> Activity:
    """Count the changes of signals in a window of inference and write `activity.json`.

    Raises UserError where the simulator cannot be built or breaks down, or a class is not the golden model's.
    """
    top = Manifest.read(build / "manifest.json").top
    with _worked(design, build, COUNTED) as found:
        first = signals.toggles(found.folder / "start.saif", top, found.signals)
        whole = signals.toggles(found.folder / "window.saif", top, found.signals)
    registers, logic = (
        Toggles(bits=all_.bits, transitions=all_.transitions - start.transitions)
        for all_, start in zip(whole, first, strict=True)
    )
    result = Activity(
        design=design.name,
        model_digest=found.model_digest,
        data=found.data,
        images=found.images,
        cycles=found.cycles,
        registers=registers,
        logic=logic,
        simulator=f"verilator {importlib.metadata.version('verilator')}",
    )
    result.write(build / "activity.json")
    return result


def trace(design: "Design", build: Path) -> None:
    """Write when the signals change in such a window to `sim/activity.vcd`, for Quartus' power analysis.

    Raises UserError as `activity`, and where the window is not as long as predicted, which Quartus' project says.
    """
    with _worked(design, build, DATED) as found:
        expected = window.cycles(Hardware.read(build / "hardware.json"))
        if found.cycles != expected:
            raise UserError(f"{design.name}: {found.images} images took {found.cycles} cycles, expected {expected}")
        shutil.move(found.folder / "window.vcd", build / window.VCD)


@contextmanager
def _worked(design: "Design", build: Path, options: Sequence[str]) -> Iterator[Window]:
    """Run images through the traced RTL; the block gets what that left, in a folder that goes with it."""
    manifest, described, model = Manifest.read(build / "manifest.json"), own_model(build), package.load(build)
    published = described.origin != "trained"
    split = load_dataset(design.network.dataset, published=published).measured(published)
    inside, before = (groups * manifest.copies for groups in (window.groups(manifest.copies), window.FILL))
    # Behind the window images go on coming in, so that no layer runs dry: one group a layer, and one that is collected
    count = before + inside + (len(manifest.layers) + 1) * manifest.copies
    chosen = np.linspace(0, len(split) - 1, count).astype(int)  # of a split that may be in the order of its classes
    bits = model.encode(split.images[chosen])
    expected = golden.infer(model, bits).classes[before : before + inside]
    hardware = Hardware.read(build / "hardware.json")
    predicted = folding.predict_hardware(hardware)
    limit = 2 * (predicted.latency_cycles + predicted.interval_cycles * (count // manifest.copies + 4))
    verilog = build / "rtl" / f"{manifest.top}.v"
    known = signals.modules(verilog.read_text(encoding="utf-8"))
    watched = build / "sim" / "activity.vlt"
    write_text(watched, signals.unwatched(verilog, known))
    program = verilator.build_program([watched, verilog], manifest.top, HARNESS, options)
    half_ps = round(500_000 / hardware.clock_mhz)
    with tempfile.TemporaryDirectory(prefix="xnorfpga-", dir=build / "sim") as scratch:
        images = Path(scratch) / "images"
        images.write_bytes(words(model.sent(bits), manifest.input))
        numbers = [-(-manifest.input.word_bits // 8), manifest.input.words, count, before, inside, limit, half_ps]
        command = [str(program.resolve()), str(images.resolve()), *map(str, numbers), str(Path(scratch).resolve())]
        run = subprocess.run(command, cwd=build / "mem", capture_output=True, text=True, check=False)
        if run.returncode:
            raise UserError(f"{design.name}: {program} ended with exit code {run.returncode}: {run.stderr.strip()}")
        *classes, cycles = map(int, run.stdout.split())
        if classes != expected.tolist():
            raise UserError(f"{design.name}: the RTL answers {classes}, expected {expected.tolist()}")
        yield Window(Path(scratch), inside, cycles, split.name, model.digest, known)


def words(bits: Bits, words_of_image: InputFacts) -> bytes:
    """Return images (bool [N, MW]) as the harness reads them: each word in whole bytes, its first bit lowest."""
    width, size = words_of_image.word_bits, -(-words_of_image.word_bits // 8)
    padded = np.zeros((len(bits), words_of_image.words, 8 * size), bool)
    padded[:, :, :width] = bits.reshape(len(bits), words_of_image.words, width)
    return np.packbits(padded, axis=-1, bitorder="little").tobytes()
