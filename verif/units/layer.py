# SPDX-License-Identifier: Apache-2.0
"""Layer alone: weights and thresholds over the load buses, vectors in, answers or sums of all neurons out."""

import cocotb
from cocotb.triggers import RisingEdge

from bench.configurations import CHAINS, KINDS, Configuration, Parameters, layers, network
from bench.unit import MANIFEST, NUMBERS, TIMEOUT, StreamUnit, in_lanes, lanes, transitions
from xnorfpga.network import golden
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
        self.plan = MANIFEST["units"][k]["plan"]
        super().__init__(dut, k)
        names = ("enable", "token", "address", "data")
        self.buses = [[self.port(f"load_{m}_{name}") for name in names] for m in range(len(self.facts["memories"]))]
        self.loading = self.port("loading")
        self.model: LayerWeights

    @property
    def output_planes(self) -> int:
        """Bit planes of an answer."""
        return self.plan["output_planes"]

    async def load(self) -> None:
        """Draw weights and thresholds and write them, as the load port would."""
        accelerator, index = self.facts["accelerator"], self.facts["layer"]
        self.model = network(accelerator, self.numpy_rng, self.rng.choice(KINDS)).layers[index]
        memories = [{**each, "layer": 0} for each in self.facts["memories"]]
        model = Model((self.model,), 128, (self.plan["mw"], self.plan["mh"]))  # its memories alone
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
        vectors = self.bits(copies * self.planes, mw)
        sums = golden.sums(self.model, vectors.reshape(copies, self.planes, mw).transpose(1, 0, 2))
        if self.model.thresholds is None:
            met = [("layer_unit.answers", "sums")]
            bits, answers = self.model.greatest_sum.bit_length(), sums
        else:
            met = [
                ("layer_unit.answers", "bits" if self.output_planes == 1 else "levels"),
                ("layer_unit.threshold", "tie" if (sums[:, :, None] == self.model.levels).any() else "no tie"),
            ]
            bits, answers = 1, golden.fire(self.model, sums).reshape(-1, mh)
        for start in range(0, mh, pe):
            packed = [
                sum(int(answer) << (p * bits) for p, answer in enumerate(of_lane[start : start + pe]))
                for of_lane in answers
            ]
            self.scoreboard.expect(group, *in_lanes(group, packed, self.output_planes), met=met)
        counts = map(transitions, vectors) if self.facts["transitions_arrive"] else ()
        for start in range(0, mw, self.facts["width"]):
            await self.input.send(group, *map(to_int, vectors[:, start : start + self.facts["width"]]), *counts)

    def take(self, lanes: int, *data: int) -> None:
        """Check the answers of the lanes that hold an image."""
        self.scoreboard.take(lanes, *in_lanes(lanes, data, self.output_planes))


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
