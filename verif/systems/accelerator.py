# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of a whole accelerator. The testbench wires; the tests say what happens.

Everything random comes from the seed in VERIF_SEED; VERIF_DIRECTORY holds the elaborated configuration.
"""

import os
import random
import zlib
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, Event, FallingEdge, RisingEdge, with_timeout
from cocotb.utils import get_sim_steps, get_sim_time

from bench import configurations, coverage
from bench.configurations import KINDS, images, network
from bench.streams import Pause, StreamSink, StreamSource, never, random_pause, sometimes
from xnorfpga.artefacts.hardware import Hardware
from xnorfpga.base.files import read_json
from xnorfpga.design import folding
from xnorfpga.network import golden
from xnorfpga.network.golden import Model
from xnorfpga.rtl import memory
from xnorfpga.rtl.testbench import PERIOD_NS, to_int

DIRECTORY = Path(os.environ["VERIF_DIRECTORY"])
SEED = int(os.environ["VERIF_SEED"])
NETWORKS = int(os.environ.get("VERIF_NETWORKS", "0"))
CORRUPT = bool(int(os.environ.get("VERIF_CORRUPT", "0")))  # negative control: expect one wrong bit
MUTANT = os.environ.get("VERIF_MUTANT")  # the fault to switch on, where the design has such a port


@dataclass(frozen=True)
class Expected:
    """What must come out for an image, and the bins that are met when it does."""

    label: int
    scores: int
    met: list[tuple[str, str]]


class Testbench:
    """An accelerator with a source of images, a source of models, and scoreboards of results and of hidden layers."""

    def __init__(self, dut, rng: random.Random, pauses: tuple[Pause, Pause, Pause] | None = None) -> None:
        """Wire `dut`; the pauses are those of images, load and results: none where they are not given."""
        pauses = pauses or (never(), never(), never())
        self.dut, self.rng = dut, rng
        self.numpy_rng = np.random.default_rng(rng.getrandbits(64))
        self.hardware = read_json(DIRECTORY / "hardware.json")
        self.manifest = read_json(DIRECTORY / "manifest.json")
        self.prediction = folding.predict_hardware(Hardware.read(DIRECTORY / "hardware.json"))
        self.images = StreamSource(dut, "images", ("payload_fragment", "payload_last"), pauses[0])
        self.load = StreamSource(dut, "load", ("payload",), pauses[1])
        self.results = StreamSink(dut, "results", ("payload_label", "payload_scores"), pauses[2], self.check)
        self.expected: deque[Expected] = deque()
        self.hidden: list[deque[int]] = [deque() for _ in self.manifest["layers"][:-1]]
        self.groups: list[deque[tuple[int, str]]] = [deque() for _ in self.hidden]
        self.lanes = self.sent = self.checked = 0  # images in the group being filled; sent; answered
        self.loading = False
        self.answered = Event()
        self.stalled = 0
        self.result_times: list[int] = []  # simulation steps: nanoseconds would be rounded

    async def start(self) -> None:
        """Start the clock, reset, and look at results and hidden layers from then on."""
        if MUTANT is not None:
            self.dut.mutant.value = int(MUTANT)
        self.dut.reset.value = 1
        Clock(self.dut.clk, PERIOD_NS, unit="ns", impl="gpi").start()
        await ClockCycles(self.dut.clk, 3)
        assert self.dut.load_checksum.value == 0, "a checksum before any load"
        self.dut.reset.value = 0
        cocotb.start_soon(self.results.run())
        for k in range(len(self.hidden)):
            cocotb.start_soon(self.watch(k))

    async def reset(self) -> None:
        """Reset: nothing of what was inside comes out any more."""
        for source in (self.images, self.load):
            source.valid.value = 0
        self.dut.reset.value = 1
        await RisingEdge(self.dut.clk)
        self.results.forget()
        for queue in (self.expected, *self.hidden, *self.groups):
            queue.clear()
        self.lanes, self.sent, self.checked, self.loading = 0, 0, 0, False
        await RisingEdge(self.dut.clk)
        self.dut.reset.value = 0

    def leave(self, why: str) -> None:
        """Note that the group being filled goes on."""
        for groups in self.groups:
            groups.append((self.lanes, why))
        self.lanes = 0

    async def load_model(self, model: Model) -> None:
        """Stream a model into the load port, anything in bits that no memory stores, and read back the checksum."""
        coverage.sample("load.while_busy", "yes" if self.sent > self.checked else "no")
        if self.lanes:
            self.leave("cut by a load")
        self.loading = True
        paused = self.load.paused_cycles
        words = memory.load_words(self.manifest, model, spare=self.numpy_rng)
        for word in words:
            await self.load.send(int(word))
        self.loading = False
        coverage.sample("load.gaps", "paused" if self.load.paused_cycles > paused else "never")
        await RisingEdge(self.dut.clk)
        await FallingEdge(self.dut.clk)
        assert self.dut.load_checksum.value == zlib.crc32(memory.word_bytes(self.manifest, words))
        await RisingEdge(self.dut.clk)

    def expect(self, model: Model, vectors: np.ndarray) -> None:
        """Put the golden model's answers on the scoreboards."""
        answers = golden.infer(model, vectors)
        bits = self.manifest["output"]["score_bits"]
        rows = zip(answers.classes, answers.scores, met(model, vectors, answers), strict=True)
        for label, scores, bins in rows:
            packed = sum(int(score) << (k * bits) for k, score in enumerate(scores))
            self.expected.append(Expected(int(label), packed ^ (CORRUPT and self.rng.random() < 0.2), bins))
        for queue, hidden in zip(self.hidden, answers.hidden, strict=True):
            queue.extend(to_int(vector) for vector in hidden)

    async def send(self, vector: np.ndarray, last: bool) -> None:
        """Send one image, word by word."""
        width = self.manifest["input"]["word_bits"]
        starts = range(0, len(vector), width)
        gap = "none"
        for start in starts:
            paused, stalled, held = self.images.paused_cycles, self.images.stalled_cycles, self.loading
            await self.images.send(to_int(vector[start : start + width]), int(last and start == starts[-1]))
            if self.images.paused_cycles > paused:
                gap = "within" if start else "before"
            if start == 0:
                waited = self.images.stalled_cycles > stalled
                coverage.sample("image.waits", ("for a load" if held else "for the engine") if waited else "never")
        coverage.sample("image.gaps", gap)
        self.sent += 1
        self.lanes += 1
        if last or self.lanes == self.manifest["copies"]:
            self.leave("full" if self.lanes == self.manifest["copies"] else "flushed")

    async def send_all(self, vectors: np.ndarray, flush: float = 0.0, flush_last: bool = True) -> None:
        """Send images, a share of them flushed; without `flush_last` the last group may wait for more."""
        for k, vector in enumerate(vectors):
            await self.send(vector, self.rng.random() < flush or (flush_last and k == len(vectors) - 1))

    def check(self, label: int, scores: int) -> None:
        """Compare a result with the next one expected."""
        assert self.expected, "a result too many"
        expected = self.expected.popleft()
        assert (label, scores) == (expected.label, expected.scores), f"result {self.checked} of seed {SEED}"
        self.checked += 1
        if not self.expected:
            self.answered.set()
        self.result_times.append(get_sim_time())
        for point, bin in expected.met:
            coverage.sample(point, bin)
        coverage.sample("results.backpressure", "stalled" if self.results.stalled_cycles > self.stalled else "never")
        self.stalled = self.results.stalled_cycles

    async def watch(self, k: int) -> None:
        """Compare what hidden layer `k` shows with the golden model, and the lanes with the images that were sent."""
        valid, payload, lanes = (getattr(self.dut, f"taps_{k}_{name}") for name in ("valid", "payload", "lanes"))
        mh = self.manifest["layers"][k]["mh"]
        while True:
            await RisingEdge(valid)
            await FallingEdge(self.dut.clk)
            while valid.value:
                assert self.groups[k], f"layer {k}: a group too many"
                count, why = self.groups[k].popleft()
                assert lanes.value == (1 << count) - 1, f"layer {k}: lanes {lanes.value}, {count} images were sent"
                bits = int(payload.value)
                for lane in range(count):
                    got = bits >> (lane * mh) & ((1 << mh) - 1)
                    assert got == self.hidden[k].popleft(), f"hidden layer {k}, lane {lane}, seed {SEED}"
                if k == 0:
                    coverage.sample("group.left", why)
                await FallingEdge(self.dut.clk)

    async def drain(self) -> None:
        """Wait until everything expected has come, and a while for what should not."""

        async def all_checked() -> None:
            while self.expected:
                self.answered.clear()
                await self.answered.wait()

        cycles = 200 + 20 * (
            self.prediction.latency_cycles + self.prediction.interval_cycles * (len(self.expected) + 2)
        )
        await with_timeout(all_checked(), cycles * PERIOD_NS, "ns")
        await ClockCycles(self.dut.clk, 5)
        assert not any(self.hidden) and not any(self.groups), "a hidden layer was never seen"

    def random_network(self) -> Model:
        """Draw a network of a random kind."""
        return network(self.hardware, self.numpy_rng, self.rng.choice(KINDS))

    def random_images(self, more: int = 0) -> np.ndarray:
        """Draw a few images, often not a multiple of the copies, and `more` of them."""
        return images(self.hardware, self.numpy_rng, more + self.rng.randint(1, 2 * self.manifest["copies"] + 2))

    @property
    def transactions(self) -> int:
        """Beats that passed at the three ports."""
        return self.images.transfers + self.load.transfers + self.results.transfers


