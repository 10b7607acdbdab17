# SPDX-License-Identifier: Apache-2.0
"""SpinalHDL Streams (valid, ready, payload) in cocotb: a source, a sink, and when they pause.

One convention of time: inputs change just after a rising edge, everything is looked at at the falling edge after it,
when the logic has settled, and what is agreed there takes place at the next rising edge.
"""

import itertools
import random
from collections.abc import Callable, Iterator

from cocotb.triggers import FallingEdge, RisingEdge

Pause = Iterator[bool]
"""Says before each cycle whether to pause in it."""


def never() -> Pause:
    """Never pause."""
    return itertools.repeat(False)


def sometimes(rng: random.Random, probability: float) -> Pause:
    """Pause in a share of the cycles, each drawn alone."""
    own = spawned(rng)
    return (own.random() < probability for _ in itertools.count())


def bursts(rng: random.Random, longest: int) -> Pause:
    """Go and pause in turn, each for up to `longest` cycles."""
    own = spawned(rng)
    return (pausing for _ in itertools.count() for pausing in (False, True) for _ in range(own.randint(1, longest)))


def spawned(rng: random.Random) -> random.Random:
    """Return a source for what is drawn cycle by cycle: how long a test takes must not change what it draws next."""
    return random.Random(rng.getrandbits(64))


PATIENCE_CYCLES = 100_000
"""How long a source waits for `ready` before it counts as lost: more than any test of a correct design needs."""


def random_pause(rng: random.Random) -> Pause:
    """Draw a way to pause."""
    return rng.choice((never(), sometimes(rng, rng.choice((0.1, 0.4, 0.8))), bursts(rng, 12)))


class StreamSource:
    """Drives a Stream: `valid` stays up and the payload stable until `ready`, as the contract asks."""

    def __init__(self, dut, prefix: str, payload: tuple[str, ...], pause: Pause) -> None:
        """Drive `prefix`_valid and the `payload` ports of `dut`, quiet at first."""
        self.clk, self.pause = dut.clk, pause
        self.valid, self.ready = getattr(dut, f"{prefix}_valid"), getattr(dut, f"{prefix}_ready")
        self.ports = [getattr(dut, f"{prefix}_{name}") for name in payload]
        self.transfers = self.paused_cycles = self.stalled_cycles = 0
        for port in (self.valid, *self.ports):
            port.value = 0

    async def send(self, *values: int) -> None:
        """Send one beat; returns just after the edge that takes it."""
        while next(self.pause):
            self.paused_cycles += 1
            await RisingEdge(self.clk)
        for port, value in zip(self.ports, values, strict=True):
            port.value = value
        self.valid.value = 1
        taken, before = False, self.stalled_cycles
        while not taken:
            await FallingEdge(self.clk)
            taken = bool(self.ready.value)
            self.stalled_cycles += not taken
            assert self.stalled_cycles - before < PATIENCE_CYCLES, "ready never came"
            await RisingEdge(self.clk)
        self.valid.value = 0
        self.transfers += 1


class StreamSink:
    """Takes beats from a Stream and gives each to `take`; holds the design to the Stream's contract meanwhile."""

    def __init__(self, dut, prefix: str, payload: tuple[str, ...], pause: Pause, take: Callable[..., None]) -> None:
        """Drive `prefix`_ready of `dut` and look at the `payload` ports."""
        self.clk, self.pause, self.take = dut.clk, pause, take
        self.valid, self.ready = getattr(dut, f"{prefix}_valid"), getattr(dut, f"{prefix}_ready")
        self.ports = [getattr(dut, f"{prefix}_{name}") for name in payload]
        self.transfers = 0
        self.stalled_cycles = 0
        self.ready.value = 0
        self.pending: tuple[int, ...] | None = None

    async def run(self) -> None:
        """Take beats for ever."""
        ready, self.ready.value = False, 0
        while True:
            if next(self.pause) == ready:
                ready = not ready
                self.ready.value = int(ready)
            await FallingEdge(self.clk)
            if self.valid.value:
                values = tuple(int(port.value) for port in self.ports)
                assert self.pending in (None, values), "payload changed while valid waited for ready"
                self.pending = None if ready else values
                self.stalled_cycles += not ready
                if ready:
                    self.transfers += 1
                    self.take(*values)
            else:
                assert self.pending is None, "valid fell before ready"
            await RisingEdge(self.clk)

    def forget(self) -> None:
        """A reset may break a promise."""
        self.pending = None
