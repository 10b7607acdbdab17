# SPDX-License-Identifier: Apache-2.0
"""The cocotb side of the simulate stage: images stream through the accelerator, all that leaves is recorded.

Runs inside the simulator and compares nothing. `simulate.py` leaves the job in the directory XNORFPGA_JOB, reads the
outcome there and judges it.

One convention of time: inputs change just after a rising edge, everything is looked at at the falling edge after it,
when the logic has settled, and what is agreed there takes place at the next rising edge.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, First, RisingEdge, Timer
from cocotb.utils import get_sim_time

from xnorfpga.artefacts.manifest import Manifest
from xnorfpga.network import package
from xnorfpga.network.encoding import to_int, unpack_bytes
from xnorfpga.rtl.outcome import JOB, PROGRESS, Outcome

PERIOD_NS = 10


def now() -> int:
    """Return the number of the clock cycle."""
    return int(get_sim_time("ns")) // PERIOD_NS


class Bench:
    """Wires the accelerator's ports: one source of images, one recorder of results, one a hidden layer."""

    def __init__(self, dut, job: Path) -> None:
        """Read the job; `dut` is cocotb's handle of the accelerator."""
        self.dut = dut
        self.manifest = Manifest.read(job / "manifest.json")
        arrays = package.read_npz(job / JOB)
        self.images, self.model = arrays["images"], arrays["load"].tobytes()
        self.seen = int(arrays["seen"])  # images whose hidden vectors are recorded
        self.load_checksum = -1
        self.progress = job / PROGRESS
        self.first_word_cycle: int | None = None
        self.result_cycles: list[int] = []
        self.labels: list[int] = []
        self.scores: list[list[int]] = []
        self.hidden: list[list[int]] = [[] for _ in self.manifest.layers[:-1]]

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
        await self.settle()

    async def settle(self) -> None:
        """Wait until serial thresholds are in place: latency is that of an idle accelerator."""
        for _ in range(1 + max(each.cycles - each.synapse_fold * each.neuron_fold for each in self.manifest.layers)):
            await RisingEdge(self.dut.clk)

    async def load(self) -> None:
        """Send the model through the load port, word by word, and read the checksum."""
        dut, size = self.dut, self.manifest.load_word_bits // 8
        dut.load_valid.value = 1
        for start in range(0, len(self.model), size):
            dut.load_payload.value = int.from_bytes(self.model[start : start + size], "little")
            await FallingEdge(dut.clk)
            if not dut.load_ready.value:
                await RisingEdge(dut.load_ready)
            await RisingEdge(dut.clk)
        dut.load_valid.value = 0
        for _ in range(2):
            await RisingEdge(dut.clk)
        await FallingEdge(dut.clk)
        self.load_checksum = int(dut.load_checksum.value)
        await RisingEdge(dut.clk)
        await self.settle()

    async def send(self, image: np.ndarray, last: bool) -> None:
        """Send one image (bool[planes · MW]), word by word; `last`: nobody shall wait for more to fill a group."""
        dut, width = self.dut, self.manifest.input.word_bits
        words = [to_int(image[start : start + width]) for start in range(0, len(image), width)]
        dut.images_valid.value = 1
        for k, word in enumerate(words):
            dut.images_payload_fragment.value = word
            dut.images_payload_last.value = int(last and k == len(words) - 1)
            await FallingEdge(dut.clk)
            if not dut.images_ready.value:
                await RisingEdge(dut.images_ready)
            if self.first_word_cycle is None:
                self.first_word_cycle = now()
            await RisingEdge(dut.clk)
        dut.images_valid.value = 0

    async def while_valid(self, valid, take: Callable[[], bool]) -> None:
        """Call `take` in each cycle in which `valid` is up, as long as it wants more.

        Sleeps while `valid` is down: most of a simulation.
        """
        more = True
        while more:
            if not valid.value:
                await RisingEdge(valid)
            await FallingEdge(self.dut.clk)
            if valid.value:
                more = take()

    def take_result(self) -> bool:
        """Record a result: when it came, its label and its scores."""
        bits = self.manifest.output.score_bits
        packed = int(self.dut.results_payload_scores.value)
        self.result_cycles.append(now())
        self.labels.append(int(self.dut.results_payload_label.value))
        self.scores.append([packed >> (k * bits) & ((1 << bits) - 1) for k in range(self.manifest.output.classes)])
        if len(self.labels) % max(1, len(self.images) // 200) == 0:
            self.progress.write_text(str(len(self.labels)))
        return True

    def hidden_bits(self, k: int) -> int:
        """Return the bits of an image or a window behind hidden layer k: its neurons in every bit plane."""
        return self.manifest.layers[k].output_planes * self.manifest.layers[k].mh

    def vectors(self, k: int) -> int:
        """Return how many vectors of hidden layer k an image has: of a map one a window."""
        map = self.manifest.layers[k].convolution
        return map.windows if map else 1

    def take_hidden(self, k: int):
        """Return the recorder of hidden layer k's bits, one call a group of images, or of windows."""
        payload = getattr(self.dut, f"probes_{k}_payload")
        lanes = getattr(self.dut, f"probes_{k}_lanes")
        copies = self.manifest.layers[k].windows if self.manifest.layers[k].convolution else self.manifest.copies
        width, wanted = self.hidden_bits(k), self.seen * self.vectors(k)

        def take() -> bool:
            value, valid = int(payload.value), int(lanes.value)
            for copy in range(copies):
                if valid >> copy & 1:
                    self.hidden[k].append(value >> (copy * width) & ((1 << width) - 1))
            return len(self.hidden[k]) < wanted

        return take

    async def drive(self) -> None:
        """Load the job's model, if any. Send a lone image, for its latency, then all others in a row, for their cycles.

        Ends when the results are there.
        """
        if self.model:
            await self.load()
        for index, image in enumerate(self.images):
            await self.send(image, last=index in (0, len(self.images) - 1))
            while index in (0, len(self.images) - 1) and len(self.labels) <= index:
                await Timer(16 * PERIOD_NS, "ns")
        passage = sum(layer.cycles * self.vectors(k) for k, layer in enumerate(self.manifest.layers))
        await Timer((64 + passage) * PERIOD_NS, "ns")  # a result too many would show here

    def outcome(self, seconds: float) -> Outcome:
        """Return all that was recorded."""
        hidden = []
        for k, vectors in enumerate(self.hidden):
            size = -(-self.hidden_bits(k) // 8)
            packed = np.frombuffer(b"".join(vector.to_bytes(size, "little") for vector in vectors), np.uint8)
            bits, count = unpack_bytes(packed.reshape(-1, size), self.hidden_bits(k)), self.vectors(k)
            images = len(bits) // count
            hidden.append(bits[: images * count].reshape(images, count * bits.shape[1]))
        latency = self.result_cycles[0] - self.first_word_cycle if self.result_cycles and self.first_word_cycle else -1
        return Outcome(
            labels=np.array(self.labels, np.int64),
            scores=np.array(self.scores, np.int64).reshape(-1, self.manifest.output.classes),
            hidden=hidden,
            result_cycles=np.array(self.result_cycles, np.int64),
            latency_cycles=latency,
            cycles=now(),
            seconds=seconds,
            load_checksum=self.load_checksum,
        )


@cocotb.test()
async def images_through_the_accelerator(dut) -> None:
    """Run the job to its end, or for as many cycles as it may take, and write what came."""
    job = Path(os.environ["XNORFPGA_JOB"])
    bench = Bench(dut, job)
    await bench.reset()
    cocotb.start_soon(bench.while_valid(dut.results_valid, bench.take_result))
    for k in range(len(bench.hidden) if bench.seen else 0):
        cocotb.start_soon(bench.while_valid(getattr(dut, f"probes_{k}_valid"), bench.take_hidden(k)))
    started = time.monotonic()
    await First(cocotb.start_soon(bench.drive()), Timer(int(os.environ["XNORFPGA_TIMEOUT_CYCLES"]) * PERIOD_NS, "ns"))
    bench.outcome(time.monotonic() - started).write(job)
