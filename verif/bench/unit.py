# SPDX-License-Identifier: Apache-2.0
"""What the benches of single units share: the ports of one of the units in a simulator, its rounds and its checks.

A module in `units/` is named after its unit; it says which configurations of it are built, what goes in and what must
come out.
"""

from collections.abc import Iterable
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge

from bench import coverage
from bench.clock import PERIOD_NS, now, power_up
from bench.job import CORRUPT, DIRECTORY, Randomness
from bench.scoreboard import Scoreboard
from bench.streams import Pause, StreamSink, StreamSource, never, random_pause
from xnorfpga.base.files import read_json
from xnorfpga.network.encoding import to_int

_FILE = DIRECTORY / "manifest.json"
MANIFEST: dict[str, Any] = read_json(_FILE) if _FILE.exists() else {"units": []}  # none where pytest looks for tests
NUMBERS = range(len(MANIFEST["units"]))
TIMEOUT: dict[str, Any] = {"timeout_time": 60_000 * PERIOD_NS, "timeout_unit": "ns"}  # of a test: many times as long
ROUNDS = 9
UNHINDERED_GROUPS = 6


class Unit:
    """Unit number k of a simulator: its ports, what is known of it, a scoreboard."""

    def __init__(self, dut, k: int) -> None:
        """Take hold of unit k of `dut`."""
        self.dut, self.clk, self.k = dut, dut.clk, k
        self.facts: dict[str, Any] = MANIFEST["units"][k]
        randomness = Randomness(f"unit {k}")
        self.rng, self.numpy_rng = randomness.of("decisions"), randomness.numpy_of("data")
        self.pauses, self.noise = randomness.of("pauses"), randomness.of("noise")
        self.scoreboard = Scoreboard(
            MANIFEST["unit"], (randomness.of("corruption").randrange(99), 0) if CORRUPT else None
        )

    def port(self, name: str):
        """Return a port."""
        return getattr(self.dut, f"u{self.k}_{name}")

    def ports(self, name: str, count: int | None = None) -> list:
        """Return the ports of a vector: one a lane, where no other count is given."""
        return [self.port(f"{name}_{c}") for c in range(count or self.facts["copies"] * self.planes)]

    @property
    def planes(self) -> int:
        """Bit planes of what goes in."""
        return len(self.facts["plan"]["coefficients"]) if "plan" in self.facts else self.facts.get("planes", 1)

    @property
    def output_planes(self) -> int:
        """Bit planes of what comes out."""
        return self.planes

    def beat(self, counted: object, planes: int | None = None, copies: int | None = None) -> tuple[str, ...]:
        """Return the payload of a beat's Stream, with the vectors' transitions where they are `counted`."""
        names = ("data", "transitions") if counted else ("data",)
        lanes = (copies or self.facts["copies"]) * (planes or self.planes)
        return ("payload_lanes", *(f"payload_{name}_{k}" for name in names for k in range(lanes)))

    def bits(self, *shape: int) -> np.ndarray:
        """Draw bool[shape]: dense, sparse, all zero or all one along the last axis."""
        density = self.numpy_rng.choice((0.0, 0.1, 0.5, 0.5, 0.9, 1.0), (*shape[:-1], 1))
        return self.numpy_rng.random(shape) < density

    async def start(self) -> None:
        """Start the clock in reset; returns in the first cycle after it."""
        await power_up(self.dut)
        await self.reset()

    async def reset(self) -> None:
        """Reset; returns in the first cycle after it."""
        for level in (1, 0):
            if hasattr(self.dut, "reset"):  # unless nothing in the unit needs one
                self.dut.reset.value = level
            await RisingEdge(self.clk)
            self.forget()

    def forget(self) -> None:
        """Nothing of what was inside comes out any more."""
        self.scoreboard.clear()

    def finish(self) -> None:
        """Count what was checked: a run that checked nothing must not pass."""
        assert self.scoreboard.checked > 0, "nothing was checked"
        coverage.count("transactions", self.scoreboard.checked)


