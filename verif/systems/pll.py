# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of a board whose clock a PLL makes: it keeps that time, and is in reset while the PLL is not locked."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import Timer
from cocotb.utils import get_sim_time

from bench.configurations import initial_network
from bench.host import BIT_NS
from bench.job import SEED
from systems.board import LOCK_NS, OSCILLATOR_NS, Bench
from xnorfpga.host.protocol import Command, Counters

FASTER_NS = 16  # an oscillator that the PLL is not for
UNLOCKED_NS = 1200 * OSCILLATOR_NS  # rtl/altera_pll.v: the clock runs again, and is not the right one yet
SWITCHES = 5
RESET = Counters(0, 0, 1, 0, 0)  # one frame: the question


@cocotb.test()
async def nothing_comes_in_before_the_lock(dut) -> None:
    """Neither a frame nor a key, though the PLL's clock runs by then; and nothing is shown."""
    bench = Bench(dut, "before the lock")
    dut.KEY.value, dut.SW.value = 0b1111, SWITCHES
    Clock(dut.CLOCK_50, OSCILLATOR_NS, unit="ns", impl="gpi").start()
    until = get_sim_time("ns") + LOCK_NS
    await Timer(UNLOCKED_NS, "ns")
    dut.KEY.value = 0b1101
    await bench.host.send(bytes([3, 1, 2, 0]))
    dut.KEY.value = 0b1111
    bench.shows()
    await Timer(until - get_sim_time("ns"), "ns")
    bench.switches = SWITCHES
    bench.host.start()
    bench.shows()
    assert await bench.counters() == RESET


@cocotb.test()
async def the_line_keeps_the_plls_time(dut) -> None:
    """Every edge of an answer lies on the grid of the bits, and an image takes as many cycles as ever."""
    bench = Bench(dut, "pace")
    await bench.start()
    edges: list[float] = []

    async def watch() -> None:
        while True:
            await dut.GPIO_0_UART_TX.value_change
            edges.append(get_sim_time("ps") / 1000)

    cocotb.start_soon(watch())
    await bench.identify()
    bits = [(edge - edges[0]) / BIT_NS for edge in edges]
    assert len(edges) > 100 and bits[-1] > 300
    assert all(abs(bit - round(bit)) * BIT_NS < 1 for bit in bits), bits
    await bench.demonstrate(2, initial_network(bench.hardware, SEED))


async def loses_the_lock(dut, name: str, faulty_ns: int | None) -> None:
    """Half a frame is there when the oscillator goes wrong, for a while; the board forgets it, and what it showed."""
    bench = Bench(dut, name)
    await bench.start()
    dut.SW.value = bench.switches = SWITCHES
    model = initial_network(bench.hardware, SEED)
    await bench.classify(bench.images(3), model)
    await bench.host.send(bench.frame(Command.IDENTIFY)[:-2])
    bench.oscillator.stop()
    if faulty_ns:
        faulty = Clock(dut.CLOCK_50, faulty_ns, unit="ns", impl="gpi")
        faulty.start()
    await Timer(40 * OSCILLATOR_NS, "ns")
    if faulty_ns:
        faulty.stop()
    bench.oscillator.start()
    bench.shown = 0
    if faulty_ns:
        await Timer(UNLOCKED_NS, "ns")
        bench.switches = 0  # in reset not even these are seen
        bench.shows()
    await Timer(LOCK_NS, "ns")
    bench.switches = SWITCHES
    bench.shows()
    assert await bench.counters() == RESET
    await bench.classify(bench.images(3), model)


@cocotb.test()
async def an_oscillator_that_stops_resets(dut) -> None:
    """It stands still, and with it the clock, so that no edge could tell that the lock is lost."""
    await loses_the_lock(dut, "stopped", None)


@cocotb.test()
async def an_oscillator_that_runs_away_resets(dut) -> None:
    """It is as fast as none that the PLL was made for."""
    await loses_the_lock(dut, "faster", FASTER_NS)