def met(model: Model, vectors: np.ndarray, answers: golden.Inference) -> list[list[tuple[str, str]]]:
    """Return for each image the bins of the coverage plan that its bits, its network and its way through it meet."""
    common, found = set(), []
    for layer in model.layers:
        ones = layer.weights.mean()
        common.add(("weights", {0: "all -1", 1: "all +1"}.get(ones, "mixed")))
        if layer.thresholds is not None:
            names = {0: "0", layer.weights.shape[1] + 1: "MW + 1"}
            common.update(("threshold", names.get(int(value), "inside")) for value in layer.thresholds)
    mw = model.layers[-1].weights.shape[1]
    for n, vector in enumerate(vectors):
        bins = {*common, ("image.bits", {0: "all 0", 1: "all 1"}.get(vector.mean(), "mixed"))}
        inputs = vector
        for layer, fired in zip(model.layers[:-1], (hidden[n] for hidden in answers.hidden), strict=True):
            margins = np.count_nonzero(layer.weights == inputs, axis=1) - layer.thresholds
            names = {-1: "T - 1", 0: "T"}
            bins.update(
                ("popcount", names.get(int(margin), "far below T" if margin < 0 else "far above T"))
                for margin in margins
            )
            inputs = fired
        bins.update(("score", {0: "0", mw: "MW"}.get(int(score), "between")) for score in answers.scores[n])
        best = answers.scores[n].max()
        bins.add(("scores.best", "alone" if np.count_nonzero(answers.scores[n] == best) == 1 else "tie"))
        found.append(sorted(bins))
    return found


