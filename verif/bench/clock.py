# SPDX-License-Identifier: Apache-2.0
"""The clock and what happens before it: registers start with noise, and reset is up before the first edge."""

from cocotb.clock import Clock
from cocotb.triggers import Timer
from cocotb.utils import get_sim_time

PERIOD_NS = 10


async def power_up(dut) -> None:
    """Raise reset while the clock stands, then start it; returns before its first edge."""
    if hasattr(dut, "reset"):  # unless nothing in the design needs one
        dut.reset.value = 1
    dut.clk.value = 0
    await Timer(PERIOD_NS, "ns")
    Clock(dut.clk, PERIOD_NS, unit="ns", impl="gpi").start(start_high=False)


def now() -> int:
    """Return the number of the clock cycle."""
    return int(get_sim_time("ns")) // PERIOD_NS
