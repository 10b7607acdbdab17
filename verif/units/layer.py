# SPDX-License-Identifier: Apache-2.0
"""Layer alone: weights and thresholds over the load buses, vectors in, answers or popcounts of all neurons out."""

import cocotb
from cocotb.triggers import RisingEdge

from bench.configurations import CHAINS, KINDS, Configuration, Parameters, layers, network
from bench.unit import NUMBERS, TIMEOUT, StreamUnit, in_lanes, lanes, transitions
from xnorfpga.network.encoding import to_int
from xnorfpga.network.golden import LayerWeights, Model
from xnorfpga.rtl import memory


def simulators(drawn: Configuration) -> dict[str, Parameters]:
    """Return of each simulator the parameters of its instances."""
    named = {f"layer_{name}": layers(each) for name, each in CHAINS.items()}
    return {**named, "layer_drawn": layers(drawn)}  # one chain each: memories are named after their place in it


class Bench(StreamUnit):
    """A group is a vector a lane; with it all neurons of the layer are worked through."""

    def __init__(self, dut, k: int) -> None:
        """Wire unit k."""
        super().__init__(dut, k)
        self.plan = self.facts["plan"]
        names = ("enable", "token", "address", "data")
        self.buses = [[self.port(f"load_{m}_{name}") for name in names] for m in range(len(self.facts["memories"]))]
        self.loading = self.port("loading")
        self.model: LayerWeights

    async def load(self) -> None:
        """Draw weights and thresholds and write them, as the load port would."""
        accelerator, index = self.facts["accelerator"], self.facts["layer"]
        self.model = network(accelerator, self.numpy_rng, self.rng.choice(KINDS)).layers[index]
        memories = [{**each, "layer": 0} for each in self.facts["memories"]]
        model = Model((self.model,), 128, (self.plan["mw"], self.plan["mh"]))
        contents = memory.rows({"layers": [self.plan], "memories": memories}, model)
        self.loading.value = 1
        for each, content, (enable, token, address, data) in zip(memories, contents, self.buses, strict=True):
            enable.value = 1
            for row, columns in enumerate(zip(*memory.columns(each, content), strict=True)):
                for column, bits in enumerate(columns):
                    token.value, address.value, data.value = 1 << column, row, to_int(bits)
                    await RisingEdge(self.clk)
            enable.value = 0
        self.loading.value = 0

    async def round(self) -> None:
        """Load other weights and send some groups."""
        await self.load()
        await super().round()

    async def send(self, full: bool) -> None:
        """Send a vector a lane; expect PE neurons at a time."""
        mw, mh, pe, copies = (*(self.plan[key] for key in ("mw", "mh", "pe")), self.facts["copies"])
        group = lanes(self.images(full))
        vectors = self.bits(copies, mw)
        popcounts = (vectors[:, None, :] == self.model.weights[None, :, :]).sum(axis=2)
        thresholds = self.model.thresholds
        met = [("layer_unit.answers", "popcounts" if thresholds is None else "bits")]
        if thresholds is not None:
            ties = (popcounts == thresholds).any()
            met.append(("layer_unit.threshold", "tie" if ties else "no tie"))
        bits = 1 if thresholds is not None else mw.bit_length()
        answers = popcounts if thresholds is None else popcounts >= thresholds
        for start in range(0, mh, pe):
            packed = [
                sum(int(answer) << (p * bits) for p, answer in enumerate(of_image[start : start + pe]))
                for of_image in answers
            ]
            self.scoreboard.expect(group, *in_lanes(group, packed), met=met)
        counts = map(transitions, vectors) if self.facts["transitions_arrive"] else ()
        for start in range(0, mw, self.facts["width"]):
            await self.input.send(group, *map(to_int, vectors[:, start : start + self.facts["width"]]), *counts)

    def take(self, lanes: int, *data: int) -> None:
        """Check the answers of the lanes that hold an image."""
        self.scoreboard.take(lanes, *in_lanes(lanes, data))


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def all_neurons_answer_in_order(dut, k: int) -> None:
    """Under random pauses and resets, with weights of all kinds and ties at the thresholds."""
    await Bench(dut, k).rounds()


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def unhindered_a_group_takes_the_cycles_of_the_fold(dut, k: int) -> None:
    """Groups leave at the distance that the folding says, or as fast as they can arrive."""
    bench = Bench(dut, k)
    await bench.start()
    await bench.load()
    await bench.unhindered(max(bench.plan["cycles"], bench.plan["mw"] // bench.facts["width"]))
