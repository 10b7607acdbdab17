# SPDX-License-Identifier: Apache-2.0
"""LoadPort alone: words of a model go in, each is written once to its place, and images are held off meanwhile."""

import zlib
from itertools import product

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge

from bench import coverage
from bench.configurations import Configuration, Parameters, memories
from bench.streams import Pause, StreamSource, never, random_pause
from bench.unit import NUMBERS, ROUNDS, TIMEOUT, Unit


def simulators(drawn: Configuration) -> dict[str, Parameters]:
    """Return of each simulator the parameters of its instances."""
    return {
        "load_port": [
            memories((1, 1)),
            memories((40, 3), (7, 1)),
            memories((41, 5)),
            memories((100, 2), (25, 260), (81, 4)),
            memories((1, 17), (2, 1), (45, 2)),
        ]
    }


class Bench(Unit):
    """A source of words, an accelerator that is busy now and then, and a watch on the memories' buses."""

    def __init__(self, dut, k: int) -> None:
        """Wire unit k."""
        super().__init__(dut, k)
        self.words = StreamSource(dut, f"u{k}_words", ("payload",), never())
        self.idle, self.hold, self.running, self.checksum = map(self.port, ("idle", "hold", "running", "checksum"))
        self.buses = [
            [self.port(f"buses_{m}_{name}") for name in ("enable", "token", "address", "data")]
            for m in range(len(self.facts["memories"]))
        ]
        self.word_bits = self.facts["word_bits"]
        self.busy: Pause = never()
        self.places: list[tuple[int, int, int]] = []  # memory, row and column of each word, in order
        for m, memory in enumerate(self.facts["memories"]):
            self.places += product([m], range(memory["depth"]), range(len(memory["files"])))
        self.loaded = 0  # words written of the load that has begun
        self.staged = False  # a word was taken in the cycle before, and is written in this one

    async def start(self) -> None:
        """Start, and watch from then on."""
        await super().start()
        cocotb.start_soon(self.watch())

    def forget(self) -> None:
        """No load has begun."""
        super().forget()
        self.words.valid.value = self.loaded = self.staged = 0

    async def watch(self) -> None:
        """Look every cycle at what is written and who is held off."""
        while True:
            begun = self.loaded > 0 or self.staged
            self.idle.value = int(begun or not next(self.busy))  # during a load no image is inside
            await FallingEdge(self.clk)
            waiting, taken = bool(self.words.valid.value), bool(self.words.valid.value and self.words.ready.value)
            assert bool(self.hold.value) == (waiting or begun), "images are held off for a load"
            assert bool(self.running.value) == (self.loaded > 0)
            if waiting:
                assert taken == bool(self.idle.value), "the first word waits for the last image, the others for nothing"
                if not begun:
                    coverage.sample("load_port.first_word", "goes" if taken else "waits")
            writes = [[m, *(int(port.value) for port in bus[1:])] for m, bus in enumerate(self.buses) if bus[0].value]
            written = self.staged and not self.dut.reset.value
            assert len(writes) == written, "a write a word, in the cycle after it, unless that is a reset"
            if writes:
                self.loaded = (self.loaded + 1) % len(self.places)
                self.scoreboard.take(*writes[0])
            self.staged = taken
            await RisingEdge(self.clk)

    async def load(self) -> None:
        """Load a random model."""
        words = [self.rng.getrandbits(self.word_bits) for _ in self.places]
        for word, (m, row, column) in zip(words, self.places, strict=True):
            memory = self.facts["memories"][m]
            met = [
                (
                    "load_port.row",
                    "only" if memory["depth"] == 1 else "last" if row == memory["depth"] - 1 else "not last",
                ),
                ("load_port.column", "only" if len(memory["files"]) == 1 else "one of several"),
            ]
            self.scoreboard.expect(m, 1 << column, row, word & ((1 << memory["column_width"]) - 1), met=met)
        for word in words:
            await self.words.send(word)
        await RisingEdge(self.clk)
        await FallingEdge(self.clk)
        content = b"".join(word.to_bytes(self.word_bits // 8, "little") for word in words)
        assert self.checksum.value == zlib.crc32(content)
        assert not self.scoreboard.expected
        await RisingEdge(self.clk)


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def every_word_gets_to_its_place(dut, k: int) -> None:
    """Under random pauses, while images are inside and after resets: memory by memory, row by row, column by column."""
    bench = Bench(dut, k)
    await bench.start()
    for number in range(ROUNDS):
        bench.words.pause, bench.busy = random_pause(bench.pauses), random_pause(bench.pauses)
        loader = cocotb.start_soon(bench.load())
        if number % 3 == 2:
            for _ in range(bench.rng.randint(1, len(bench.places))):
                await RisingEdge(dut.clk)
            loader.cancel()
            await bench.reset()
        else:
            await loader
    bench.finish()
