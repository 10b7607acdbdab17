# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of a whole accelerator. The testbench wires; the tests say what happens.

Everything random comes from the seed in VERIF_SEED; VERIF_DIRECTORY holds the elaborated configuration.
"""

import os
import random
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge, with_timeout
from cocotb.utils import get_sim_time

import coverage
from configurations import KINDS, images, network
from streams import Pause, StreamSink, StreamSource, bursts, never, sometimes
from xnorfpga import folding, golden, memory
from xnorfpga.common import read_json, write_json
from xnorfpga.golden import Model
from xnorfpga.testbench import PERIOD_NS, to_int

DIRECTORY = Path(os.environ["VERIF_DIRECTORY"])
SEED = int(os.environ["VERIF_SEED"])
NETWORKS = int(os.environ["VERIF_NETWORKS"])
CORRUPT = bool(int(os.environ.get("VERIF_CORRUPT", "0")))  # negative control: expect one wrong bit


class Testbench:
    """An accelerator with a source of images, a source of models, and a scoreboard of results in order."""

    def __init__(self, dut, rng: random.Random, pauses: tuple[Pause, Pause, Pause]) -> None:
        """Wire `dut`; the pauses are those of images, load and results."""
        self.dut, self.rng = dut, rng
        self.numpy_rng = np.random.default_rng(rng.getrandbits(64))
        self.hardware = read_json(DIRECTORY / "hardware.json")
        self.manifest = read_json(DIRECTORY / "manifest.json")
        self.images = StreamSource(dut, "images", ("payload_fragment", "payload_last"), pauses[0])
        self.load = StreamSource(dut, "load", ("payload",), pauses[1])
        self.results = StreamSink(dut, "results", ("payload_label", "payload_scores"), pauses[2], self.check)
        self.expected: list[tuple[int, int]] = []
        self.checked = 0
        self.result_cycles: list[int] = []

    async def start(self) -> None:
        """Start the clock, reset, and take results from then on."""
        self.dut.reset.value = 1
        Clock(self.dut.clk, PERIOD_NS, unit="ns").start()
        await ClockCycles(self.dut.clk, 3)
        self.dut.reset.value = 0
        cocotb.start_soon(self.results.run())

    async def load_model(self, model: Model) -> None:
        """Stream a model into the load port and read back the checksum of what arrived."""
        for word in memory.load_words(self.manifest, model):
            await self.load.send(int(word))
        await FallingEdge(self.dut.clk)
        assert self.dut.load_checksum.value == memory.load_crc32(self.manifest, model)
        await RisingEdge(self.dut.clk)

    def expect(self, model: Model, vectors: np.ndarray) -> None:
        """Put the golden model's answers on the scoreboard."""
        answers = golden.infer(model, vectors)
        bits = self.manifest["output"]["score_bits"]
        for label, scores in zip(answers.classes, answers.scores, strict=True):
            packed = sum(int(score) << (k * bits) for k, score in enumerate(scores))
            self.expected.append((int(label), packed ^ (CORRUPT and self.rng.random() < 0.2)))

    async def send(self, vector: np.ndarray, last: bool) -> None:
        """Send one image, word by word."""
        width = self.manifest["input"]["word_bits"]
        starts = range(0, len(vector), width)
        for start in starts:
            await self.images.send(to_int(vector[start : start + width]), int(last and start == starts[-1]))

    async def send_all(self, vectors: np.ndarray, flush: float = 0.0) -> None:
        """Send images; the last one is flushed, and a share of the others."""
        for k, vector in enumerate(vectors):
            await self.send(vector, k == len(vectors) - 1 or self.rng.random() < flush)

    def check(self, label: int, scores: int) -> None:
        """Compare a result with the next one expected."""
        assert self.checked < len(self.expected), "a result too many"
        assert (label, scores) == self.expected[self.checked], f"result {self.checked} of seed {SEED}"
        self.checked += 1
        self.result_cycles.append(int(get_sim_time("ns")) // PERIOD_NS)

    async def drain(self) -> None:
        """Wait until everything expected has come, and a while for what should not."""

        async def all_checked() -> None:
            while self.checked < len(self.expected):
                await RisingEdge(self.dut.clk)

        prediction = folding.predict_hardware(self.hardware)
        cycles = 200 + 20 * (prediction.latency_cycles + prediction.interval_cycles * (len(self.expected) + 2))
        await with_timeout(all_checked(), cycles * PERIOD_NS, "ns")
        await ClockCycles(self.dut.clk, 5)

    def random_network(self) -> Model:
        """Draw a network of a random kind."""
        return network(self.hardware, self.numpy_rng, self.rng.choice(KINDS))

    def random_images(self) -> np.ndarray:
        """Draw a few images, often not a multiple of the copies."""
        return images(self.hardware, self.numpy_rng, self.rng.randint(1, 2 * self.manifest["copies"] + 2))


def random_pause(rng: random.Random) -> Pause:
    """Draw a way to pause."""
    return rng.choice((never(), sometimes(rng, rng.choice((0.1, 0.5, 0.9))), bursts(rng, 12)))


@cocotb.test()
async def networks_follow_each_other_under_random_pauses(dut) -> None:
    """Models are loaded between and during images; no image is lost, and none meets half a model."""
    rng = random.Random(f"networks {SEED}")
    bench = Testbench(dut, rng, (random_pause(rng), random_pause(rng), random_pause(rng)))
    await bench.start()
    for _ in range(NETWORKS):
        model = bench.random_network()
        # Often while images of the last model are still inside: the load has to wait for them, and images for the load.
        await bench.load_model(model)
        for _ in range(rng.randint(1, 2)):
            vectors = bench.random_images()
            bench.expect(model, vectors)
            await bench.send_all(vectors, flush=rng.choice((0.0, 0.3)))
        if rng.random() < 0.3:
            await bench.drain()
    await bench.drain()
    assert bench.checked > 0
    coverage.sample("results.backpressure", "stalled" if bench.results.stalled_cycles else "never")
    write_json(
        DIRECTORY / f"transactions_{SEED}.json",
        {
            "networks": NETWORKS,
            "images": bench.checked,
            "transactions": bench.images.transfers + bench.load.transfers + bench.results.transfers,
            "stalled_cycles": bench.results.stalled_cycles,
        },
    )


@cocotb.test()
async def a_load_waits_for_every_image_inside(dut) -> None:
    """With nobody taking results, images fill every buffer; a load that comes then must wait for all of them."""
    rng = random.Random(f"full {SEED}")
    bench = Testbench(dut, rng, (never(), never(), sometimes(rng, 1.0)))
    await bench.start()
    old, new = bench.random_network(), bench.random_network()
    await bench.load_model(old)
    prediction = folding.predict_hardware(bench.hardware)
    vectors = images(bench.hardware, bench.numpy_rng, 200)
    sender = cocotb.start_soon(bench.send_all(vectors, flush=1.0))
    await ClockCycles(dut.clk, 2 * prediction.latency_cycles + 40 * prediction.interval_cycles)
    sender.cancel()  # what could not enter never will
    dut.images_valid.value = 0
    width = bench.manifest["input"]["words"]
    inside = bench.images.transfers // width
    assert inside < len(vectors), "the accelerator is not full"
    if bench.images.transfers % width == 0:
        loader = cocotb.start_soon(bench.load_model(new))
        await ClockCycles(dut.clk, 20)
        assert bench.load.transfers == len(memory.load_words(bench.manifest, old)), "the load did not wait"
        bench.expect(old, vectors[:inside])
        bench.results.pause = never()
        await bench.drain()
        await loader
    assert inside > 0


@cocotb.test()
async def initial_memory_content_works_without_a_load(dut) -> None:
    """The `$readmemb` images hold a whole model. (A simulator's memories outlive a test, so they are loaded again.)"""
    rng = random.Random(f"initial {SEED}")
    bench = Testbench(dut, rng, (never(), never(), never()))
    await bench.start()
    model = network(bench.hardware, np.random.default_rng(SEED), "ties")
    await bench.load_model(model)
    vectors = bench.random_images()
    bench.expect(model, vectors)
    await bench.send_all(vectors)
    await bench.drain()


@cocotb.test()
async def a_reset_in_the_middle_of_an_image_leaves_nothing_behind(dut) -> None:
    """After a reset at any moment the next images are right."""
    rng = random.Random(f"reset {SEED}")
    bench = Testbench(dut, rng, (never(), never(), never()))
    await bench.start()
    model = bench.random_network()
    await bench.load_model(model)
    for _ in range(4):
        sender = cocotb.start_soon(bench.send_all(bench.random_images()))
        bench.results.take = lambda *_: None
        await ClockCycles(dut.clk, rng.randint(1, 3 * folding.predict_hardware(bench.hardware).interval_cycles + 20))
        sender.cancel()
        dut.reset.value = 1
        dut.images_valid.value = 0
        await ClockCycles(dut.clk, 2)
        dut.reset.value = 0
        bench.results.forget()
        bench.results.take = bench.check
        vectors = bench.random_images()
        bench.expect(model, vectors)
        await bench.send_all(vectors)
        await bench.drain()


@cocotb.test()
async def unhindered_it_takes_the_predicted_cycles(dut) -> None:
    """Latency of a lone image and distance of groups in a row are those of the folding model, exactly."""
    rng = random.Random(f"cycles {SEED}")
    bench = Testbench(dut, rng, (never(), never(), never()))
    await bench.start()
    model = bench.random_network()
    await bench.load_model(model)
    copies = bench.manifest["copies"]
    prediction = folding.predict_hardware(bench.hardware)
    await ClockCycles(dut.clk, max(layer.cycles for layer in prediction.layers))  # idle: serial thresholds are in place

    vectors = images(bench.hardware, bench.numpy_rng, 1 + 8 * copies)
    bench.expect(model, vectors[:1])
    begin = int(get_sim_time("ns")) // PERIOD_NS
    await bench.send_all(vectors[:1])
    await bench.drain()
    assert bench.result_cycles[0] - begin == prediction.latency_cycles
    bench.expect(model, vectors[1:])
    await bench.send_all(vectors[1:])
    await bench.drain()
    groups = bench.result_cycles[1::copies]
    assert np.diff(groups[2:]).tolist() == [prediction.interval_cycles] * (len(groups) - 3)
