# SPDX-License-Identifier: Apache-2.0
"""ProcessingElement alone, and with it the threshold: a row's products are summed up from −T, so the sign answers."""

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, RisingEdge

from bench.configurations import CHAINS, Configuration, Parameters, layers
from bench.unit import NUMBERS, TIMEOUT, Unit, transitions
from xnorfpga.network.encoding import to_int

CYCLES = 400


def simulators(drawn: Configuration) -> dict[str, Parameters]:
    """Return of each simulator the parameters of its instances."""
    chains = (
        CHAINS[name] for name in ("rings", "smallest", "whole", "planes", "paired_planes")
    )  # serial layers have another
    return {"processing_element": layers(*chains)}


class Bench(Unit):
    """Rows of words, at the times at which a layer would give them."""

    def __init__(self, dut, k: int) -> None:
        """Wire unit k."""
        super().__init__(dut, k)
        self.plan, self.latency = self.facts["plan"], self.facts["latency"]
        self.inputs: dict[str, list[int]] = {}  # of each port, its value cycle by cycle
        names = {
            "x": True, "w": True,
            "start": self.plan["threshold"] != "none", "transitions": self.plan["counting"] == "paired",
            "add": self.plan["synapse_fold"] > 1, "first": self.plan["synapse_fold"] > 1,
        }  # fmt: skip
        for name in (name for name, there in names.items() if there):
            width = len(self.port(name))
            # whatever stands at a port when nobody may look
            self.inputs[name] = [0 if name == "add" else self.rng.getrandbits(width) for _ in range(CYCLES)]
        self.checks: set[int] = set()  # cycles in which a row's sum is there
        self.constant_threshold = self.plan["neuron_fold"] == 1 and self.plan["counting"] != "paired"

    def set(self, name: str, cycle: int, value: int) -> None:
        """Let a port that is there have a value in a cycle."""
        if name in self.inputs:
            self.inputs[name][cycle] = value & ((1 << len(self.port(name))) - 1)

    @property
    def greatest(self) -> int:
        """The greatest sum of a row."""
        return sum(self.plan["coefficients"]) * self.plan["mw"]

    def threshold(self, total: int) -> int:
        """Draw a threshold, 0 … greatest sum + 1: often at the sum, or one above."""
        greatest = self.greatest
        return self.rng.choice((total, total + 1, 0, greatest + 1, self.rng.randint(0, greatest + 1)))

    def schedule(self) -> None:
        """Draw rows one after the other, with gaps where the accumulator can wait."""
        mw, simd, words = (self.plan[key] for key in ("mw", "simd", "synapse_fold"))
        coefficients, ternary = self.plan["coefficients"], self.plan["weights"] == "ternary"
        constant = self.threshold(self.greatest // 2)
        if self.constant_threshold and "start" in self.inputs:
            for cycle in range(CYCLES):
                self.set("start", cycle, -constant)
        cycle = 0
        while True:
            x, w = self.bits(self.planes, mw), self.bits(mw)
            mask = self.bits(mw) if ternary else np.ones_like(w)
            total = int(np.count_nonzero((x == w) & mask, axis=1) @ coefficients)
            threshold = constant if self.constant_threshold else self.threshold(total)
            bits = np.stack([w, mask], axis=1) if ternary else w
            x_words = x.reshape(self.planes, -1, simd).transpose(1, 0, 2)
            row_starts = cycle
            for j, (x_word, w_word) in enumerate(zip(x_words, bits.reshape(len(x_words), -1), strict=True)):
                while words > 1 and self.rng.random() < 0.2:
                    cycle += 1
                if j == 0:
                    row_starts = cycle
                if cycle + self.latency + 1 >= CYCLES:
                    return
                self.set("x", cycle, to_int(x_word.reshape(-1)))
                self.set("w", cycle, to_int(w_word))
                self.set("add", cycle + self.latency, 1)
                self.set("first", cycle + self.latency, int(j == 0))
                cycle += 1
            if not self.constant_threshold:
                paired = self.plan["counting"] == "paired"
                stored = threshold - (sum(coefficients) * transitions(w) if paired else 0)
                self.set("start", row_starts + self.latency - 1, -stored)
            if self.plan["counting"] == "paired":
                counts = sum(c * transitions(plane) for c, plane in zip(coefficients, x, strict=True))
                self.set("transitions", row_starts + self.latency - 1, counts)
            self.expect(cycle + self.latency, total, threshold)

    def expect(self, cycle: int, total: int, threshold: int) -> None:
        """Expect a row's sum in a cycle, and with it its sign."""
        thresholded = self.plan["threshold"] != "none"
        met = [
            ("processing_element.row", "one word" if self.plan["synapse_fold"] == 1 else "words"),
            ("processing_element.planes", "1" if self.planes == 1 else "more"),
        ]
        if thresholded:
            difference = {-1: "T - 1", 0: "T"}.get(total - threshold, "far from T")
            where = {0: "0", self.greatest + 1: "greatest + 1"}.get(threshold, "inside")
            met += [("processing_element.sum", difference), ("processing_element.threshold", where)]
            total -= threshold
        self.scoreboard.expect(total & ((1 << len(self.port("sum"))) - 1), met=met)
        self.checks.add(cycle)


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def each_row_is_summed_from_minus_t(dut, k: int) -> None:
    """Rows in words, with gaps, on ties with the threshold and off; whatever comes at other times counts nothing."""
    bench = Bench(dut, k)
    await bench.start()
    bench.schedule()
    for cycle in range(CYCLES):
        for name, values in bench.inputs.items():
            bench.port(name).value = values[cycle]
        await FallingEdge(dut.clk)
        if cycle in bench.checks:
            bench.scoreboard.take(int(bench.port("sum").value))
        await RisingEdge(dut.clk)
    bench.finish()
