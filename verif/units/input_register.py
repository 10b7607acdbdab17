# SPDX-License-Identifier: Apache-2.0
"""InputRegister alone: an engine that steps when it likes, and sees at every step the words that each PE must meet."""

from collections import deque

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge, Timer

from bench import coverage
from bench.configurations import CHAINS, Configuration, Parameters, layers
from bench.streams import Pause, StreamSource, never, random_pause
from bench.unit import NUMBERS, ROUNDS, TIMEOUT, Unit, lanes, transitions
from xnorfpga.network.encoding import to_int


def simulators(drawn: Configuration) -> dict[str, Parameters]:
    """Return of each simulator the parameters of its instances."""
    return {"input_register": layers(*CHAINS.values(), drawn)}


class Bench(Unit):
    """A source of vectors, and the engine."""

    def __init__(self, dut, k: int) -> None:
        """Wire unit k."""
        super().__init__(dut, k)
        self.plan, self.copies = self.facts["plan"], self.facts["copies"]
        self.input = StreamSource(dut, f"u{k}_input", self.beat(self.facts["transitions_arrive"]), never())
        self.engine_pause: Pause = never()
        self.streamed = self.facts["input_buffer"] == "pass_through"
        self.step, self.first, self.available = map(self.port, ("step", "first", "available"))
        taps = [tap for k in range(self.copies * self.planes) for tap in self.ports(f"taps_{k}", self.facts["taps"])]
        self.lanes, self.taps = self.port("lanes"), taps
        self.lag = self.facts["read_stage"] - 1  # cycles by which the words come later than their lanes
        self.transitions = self.ports("transitions") if self.plan["counting"] == "paired" else []
        self.sent: deque[tuple[int, np.ndarray]] = deque()  # lanes and bool[copies · planes, MW], still to be taken

    def forget(self) -> None:
        """Nothing is inside."""
        super().forget()
        self.sent.clear()
        self.input.valid.value = self.step.value = 0

    async def send(self, vectors: int) -> None:
        """Send some vectors a lane, in beats of the register's width."""
        for _ in range(vectors):
            images = self.rng.randint(1, self.copies)
            vector = self.bits(self.copies * self.planes, self.plan["mw"])
            self.sent.append((lanes(images), vector))
            counts = [transitions(lane) for lane in vector] if self.facts["transitions_arrive"] else []
            for start in range(0, self.plan["mw"], self.facts["width"]):
                beat = vector[:, start : start + self.facts["width"]]
                await self.input.send(lanes(images), *map(to_int, beat), *counts)

    def expect(self, lanes: int, vector: np.ndarray, step: int) -> None:
        """Expect what the PEs meet at a step: for each lane its words, as the routing says."""
        words, routing = self.plan["synapse_fold"], self.plan["routing"]
        kind = "streamed" if self.streamed else "paired" if self.transitions else "plain"
        met = [
            ("input_register.routing", f"{routing} {kind}"),
            ("input_register.lanes", "full" if lanes == (1 << self.copies) - 1 else "some"),
        ]
        shift = 1 if routing == "diagonal" else 0  # PE p meets word (step + p) mod words; else all meet the same
        values = []
        for by_word in vector.reshape(len(vector), words, self.plan["simd"]):
            values += [to_int(by_word[(step + p * shift) % words]) for p in range(self.facts["taps"])]
        self.scoreboard.expect(lanes, *values, met=met)

    async def work(self, vectors: int) -> None:
        """Step through all neurons of some vectors, and look every cycle at what the PEs see."""
        steps = self.plan["synapse_fold"] * self.plan["neuron_fold"]
        todo, standing = vectors * steps, None
        counts: deque[list[int] | None] = deque([None] * max(1, self.facts["transition_stage"]))  # on their way
        count: list[int] | None = None
        lanes_before = deque([int(self.lanes.value)] * self.lag)
        to_come: deque[tuple[int, np.ndarray, int] | None] = deque([None] * self.lag)
        while todo or self.scoreboard.expected or any(to_come):
            at = -todo % steps  # which step of the vector is next
            self.first.value = int(at == 0)
            await Timer(1, "ns")
            stepping = bool(todo and self.available.value) and not next(self.engine_pause)
            self.step.value = int(stepping)
            await FallingEdge(self.clk)

            lanes_before.append(int(self.lanes.value))
            seen = (lanes_before.popleft(), *(int(tap.value) for tap in self.taps))
            if self.scoreboard.expected:
                self.scoreboard.take(*seen)
            else:
                assert standing in (None, seen), "what the PEs see moved without a step"
                coverage.sample("input_register.engine", "waited")
            standing = seen if standing or self.scoreboard.checked else None
            count = counts.popleft() or count
            assert count in (None, [int(port.value) for port in self.transitions]), "transitions"

            loading = stepping and (at == 0 or self.streamed)
            assert bool(self.input.ready.value) == loading
            counts.append(None)
            to_come.append(None)
            if stepping:
                todo -= 1
                lanes, vector = self.sent[0]
                if at == 0 and self.transitions:
                    counts[-1] = [transitions(lane) for lane in vector]
                to_come[-1] = (lanes, vector, at)
                if at == steps - 1:
                    self.sent.popleft()
            if step := to_come.popleft():
                self.expect(*step)
            await RisingEdge(self.clk)


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def each_pe_meets_its_words(dut, k: int) -> None:
    """Under random pauses of source and engine, every step shows the words of the routing, and the vector's count."""
    bench = Bench(dut, k)
    await bench.start()
    for number in range(ROUNDS):
        bench.input.pause, bench.engine_pause = random_pause(bench.pauses), random_pause(bench.pauses)
        vectors = bench.rng.randint(1, 6)
        sender, engine = cocotb.start_soon(bench.send(vectors)), cocotb.start_soon(bench.work(vectors))
        if number % 3 == 2:
            await ClockCycles(dut.clk, bench.rng.randint(1, 30))
            sender.cancel()
            engine.cancel()
            await bench.reset()
        else:
            await engine
            assert not bench.sent
    bench.finish()
