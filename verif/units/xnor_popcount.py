# SPDX-License-Identifier: Apache-2.0
"""XnorPopcount alone: new inputs every cycle, each count `latency` cycles later."""

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, RisingEdge

from bench.configurations import Configuration, Parameters, rows
from bench.unit import NUMBERS, TIMEOUT, Unit, transitions
from xnorfpga.network.encoding import to_int

CYCLES = 400


def simulators(drawn: Configuration) -> dict[str, Parameters]:
    """Return of each simulator the parameters of its instances."""
    sizes = {"plain": (1, 2, 3, 5, 7, 16, 67), "paired": (2, 4, 6, 14, 100, 300), "masked": (1, 2, 3, 7, 40)}
    each = [(size, counting) for counting, some in sizes.items() for size in some]
    return {"xnor_popcount": rows("size counting", *each)}


class Bench(Unit):
    """Inputs and weights, often alike or opposite."""

    def draw(self) -> tuple[np.ndarray, np.ndarray]:
        """Draw x and w, bool[size] each."""
        x, w = self.bits(2, self.facts["size"])
        return x, self.rng.choice((w, w, w, x, ~x))

    def expect(self, x: np.ndarray, w: np.ndarray, mask: np.ndarray) -> None:
        """Expect the count of x and w, of those that the mask lets count."""
        size, count = len(x), int(np.count_nonzero((x == w) & mask))
        met = [
            ("popcount.size", "1" if size == 1 else "2" if size == 2 else "odd" if size % 2 else "even"),
            ("popcount.form", self.facts["counting"]),
            ("popcount.products", "none" if count == 0 else "all" if count == size else "some"),
        ]
        if self.facts["counting"] == "paired":  # popcount = 2 · count − transitions(x) + transitions(w)
            count = (count + transitions(x) - transitions(w)) // 2
        self.scoreboard.expect(count, met=met)


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def each_count_is_that_of_the_inputs_before_its_latency(dut, k: int) -> None:
    """New inputs every cycle; none meets another's."""
    bench = Bench(dut, k)
    await bench.start()
    for cycle in range(CYCLES):
        x, w = bench.draw()
        masked = bench.facts["counting"] == "masked"
        mask = bench.bits(len(x)) if masked else np.ones_like(x)
        weights = np.stack([w, mask], axis=1).reshape(-1) if masked else w
        bench.port("x").value, bench.port("w").value = to_int(x), to_int(weights)
        bench.expect(x, w, mask)
        await FallingEdge(dut.clk)
        if cycle >= bench.facts["latency"]:
            bench.scoreboard.take(int(bench.port("count").value))
        await RisingEdge(dut.clk)
    bench.finish()
