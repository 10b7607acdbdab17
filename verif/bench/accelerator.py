# SPDX-License-Identifier: Apache-2.0
"""A whole accelerator between drivers and scoreboards: what its tests have in common."""

import zlib

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge, with_timeout
from cocotb.utils import get_sim_time

from bench import coverage
from bench.clock import PERIOD_NS, power_up
from bench.configurations import KINDS, images, network, place
from bench.job import CORRUPT, DIRECTORY, MUTANT, Randomness
from bench.scoreboard import Scoreboard
from bench.streams import Pause, StreamSink, StreamSource, never
from xnorfpga.artefacts.hardware import Hardware
from xnorfpga.base.files import read_json
from xnorfpga.design import folding
from xnorfpga.network import golden
from xnorfpga.network.encoding import pixel_by_pixel, to_int
from xnorfpga.network.golden import Model
from xnorfpga.rtl import memory


class Testbench:
    """An accelerator with a source of images, a source of models, and scoreboards of results and of hidden layers.

    As a negative control (`CORRUPT`) one thing is expected wrongly: a bit of a score, of a label, of a hidden vector,
    of the lanes of a group, or of a load's checksum; the cycles between groups or of a lone image.
    """

    def __init__(self, dut, purpose: str) -> None:
        """Wire `dut`, without pauses; everything random in the test comes from sources of its `purpose`."""
        self.dut, self.random = dut, Randomness(purpose)
        self.rng = self.random.of("decisions")
        self.hardware = read_json(DIRECTORY / "hardware.json")
        self.manifest = read_json(DIRECTORY / "manifest.json")
        self.prediction = folding.predict_hardware(Hardware.read(DIRECTORY / "hardware.json"))
        self.images = StreamSource(dut, "images", ("payload_fragment", "payload_last"), never())
        self.load = StreamSource(dut, "load", ("payload",), never())
        self.results = StreamSink(dut, "results", ("payload_label", "payload_scores"), never(), self.take_result)
        hidden, flips = self.manifest["layers"][:-1], self.flips()
        self.scoreboard = Scoreboard("results", flips.get("results"))
        self.hidden = [Scoreboard(f"hidden layer {k}", flips.get(f"hidden {k}")) for k in range(len(hidden))]
        self.groups = [Scoreboard(f"lanes of layer {k}", flips.get(f"lanes {k}")) for k in range(len(hidden))]
        self.interval_cycles = self.prediction.interval_cycles + (CORRUPT == "interval")
        self.latency_cycles = self.prediction.latency_cycles + (CORRUPT == "latency")
        layers = self.manifest["layers"]
        self.places = {(layer["routing"], place(k, len(layers))) for k, layer in enumerate(layers)}
        self.lanes = self.sent = 0  # images in the group being filled; images sent
        self.loading = False
        self.stalled = 0
        self.result_times: list[int] = []  # simulation steps: nanoseconds would be rounded

    def flips(self) -> dict[str, tuple[int, int]]:
        """Return which scoreboard expects a wrong bit, and which value and bit that is: one of them under a control."""
        rng, output, hidden = self.random.of("corruption"), self.manifest["output"], self.manifest["layers"][:-1]
        layer = rng.randrange(len(hidden)) if hidden else 0
        match CORRUPT:
            case "label":
                return {"results": (0, 0)}
            case "score":
                return {"results": (1, rng.randrange(output["classes"] * output["score_bits"]))}
            case "hidden":
                return {f"hidden {layer}": (0, rng.randrange(hidden[layer]["mh"] * hidden[layer]["output_planes"]))}
            case "lanes":
                return {f"lanes {layer}": (0, rng.randrange(self.manifest["copies"]))}
        return {}

    @property
    def scoreboards(self) -> list[Scoreboard]:
        """All of them."""
        return [self.scoreboard, *self.hidden, *self.groups]

    def pause(self, images: Pause | None = None, load: Pause | None = None, results: Pause | None = None) -> None:
        """Pause in other ways from now on, where one is given."""
        for stream, pause in ((self.images, images), (self.load, load), (self.results, results)):
            stream.pause = pause or stream.pause

    async def start(self) -> None:
        """Start the clock in reset, and look at results and hidden layers from then on."""
        if MUTANT is not None:
            self.dut.mutant.value = int(MUTANT)
        await power_up(self.dut)
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
        for scoreboard in self.scoreboards:
            scoreboard.clear()
        self.scoreboard.checked = self.lanes = self.sent = self.images.transfers = 0
        self.loading = False
        await RisingEdge(self.dut.clk)
        self.dut.reset.value = 0

    def parts(self, name: str) -> list[str]:
        """Return how a part of the layers, `counting` or `threshold`, is built in this accelerator."""
        return sorted({layer[name] for layer in self.manifest["layers"]})

    def leave(self, why: str) -> None:
        """Note that the group being filled goes on."""
        copies = self.manifest["copies"]
        full = "full" if self.lanes == copies else "some"
        met = [("group.left", why), *(("counting.group", f"{kind} {copies} {full}") for kind in self.parts("counting"))]
        for k, groups in enumerate(self.groups):
            for _ in range(self.parts_of_image(k)):
                groups.expect((1 << (self.prediction.layers[k].windows * self.lanes)) - 1, met=met if k == 0 else [])
        self.lanes = 0

    async def load_model(self, model: Model) -> None:
        """Stream a model into the load port, anything in bits that no memory stores, and read back the checksum."""
        busy = self.sent > self.scoreboard.checked
        coverage.sample("load.while_busy", "yes" if busy else "no")
        for kind in self.parts("threshold"):
            coverage.sample("threshold.load", f"{kind} {'busy' if busy else 'idle'}")
        if self.lanes:
            self.leave("cut by a load")
        self.loading = True
        paused = self.load.paused_cycles
        words = memory.load_words(self.manifest, model, spare=self.random.numpy_of("spare bits"))
        for word in words:
            await self.load.send(int(word))
        self.loading = False
        coverage.sample("load.gaps", "paused" if self.load.paused_cycles > paused else "never")
        await RisingEdge(self.dut.clk)
        await FallingEdge(self.dut.clk)
        checksum = zlib.crc32(memory.word_bytes(self.manifest, words)) ^ (CORRUPT == "checksum")
        assert self.dut.load_checksum.value == checksum
        await RisingEdge(self.dut.clk)

    def expect(self, model: Model, vectors: np.ndarray) -> None:
        """Put the golden model's answers on the scoreboards."""
        answers = golden.infer(model, vectors)
        bits = self.manifest["output"]["score_bits"]
        rows = zip(answers.classes, answers.scores, met(model, vectors, answers), strict=True)
        for label, scores, bins in rows:
            packed = sum(int(score) << (k * bits) for k, score in enumerate(scores))
            self.scoreboard.expect(int(label), packed, met=bins)
        for k, (scoreboard, hidden) in enumerate(zip(self.hidden, answers.hidden, strict=True)):
            for vector in hidden.reshape(-1, self.width(k)):  # of a map, one a window
                scoreboard.expect(to_int(vector))

    def parts_of_image(self, k: int) -> int:
        """Return in how many groups layer `k` works an image: a map in several of windows."""
        layer = self.prediction.layers[k]
        return layer.convolution.windows // layer.windows if layer.convolution else 1

    def withdraw(self) -> None:
        """Expect nothing of the image that was to enter next."""
        self.scoreboard.expected.pop()
        for k, (hidden, groups) in enumerate(zip(self.hidden, self.groups, strict=True)):
            parts = self.parts_of_image(k)
            for _ in range(parts * self.prediction.layers[k].windows):
                hidden.expected.pop()
            if self.maps:
                for _ in range(parts):
                    groups.expected.pop()

    @property
    def maps(self) -> bool:
        """Whether images enter as maps, whose windows are on their way before the last pixel came."""
        return self.prediction.layers[0].convolution is not None

    def width(self, k: int) -> int:
        """Return the bits of what leaves hidden layer `k` for an image or a window."""
        return self.manifest["layers"][k]["mh"] * self.manifest["layers"][k]["output_planes"]

    async def send(self, vector: np.ndarray, last: bool) -> None:
        """Send one image, word by word."""
        width, first = self.manifest["input"]["word_bits"], self.prediction.layers[0]
        if first.convolution:
            vector = pixel_by_pixel(vector, first.planes, first.convolution.channels)
            self.lanes = 1
            self.leave("full")
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
        if self.maps:
            return
        self.lanes += 1
        if last or self.lanes == self.manifest["copies"]:
            self.leave("full" if self.lanes == self.manifest["copies"] else "flushed")

    async def send_all(self, vectors: np.ndarray, flush: float = 0.0, flush_last: bool = True) -> None:
        """Send images, a share of them flushed; without `flush_last` the last group may wait for more."""
        for k, vector in enumerate(vectors):
            await self.send(
                vector, self.random.of("flushes").random() < flush or (flush_last and k == len(vectors) - 1)
            )

    def take_result(self, label: int, scores: int) -> None:
        """Compare a result with the next one expected."""
        self.scoreboard.take(label, scores)
        self.result_times.append(get_sim_time())
        pressure = "stalled" if self.results.stalled_cycles > self.stalled else "never"
        coverage.sample("results.backpressure", pressure)
        for routing, where in self.places:
            coverage.sample("routing.backpressure", f"{routing} {where} {pressure}")
        self.stalled = self.results.stalled_cycles

    async def watch(self, k: int) -> None:
        """Compare what hidden layer `k` shows with the golden model, and the lanes with the images that were sent."""
        valid, payload, lanes = (getattr(self.dut, f"probes_{k}_{name}") for name in ("valid", "payload", "lanes"))
        width = self.width(k)
        while True:
            await RisingEdge(valid)
            await FallingEdge(self.dut.clk)
            while valid.value:
                self.groups[k].take(int(lanes.value))
                bits = int(payload.value)
                for lane in range(int(lanes.value).bit_count()):  # they fill from the lowest up
                    self.hidden[k].take(bits >> (lane * width) & ((1 << width) - 1))
                await FallingEdge(self.dut.clk)

    async def drain(self) -> None:
        """Wait until everything expected has come, and a while for what should not."""
        prediction, waiting = self.prediction, len(self.scoreboard.expected)
        cycles = 200 + 20 * (prediction.latency_cycles + prediction.interval_cycles * (waiting + 2))
        for scoreboard in (
            self.scoreboard,
            *(self.hidden if self.maps else []),
        ):  # windows that no other sees come later
            await with_timeout(scoreboard.emptied(), cycles * PERIOD_NS, "ns")
        await ClockCycles(self.dut.clk, 5)
        assert not any(each.expected for each in self.scoreboards), "a hidden layer was never seen"

    def random_network(self) -> Model:
        """Draw a network of a random kind."""
        return network(self.hardware, self.random.numpy_of("networks"), self.random.of("networks").choice(KINDS))

    def random_images(self, more: int = 0) -> np.ndarray:
        """Draw a few images, often not a multiple of the copies, and `more` of them."""
        count = more + self.random.of("images").randint(1, 2 * self.manifest["copies"] + 2)
        return self.draw_images(count)

    def draw_images(self, count: int) -> np.ndarray:
        """Draw bool[count, planes · MW] images."""
        return images(self.hardware, self.random.numpy_of("images"), count)

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
        if layer.mask is not None:
            common.add(("weights.zero", {0: "all", 1: "none"}.get(layer.mask.mean(), "some")))
        if layer.thresholds is not None:
            names = {0: "0", layer.greatest_sum + 1: "greatest + 1"}
            common.update(("threshold", names.get(int(value), "inside")) for value in layer.thresholds.flat)
    greatest = model.layers[-1].greatest_sum
    margins, inputs = [], vectors  # of each hidden layer, int[N, MH or windows · MH, levels]
    for layer in model.layers[:-1]:
        planes = np.split(inputs, len(layer.coefficients), axis=1)
        if map := layer.convolution:
            planes = [golden.windows(plane, map, False) for plane in planes]
        sums = golden.sums(layer, np.stack(planes))
        margins.append((sums[:, :, None] - layer.levels).reshape(len(vectors), -1, layer.levels.shape[1]))
        inputs = golden.goes_on(layer, golden.fire(layer, sums))
    for n, vector in enumerate(vectors):
        bins = {*common, ("image.bits", {0: "all 0", 1: "all 1"}.get(vector.mean(), "mixed"))}
        for margin in margins:
            names = {-1: "T - 1", 0: "T"}
            bins.update(
                ("sum", names.get(int(value), "far below T" if value < 0 else "far above T"))
                for value in margin[n].flat
            )
            if (levels := margin.shape[2]) > 1:
                codes = (margin[n] >= 0).sum(1)
                bins.update(
                    ("answer.level", {0: "lowest", levels: "highest"}.get(int(code), "between")) for code in codes
                )
        bins.update(("score", {0: "0", greatest: "greatest"}.get(int(score), "between")) for score in answers.scores[n])
        best = answers.scores[n].max()
        bins.add(("scores.best", "alone" if np.count_nonzero(answers.scores[n] == best) == 1 else "tie"))
        found.append(sorted(bins))
    return found
