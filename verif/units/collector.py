# SPDX-License-Identifier: Apache-2.0
"""Collector and Serializer alone: the same bits come out in wider or narrower beats."""

import cocotb

from bench.unit import MANIFEST, NUMBERS, TIMEOUT, CollectingUnit, lanes
from xnorfpga.rtl.testbench import to_int

UNIT = MANIFEST["unit"].lower()


class Bench(CollectingUnit):
    """A group is a vector a lane, as long as the wider of the two beats."""

    async def send(self, full: bool) -> None:
        """Send a vector a lane."""
        images, copies = self.images(full), self.facts["copies"]
        in_width, out_width = self.facts["in_width"], self.facts["out_width"]
        vectors = self.bits(copies, max(in_width, out_width))
        met = [(f"{UNIT}.lanes", "full" if images == copies else "some")]
        for start in range(0, vectors.shape[1], out_width):
            self.expect_group(vectors[:images, start : start + out_width], met)
        for start in range(0, vectors.shape[1], in_width):
            await self.input.send(lanes(images), *map(to_int, vectors[:, start : start + in_width]))


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def every_vector_comes_whole_and_in_order(dut, k: int) -> None:
    """Under random pauses and resets no bit is lost, doubled or moved, and transitions are counted."""
    bench = Bench(dut, k)
    await bench.start()
    await bench.rounds()


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def unhindered_there_is_no_bubble(dut, k: int) -> None:
    """A vector takes a cycle a beat of the narrower kind, and the next follows at once."""
    bench = Bench(dut, k)
    await bench.start()
    widths = bench.facts["in_width"], bench.facts["out_width"]
    await bench.unhindered(max(widths) // min(widths))
