# SPDX-License-Identifier: Apache-2.0
"""Serializer alone: the same bits come out in narrower beats."""

import cocotb

from bench.configurations import Configuration, Parameters, rows
from bench.unit import NUMBERS, TIMEOUT
from units.collector import Bench


def simulators(drawn: Configuration) -> dict[str, Parameters]:
    """Return of each simulator the parameters of its instances."""
    shapes = ((2, 1, 1, 1), (3, 1, 2, 1), (4, 2, 3, 1), (20, 4, 1, 1), (15, 5, 2, 1), (49, 7, 3, 1), (6, 2, 2, 2))
    return {"serializer": rows("in_width out_width copies planes", *shapes)}


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def every_vector_comes_whole_and_in_order(dut, k: int) -> None:
    """Under random pauses and resets no bit is lost, doubled or moved."""
    await Bench(dut, k).rounds()


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def unhindered_there_is_no_bubble(dut, k: int) -> None:
    """A beat leaves every cycle, and the next vector follows at once."""
    bench = Bench(dut, k)
    await bench.start()
    await bench.unhindered(bench.facts["in_width"] // bench.facts["out_width"])
