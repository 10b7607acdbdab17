# SPDX-License-Identifier: Apache-2.0
"""PixelTransitions alone: every pixel comes with the number of its neighboring channels that differ."""

import cocotb

from bench.configurations import Configuration, Parameters, rows
from bench.unit import NUMBERS, TIMEOUT, StreamUnit, transitions
from xnorfpga.network.encoding import to_int


def simulators(drawn: Configuration) -> dict[str, Parameters]:
    """Return of each simulator the parameters of its instances."""
    shapes = ((2, 1), (8, 3), (32, 1), (34, 2), (128, 1))
    return {"pixel_transitions": rows("channels planes transition_bits", *((*shape, 1) for shape in shapes))}


class Bench(StreamUnit):
    """A group is a pixel."""

    async def send(self, full: bool) -> None:
        """Send a pixel."""
        planes = self.bits(self.planes, self.facts["channels"])
        counts = [transitions(plane) for plane in planes]
        differ = {0: "none", self.planes * self.facts["channels"] // 2: "all"}.get(sum(counts), "some")
        bits = [to_int(plane) for plane in planes]
        self.scoreboard.expect(1, *bits, *counts, met=[("pixel_transitions.pairs", differ)])
        await self.input.send(1, *bits)


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def every_pixel_comes_with_its_transitions(dut, k: int) -> None:
    """Under random pauses and resets no pixel is lost, doubled or miscounted."""
    await Bench(dut, k).rounds()


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def unhindered_a_pixel_comes_every_cycle(dut, k: int) -> None:
    """One follows the other."""
    bench = Bench(dut, k)
    await bench.start()
    await bench.unhindered(1)