def randomness(purpose: str) -> random.Random:
    """Return the source of all that is random in a test: its own for each configuration and seed."""
    return random.Random(f"{purpose} {DIRECTORY.name} {SEED}")


@cocotb.test()
async def initial_memory_content_works_without_a_load(dut) -> None:
    """The `$readmemb` images hold a whole model: that of `VERIF_SEED`. First, while the memories still hold it."""
    bench = Testbench(dut, randomness("initial"))
    await bench.start()
    vectors = bench.random_images()
    bench.expect(configurations.initial_network(bench.hardware, SEED), vectors)
    await bench.send_all(vectors)
    await bench.drain()
    coverage.sample("load.first", "initial content")


@cocotb.test()
async def networks_follow_each_other_under_random_pauses(dut) -> None:
    """Models are loaded between and during images; no image is lost, and none meets half a model."""
    rng = randomness("networks")
    bench = Testbench(dut, rng)
    await bench.start()
    for k in range(NETWORKS):
        for stream in (bench.images, bench.load, bench.results):
            stream.pause = random_pause(rng)
        model = bench.random_network()
        # Often while images of the last model are still inside: the load has to wait for them, and images for the load.
        loader = cocotb.start_soon(bench.load_model(model))
        await RisingEdge(bench.load.valid)
        if rng.random() < 0.5:
            await loader
        # A load empties the accelerator, so only a long queue fills it, up to neurons that stall half summed.
        queue = k % 10 == 9
        if queue:
            bench.results.pause = sometimes(rng, 0.9)
        vectors = bench.random_images(more=20 if queue else 0)
        bench.expect(model, vectors)
        drained = k == NETWORKS - 1 or rng.random() < 0.3
        flush = 1.0 if queue else rng.choice((0.0, 0.3))
        await bench.send_all(vectors, flush=flush, flush_last=drained or rng.random() < 0.5)
        await loader
        if drained:
            await bench.drain()
    assert bench.checked > 0
    coverage.sample("load.first", "loaded")
    for point, bin in configurations.bins(bench.hardware):
        coverage.sample(point, bin)
    coverage.count("networks", NETWORKS)
    coverage.count("images", bench.checked)
    coverage.count("transactions", bench.transactions)


