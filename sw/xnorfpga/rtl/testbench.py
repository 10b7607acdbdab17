# SPDX-License-Identifier: Apache-2.0
"""The cocotb side of the simulate stage: images stream through the accelerator, all that leaves is checked.

Runs inside the simulator. `simulate.py` leaves the job in the directory XNORFPGA_JOB and reads the outcome there.

One convention of time: inputs change just after a rising edge, everything is looked at at the falling edge after it,
when the logic has settled, and what is agreed there takes place at the next rising edge.
"""

import os
import time
from pathlib import Path
from typing import NoReturn

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, First, RisingEdge, Timer
from cocotb.utils import get_sim_time

from xnorfpga.base.files import read_json, write_json
from xnorfpga.network.encoding import to_int

PERIOD_NS = 10
SHOWN_MISMATCHES = 20


def now() -> int:
    """Return the number of the clock cycle."""
    return int(get_sim_time("ns")) // PERIOD_NS


class Bench:
    """Wires the accelerator's ports to the job: one source of images, one checker of results, one a hidden layer."""

    def __init__(self, dut, job: Path) -> None:
        """Read the job; `dut` is cocotb's handle of the accelerator."""
        self.dut = dut
        self.manifest = read_json(job / "manifest.json")
        arrays = np.load(job / "job.npz")
        self.images = arrays["images"]
        self.scores = arrays["scores"]
        self.labels = arrays["labels"]
        self.hidden = [arrays[f"hidden{k}"] for k in range(len(self.manifest["layers"]) - 1)]
        self.progress = job / "progress"
        self.first_word_cycles: list[int] = []
        self.result_cycles: list[int] = []
        self.got_labels: list[int] = []
        self.mismatches: list[str] = []
        self.wrong_results = 0
        self.hidden_seen = [0] * len(self.hidden)
        self.hidden_mismatches = [0] * len(self.hidden)

    async def reset(self) -> None:
        """Bring the accelerator to its first state, all inputs quiet and the results always taken."""
        dut = self.dut
        for port in (
            dut.images_valid,
            dut.images_payload_last,
            dut.images_payload_fragment,
            dut.load_valid,
            dut.load_payload,
        ):
            port.value = 0
        dut.results_ready.value = 1
        dut.reset.value = 1
        Clock(dut.clk, PERIOD_NS, unit="ns", impl="gpi").start()
        for _ in range(4):
            await RisingEdge(dut.clk)
        dut.reset.value = 0
        layers = self.manifest["layers"]
        for _ in range(1 + max(layer["cycles"] - layer["words"] * layer["groups"] for layer in layers)):
            await RisingEdge(dut.clk)  # until serial thresholds are in place: latency is that of an idle accelerator

    async def send(self, image: np.ndarray, last: bool) -> None:
        """Send one image (bool[MW]), word by word; `last`: the accelerator shall not wait for more to fill a group."""
        dut, width = self.dut, self.manifest["input"]["word_bits"]
        words = [to_int(image[start : start + width]) for start in range(0, len(image), width)]
        dut.images_valid.value = 1
        for k, word in enumerate(words):
            dut.images_payload_fragment.value = word
            dut.images_payload_last.value = int(last and k == len(words) - 1)
            await FallingEdge(dut.clk)
            if not dut.images_ready.value:
                await RisingEdge(dut.images_ready)
            if k == 0:
                self.first_word_cycles.append(now())
            await RisingEdge(dut.clk)
        dut.images_valid.value = 0

    async def while_valid(self, valid, take) -> NoReturn:
        """Call `take` in each cycle in which `valid` is up. Sleeps while it is down: most of a simulation."""
        while True:
            if not valid.value:
                await RisingEdge(valid)
            await FallingEdge(self.dut.clk)
            if valid.value:
                take()

    def take_result(self) -> None:
        """Check a result against the golden model's label and scores."""
        index = len(self.got_labels)
        bits = self.manifest["output"]["score_bits"]
        packed, label = int(self.dut.results_payload_scores.value), int(self.dut.results_payload_label.value)
        scores = [packed >> (k * bits) & ((1 << bits) - 1) for k in range(self.manifest["output"]["classes"])]
        self.result_cycles.append(now())
        self.got_labels.append(label)
        if index >= len(self.labels):
            self.wrong_results += 1
            self.report(f"result {index}: there is no image for it")
        elif label != self.labels[index] or scores != self.scores[index].tolist():
            self.wrong_results += 1
            expected = f"label {self.labels[index]}, scores {self.scores[index].tolist()}"
            self.report(f"image {index}: label {label}, scores {scores}; expected {expected}")
        if index % max(1, len(self.images) // 200) == 0:
            self.progress.write_text(str(index + 1))

    def take_hidden(self, k: int):
        """Return the check of hidden layer k's bits, one call a group of images."""
        payload = getattr(self.dut, f"taps_{k}_payload")
        lanes = getattr(self.dut, f"taps_{k}_lanes")
        copies, width = self.manifest["copies"], self.manifest["layers"][k]["mh"]

        def take() -> None:
            value, valid = int(payload.value), int(lanes.value)
            for copy in range(copies):
                if valid >> copy & 1:
                    index = self.hidden_seen[k]
                    self.hidden_seen[k] += 1
                    got = value >> (copy * width) & ((1 << width) - 1)
                    if index >= len(self.images) or got != to_int(self.hidden[k][index]):
                        self.hidden_mismatches[k] += 1
                        self.report(f"image {index}: hidden layer {k} differs")

        return take

    def report(self, mismatch: str) -> None:
        """Keep the first mismatches for the user."""
        if len(self.mismatches) < SHOWN_MISMATCHES:
            self.mismatches.append(mismatch)

    async def results(self, count: int, timeout_cycles: int) -> None:
        """Wait until `count` results have come; a test that waits for ever fails instead."""
        deadline = Timer(timeout_cycles * PERIOD_NS, "ns")
        while len(self.got_labels) < count:
            step = Timer(PERIOD_NS * 16, "ns")
            assert await First(step, deadline) is step, f"{count - len(self.got_labels)} results never came"


@cocotb.test()
async def images_through_the_accelerator(dut) -> None:
    """Every class, every score and every hidden bit equals the golden model; cycles are measured on the way."""
    job = Path(os.environ["XNORFPGA_JOB"])
    bench = Bench(dut, job)
    timeout = int(os.environ["XNORFPGA_TIMEOUT_CYCLES"])
    await bench.reset()
    cocotb.start_soon(bench.while_valid(dut.results_valid, bench.take_result))
    for k in range(len(bench.hidden)):
        cocotb.start_soon(bench.while_valid(getattr(dut, f"taps_{k}_valid"), bench.take_hidden(k)))

    started = time.monotonic()
    await bench.send(bench.images[0], last=True)  # alone: its latency
    await bench.results(1, timeout)
    for index in range(1, len(bench.images)):  # in a row: cycles an image
        await bench.send(bench.images[index], last=index == len(bench.images) - 1)
    await bench.results(len(bench.images), timeout)
    await Timer(64 * PERIOD_NS, "ns")  # a result too many would show here

    write_json(
        job / "outcome.json",
        {
            "labels": bench.got_labels,
            "result_cycles": bench.result_cycles,
            "latency_cycles": bench.result_cycles[0] - bench.first_word_cycles[0],
            "wrong_results": bench.wrong_results,
            "hidden_mismatches": bench.hidden_mismatches,
            "hidden_checked": bench.hidden_seen,
            "mismatches": bench.mismatches,
            "cycles": now(),
            "seconds": time.monotonic() - started,
        },
    )
    assert len(bench.got_labels) == len(bench.images)
    assert not bench.mismatches, bench.mismatches[0]