class StreamUnit(Unit):
    """A unit with a Stream `input` and a Stream `output`, of beats where nothing else is said.

    Its bench says in `send` what goes in and what must come out.
    """

    output_copies: int | None = None  # where not as many as of the input
    input_payload: tuple[str, ...] = ()
    output_payload: tuple[str, ...] = ()

    def __init__(self, dut, k: int) -> None:
        """Wire both Streams."""
        super().__init__(dut, k)
        taken = self.beat(self.facts.get("transitions_arrive"))
        given = self.beat(self.facts.get("transition_bits"), self.output_planes, self.output_copies)
        self.input = StreamSource(dut, f"u{k}_input", self.input_payload or taken, never())
        self.output = StreamSink(dut, f"u{k}_output", self.output_payload or given, never(), self.note)
        self.cycles: list[int] = []  # in which something came out

    async def send(self, full: bool) -> None:
        """Draw a group, expect its results and send it; `full`: with an image in every lane."""
        raise NotImplementedError

    def note(self, *values: int) -> None:
        """Note when something came out, and take it."""
        self.cycles.append(now())
        self.take(*values)

    def take(self, *values: int) -> None:
        """Check what came out."""
        self.scoreboard.take(*values)

    def draw_pauses(self) -> None:
        """Pause in another way from now on."""
        self.input.pause, self.output.pause = random_pause(self.pauses), random_pause(self.pauses)

    def images(self, full: bool) -> int:
        """Draw how many images a group has."""
        return self.facts["copies"] if full else self.rng.randint(1, self.facts["copies"])

    async def start(self) -> None:
        """Start the clock, reset, and take what comes out from then on."""
        await super().start()
        cocotb.start_soon(self.output.run())

    async def reset(self) -> None:
        """Reset; the source falls silent."""
        self.input.valid.value = 0
        self.output.forget()  # what passes through falls silent at once
        await super().reset()

    def forget(self) -> None:
        """Nothing of what was inside comes out any more; a promise may be broken."""
        super().forget()
        self.output.forget()

    async def drain(self) -> None:
        """Wait until everything expected has come, and a while for what should not."""
        await self.scoreboard.emptied()
        await ClockCycles(self.clk, 5)

    async def round(self) -> None:
        """Send some groups, full or not."""
        for _ in range(self.rng.randint(1, 8)):
            await self.send(full=self.rng.random() < 0.5)

    async def rounds(self) -> None:
        """Start and run some rounds, each under its own pauses; a reset cuts every third off at a random moment."""
        await self.start()
        for number in range(ROUNDS):
            self.draw_pauses()
            sender = cocotb.start_soon(self.round())
            if number % 3 == 2:
                await ClockCycles(self.clk, self.rng.randint(1, 40))
                sender.cancel()
                await self.reset()
            else:
                await sender
                await self.drain()
            coverage.sample("unit.round", "reset" if number % 3 == 2 else "drained")
        for stream, end in ((self.input, "input"), (self.output, "output")):
            if stream.stalled_cycles:
                coverage.sample("unit.stalled", end)
        self.finish()

    async def unhindered(self, cycles: int) -> None:
        """Without pauses a group must leave every `cycles` cycles."""
        marks = []
        for _ in range(UNHINDERED_GROUPS):
            marks.append(self.scoreboard.checked + len(self.scoreboard.expected))
            await self.send(full=True)
        await self.drain()
        assert np.diff([self.cycles[mark] for mark in marks])[1:].tolist() == [cycles] * (UNHINDERED_GROUPS - 2)
        self.finish()


class HeldUnit(StreamUnit):
    """A unit that takes images word by word, and none while `hold` is up."""

    def __init__(self, dut, k: int) -> None:  # noqa: D107
        super().__init__(dut, k)
        self.hold, self.image_starts = self.port("hold"), self.port("imageStarts")
        self.hold_pause: Pause = never()
        self.words = 0  # taken of the image that has begun

    async def start(self) -> None:
        """Start, and drive `hold` from then on."""
        await super().start()
        cocotb.start_soon(self.watch())

    async def watch(self) -> None:
        """Drive `hold`, and see that it stops what it should."""
        raise NotImplementedError

    def draw_pauses(self) -> None:
        """Pause in another way, hold in another way."""
        super().draw_pauses()
        self.hold_pause = self.rng.choice((never(), random_pause(self.pauses)))

    def forget(self) -> None:
        """Nothing has been taken."""
        super().forget()
        self.words = 0


class CollectingUnit(StreamUnit):
    """A unit that collects vectors, and may count their transitions."""

    def expect_group(self, vectors: np.ndarray, met: Iterable[tuple[str, str]]) -> None:
        """Expect bool[images · planes, bits] in the lanes from the lowest up."""
        rest = [0] * (self.facts["copies"] * self.planes - len(vectors))
        counts = [*map(transitions, vectors), *rest] if self.facts.get("transition_bits") else []
        self.scoreboard.expect(lanes(len(vectors) // self.planes), *map(to_int, vectors), *rest, *counts, met=met)

    def take(self, lanes: int, *values: int) -> None:
        """Check a vector a lane, and its count where there is one."""
        vectors = self.facts["copies"] * self.planes
        parts = (values[:vectors], values[vectors:])
        self.scoreboard.take(lanes, *(value for part in parts for value in in_lanes(lanes, part, self.planes)))


def lanes(count: int) -> int:
    """Return the lanes of a group of `count` images: they fill from the lowest up."""
    return (1 << count) - 1


def in_lanes(lanes: int, values: Iterable[int], planes: int = 1) -> list[int]:
    """Return the values, one a lane, with 0 where it holds no image: what stands there is nobody's business.

    lanes: a bit a copy. planes: lanes of a copy.
    """
    return [value if lanes >> k // planes & 1 else 0 for k, value in enumerate(values)]


def transitions(vector: np.ndarray) -> int:
    """Return how many neighbours, 2i and 2i + 1, of bool[even] differ."""
    return sum(bool(left != right) for left, right in zip(vector[0::2], vector[1::2], strict=True))