@cocotb.test()
async def a_load_waits_for_every_image_inside(dut) -> None:
    """With nobody taking results, images fill every buffer; a load that comes then waits until the last has left."""
    rng = randomness("full")
    bench = Testbench(dut, rng, (never(), never(), sometimes(rng, 1.0)))
    await bench.start()
    old, new = bench.random_network(), bench.random_network()
    await bench.load_model(old)
    vectors = images(bench.hardware, bench.numpy_rng, 200)

    async def send_alone() -> None:
        for vector in vectors:
            bench.expect(old, vector[None])
            await bench.send(vector, last=True)

    sender = cocotb.start_soon(send_alone())
    before = -1
    while bench.images.transfers > before:
        before = bench.images.transfers
        await ClockCycles(dut.clk, bench.prediction.latency_cycles + bench.prediction.interval_cycles)
    sender.cancel()
    for queue in (bench.expected, *bench.hidden):
        queue.pop()  # what could not enter never will
    dut.images_valid.value = 0
    words = bench.manifest["input"]["words"]
    inside, begun = divmod(bench.images.transfers, words)
    assert begun == 0, "stopped in the middle of an image"
    assert 0 < inside < len(vectors), "the accelerator is not full"
    assert inside == bench.sent
    loader = cocotb.start_soon(bench.load_model(new))
    await ClockCycles(dut.clk, 20)
    coverage.sample("load.while_busy", "full to the last place")
    bench.results.pause = sometimes(rng, 0.9)  # any number of images is inside for some cycles
    while bench.expected:
        assert bench.load.transfers == bench.manifest["load_words"], "the load did not wait"
        await FallingEdge(dut.clk)
    await bench.drain()
    await loader
    bench.expect(new, vectors[:1])
    await bench.send_all(vectors[:1])
    await bench.drain()


@cocotb.test()
async def a_reset_at_any_moment_leaves_nothing_behind(dut) -> None:
    """After a reset, of images anywhere inside or of half a load, the next images are right."""
    rng = randomness("reset")
    bench = Testbench(dut, rng, (sometimes(rng, 0.2), sometimes(rng, 0.2), sometimes(rng, 0.5)))
    await bench.start()
    model = bench.random_network()
    await bench.load_model(model)
    for _ in range(5):
        loading = rng.random() < 0.3
        if loading:
            work = cocotb.start_soon(bench.load_model(bench.random_network()))
            cycles = bench.manifest["load_words"]
        else:
            vectors = bench.random_images()
            bench.expect(model, vectors)
            work = cocotb.start_soon(bench.send_all(vectors, flush_last=rng.random() < 0.5))
            cycles = 2 * bench.prediction.interval_cycles + bench.prediction.latency_cycles
        begun = bench.load.transfers
        await ClockCycles(dut.clk, rng.randint(1, cycles + 10))
        words = bench.manifest["input"]["words"]
        moments = {
            "collecting": bench.images.transfers % words > 0,
            "filling": bench.lanes > 0,
            "computing": bench.sent - bench.lanes > bench.checked,
            "leaving": bool(dut.results_valid.value),
            "loading": bench.load.transfers > begun and bench.loading,
        }
        for moment in [moment for moment, there in moments.items() if there] or ["idle"]:
            coverage.sample("reset.moment", moment)
        work.cancel()
        await bench.reset()
        bench.images.transfers = 0
        if loading:  # half of another model may be in the memories
            model = bench.random_network()
            await bench.load_model(model)
        vectors = bench.random_images()
        bench.expect(model, vectors)
        await bench.send_all(vectors)
        await bench.drain()


@cocotb.test()
async def unhindered_it_takes_the_predicted_cycles(dut) -> None:
    """Latency of a lone image and distance of groups in a row are those of the folding model; a load's words enter
    one a cycle, at once.
    """
    rng = randomness("cycles")
    bench = Testbench(dut, rng)
    await bench.start()
    for _ in range(4):
        model = bench.random_network()
        await ClockCycles(dut.clk, rng.randint(1, 4))
        await bench.load_model(model)
    assert bench.load.stalled_cycles == 0, "a load waited for nothing"
    copies = bench.manifest["copies"]
    prediction = bench.prediction
    await ClockCycles(dut.clk, max(layer.cycles for layer in prediction.layers))  # idle: serial thresholds are in place

    vectors = images(bench.hardware, bench.numpy_rng, 1 + 8 * copies)
    bench.expect(model, vectors[:1])
    begin = get_sim_time()
    await bench.send_all(vectors[:1])
    await bench.drain()
    period = get_sim_steps(PERIOD_NS, "ns")
    assert (bench.result_times[0] - begin) // period == prediction.latency_cycles
    bench.expect(model, vectors[1:])
    await bench.send_all(vectors[1:])
    await bench.drain()
    groups = bench.result_times[1::copies]
    assert np.diff(groups[2:]).tolist() == [prediction.interval_cycles * period] * (len(groups) - 3)
    bounds = {
        "images": copies * bench.manifest["input"]["words"],
        "layer": max(layer.cycles for layer in prediction.layers),
        "results": bench.manifest["output"]["classes"] + copies,
    }
    for unit, cycles in bounds.items():
        if cycles == prediction.interval_cycles:
            coverage.sample("interval.bound", unit)
