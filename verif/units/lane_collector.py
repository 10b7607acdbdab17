# SPDX-License-Identifier: Apache-2.0
"""LaneCollector alone: beats come out side by side. Its bench is LaneSerializer's as well."""

import cocotb

from bench.configurations import Configuration, Parameters, rows
from bench.unit import MANIFEST, NUMBERS, TIMEOUT, StreamUnit, lanes
from xnorfpga.network.encoding import to_int

SHAPES = ((1, 2, 1), (4, 2, 2), (3, 5, 1), (9, 4, 3))


def simulators(drawn: Configuration) -> dict[str, Parameters]:
    """Return of each simulator the parameters of its instances."""
    return {"lane_collector": rows("width lanes planes", *SHAPES)}


class Bench(StreamUnit):
    """A group is a beat a lane."""

    def __init__(self, dut, k: int) -> None:
        """Wire unit k, whose one end has a lane and the other all."""
        self.collects = MANIFEST["unit"] == "LaneCollector"
        super().__init__(dut, k)

    def beat(self, counted: object, planes: int | None = None) -> tuple[str, ...]:
        """Return the payload of a beat: the constructor asks for that of the input, then for that of the output."""
        self.asked = getattr(self, "asked", 0) + 1
        wide = (self.asked == 2) == self.collects
        count = self.planes * (self.facts["lanes"] if wide else 1)
        return ("payload_lanes", *(f"payload_data_{lane}" for lane in range(count)))

    async def send(self, full: bool) -> None:
        """Send a beat for each lane, one after the other or all at once."""
        count = self.facts["lanes"]
        beats = [[to_int(bits) for bits in self.bits(self.planes, self.facts["width"])] for _ in range(count)]
        side_by_side = (lanes(count), *(value for beat in beats for value in beat))
        met = [("lanes.windows", "two" if count == 2 else "more")]
        if self.collects:
            self.scoreboard.expect(*side_by_side, met=met)
            for beat in beats:
                await self.input.send(1, *beat)
        else:
            for beat in beats:
                self.scoreboard.expect(1, *beat, met=met)
            await self.input.send(*side_by_side)


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def every_beat_comes_in_its_lane(dut, k: int) -> None:
    """Under random pauses and resets no beat is lost, doubled or moved."""
    await Bench(dut, k).rounds()


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def unhindered_there_is_no_bubble(dut, k: int) -> None:
    """The next group follows at once."""
    bench = Bench(dut, k)
    await bench.start()
    await bench.unhindered(bench.facts["lanes"])
