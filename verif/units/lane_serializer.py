# SPDX-License-Identifier: Apache-2.0
"""LaneSerializer alone: what stands side by side comes out one after the other."""

import cocotb

from bench.configurations import Configuration, Parameters, rows
from bench.unit import NUMBERS, TIMEOUT, StreamUnit, lanes
from xnorfpga.network.encoding import to_int


def simulators(drawn: Configuration) -> dict[str, Parameters]:
    """Return of each simulator the parameters of its instances."""
    return {"lane_serializer": rows("width copies planes", (1, 2, 1), (4, 2, 2), (3, 5, 1), (9, 4, 3))}


class Bench(StreamUnit):
    """A group is a beat a lane."""

    output_copies = 1

    async def send(self, full: bool) -> None:
        """Send a beat for each lane, all at once."""
        count = self.facts["copies"]
        beats = [[to_int(bits) for bits in self.bits(self.planes, self.facts["width"])] for _ in range(count)]
        for beat in beats:
            self.scoreboard.expect(1, *beat, met=[("lane_serializer.lanes", "two" if count == 2 else "more")])
        await self.input.send(lanes(count), *(value for beat in beats for value in beat))


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def every_lane_comes_in_order(dut, k: int) -> None:
    """Under random pauses and resets no beat is lost, doubled or moved."""
    await Bench(dut, k).rounds()


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def unhindered_there_is_no_bubble(dut, k: int) -> None:
    """A beat leaves every cycle, and the next lanes follow at once."""
    bench = Bench(dut, k)
    await bench.start()
    await bench.unhindered(bench.facts["copies"])
