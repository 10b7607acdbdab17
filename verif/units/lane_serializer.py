# SPDX-License-Identifier: Apache-2.0
"""LaneSerializer alone: what stands side by side comes out one after the other."""

import cocotb

from bench.configurations import Configuration, Parameters, rows
from bench.unit import NUMBERS, TIMEOUT
from units.lane_collector import SHAPES, Bench


def simulators(drawn: Configuration) -> dict[str, Parameters]:
    """Return of each simulator the parameters of its instances."""
    return {"lane_serializer": rows("width lanes planes", *SHAPES)}


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
    await bench.unhindered(bench.facts["lanes"])
