# SPDX-License-Identifier: Apache-2.0
"""Collector alone: the same bits come out in wider beats. Its bench is the Serializer's as well."""

import cocotb

from bench.configurations import Configuration, Parameters, rows
from bench.unit import MANIFEST, NUMBERS, TIMEOUT, CollectingUnit, lanes
from xnorfpga.network.encoding import to_int


def simulators(drawn: Configuration) -> dict[str, Parameters]:
    """Return of each simulator the parameters of its instances."""
    keys = "in_width out_width copies planes transition_bits"
    return {
        "collector": rows(
            keys,
            (1, 1, 1, 1, 0), (1, 3, 2, 1, 0), (2, 2, 3, 1, 0), (2, 8, 2, 1, 3), (4, 20, 1, 1, 4), (5, 15, 3, 1, 0),
            (3, 21, 2, 1, 0), (2, 8, 2, 2, 3), (3, 9, 1, 3, 0),
        )
    }  # fmt: skip


class Bench(CollectingUnit):
    """A group is a vector a lane, as long as the wider of the two beats."""

    async def send(self, full: bool) -> None:
        """Send a vector a lane."""
        images, copies = self.images(full), self.facts["copies"]
        in_width, out_width = self.facts["in_width"], self.facts["out_width"]
        vectors = self.bits(copies * self.planes, max(in_width, out_width))
        met = [(f"{MANIFEST['unit'].lower()}.lanes", "full" if images == copies else "some")]
        for start in range(0, vectors.shape[1], out_width):
            self.expect_group(vectors[: images * self.planes, start : start + out_width], met)
        for start in range(0, vectors.shape[1], in_width):
            await self.input.send(lanes(images), *map(to_int, vectors[:, start : start + in_width]))


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def every_vector_comes_whole_and_in_order(dut, k: int) -> None:
    """Under random pauses and resets no bit is lost, doubled or moved, and transitions are counted."""
    await Bench(dut, k).rounds()


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def unhindered_there_is_no_bubble(dut, k: int) -> None:
    """A beat is taken every cycle, and the next vector follows at once."""
    bench = Bench(dut, k)
    await bench.start()
    await bench.unhindered(bench.facts["out_width"] // bench.facts["in_width"])
