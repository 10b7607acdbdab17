# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of the DE1-SoC top level: a host at the other end of the serial cable, a reader of display and lamps."""

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import Timer, with_timeout

from bench.configurations import images, initial_network, network
from bench.host import BIT_NS, Host
from bench.job import DIRECTORY, MUTANT, SEED, Randomness
from xnorfpga.base.files import read_json
from xnorfpga.network import golden
from xnorfpga.network.encoding import to_int
from xnorfpga.network.golden import Model
from xnorfpga.rtl import memory

CLOCK_NS = 20  # 50 MHz
RESET_CYCLES = 16  # after power-up, and some more until KEY0 is seen
SEGMENTS = (0x3F, 0x06, 0x5B, 0x4F, 0x66, 0x6D, 0x7D, 0x07, 0x7F, 0x6F)  # lit segments of the digits
COMMANDS = {"image": b"I", "load": b"L"}
SLOW, FAST = 1.02, 0.98  # clocks of hosts: a serial port must bear a little


class Bench:
    """The board with a host, and what its lamps must show meanwhile."""

    def __init__(self, dut, purpose: str, pace: float = 1.0, noisy: bool = False) -> None:
        """Connect a host whose bits last `pace` times as long as they should, over a line that may be noisy."""
        self.dut, self.random = dut, Randomness(purpose)
        self.rng = self.random.of("decisions")
        self.hardware, self.manifest = read_json(DIRECTORY / "hardware.json"), read_json(DIRECTORY / "manifest.json")
        self.host = Host(dut, round(pace * BIT_NS), self.random.of("spikes") if noisy else None)

    async def start(self, switched_on: bool = False) -> None:
        """Start the clock. A board that is switched on resets itself; of one that ran, KEY0 is pressed."""
        if MUTANT is not None:
            self.dut.mutant.value = int(MUTANT)
        self.dut.KEY.value = 0b1111
        Clock(self.dut.CLOCK_50, CLOCK_NS, unit="ns", impl="gpi").start()
        if switched_on:
            await Timer(2 * RESET_CYCLES * CLOCK_NS, "ns")
            self.shows(0)
        else:
            await self.press()

    async def press(self) -> None:
        """Press KEY0, the reset, for some cycles."""
        self.dut.KEY.value = 0b1110
        await Timer(RESET_CYCLES * CLOCK_NS, "ns")
        self.dut.KEY.value = 0b1111
        await Timer(RESET_CYCLES * CLOCK_NS, "ns")
        self.shows(0)

    def shows(self, digit: int, waiting: bool = False) -> None:
        """Look at the display and at every lamp: the first is on while a command's data is awaited."""
        assert self.dut.HEX0.value == ~SEGMENTS[digit] & 0x7F, f"the display does not show {digit}"
        assert self.dut.LEDR.value == int(waiting), "data is not awaited" if waiting else "data is still awaited"

    async def command(self, name: str, shown: int) -> None:
        """Send a command's first byte, while the display shows the last digit."""
        await self.host.send(COMMANDS[name])
        self.shows(shown, waiting=True)

    async def load(self, model: Model, shown: int = 0) -> None:
        """Load a model; it is acknowledged with its checksum."""
        receipt = cocotb.start_soon(self.host.receive_bytes(5))
        await self.command("load", shown)
        await self.host.send(memory.load_bytes(self.manifest, model))
        answer = await with_timeout(receipt, 100 * BIT_NS, "ns")
        assert answer == b"K" + memory.load_crc32(self.manifest, model).to_bytes(4, "little")
        self.shows(shown)

    async def classify(self, vectors: np.ndarray, model: Model, shown: int = 0) -> int:
        """Send images; each is answered with its class, which the display shows. Returns the last one."""
        width = self.manifest["input"]["word_bits"]
        for vector, label in zip(vectors, golden.infer(model, vectors).classes, strict=True):
            words = (to_int(vector[start : start + width]) for start in range(0, len(vector), width))
            answer = cocotb.start_soon(self.host.receive())
            await self.command("image", shown)
            await self.host.send(b"".join(word.to_bytes(-(-width // 8), "little") for word in words))
            assert await with_timeout(answer, 100 * BIT_NS, "ns") == label
            shown = int(label)
            self.shows(shown)
        return shown

    def network(self) -> Model:
        """Draw a network."""
        return network(self.hardware, self.random.numpy_of("networks"), self.rng.choice(("uniform", "ties")))

    def images(self, count: int) -> np.ndarray:
        """Draw bool[count, MW] images."""
        return images(self.hardware, self.random.numpy_of("images"), count)

    def one_of_each_class(self) -> tuple[Model, np.ndarray]:
        """Draw a network and images bool[classes, MW] of which each is of another class, in any order."""
        classes = self.manifest["output"]["classes"]
        while True:
            model, vectors = self.network(), self.images(500)
            found, first = np.unique(golden.infer(model, vectors).classes, return_index=True)
            if len(found) == classes:
                return model, vectors[self.random.numpy_of("order").permutation(first)]


@cocotb.test()
async def a_host_has_digits_classified_without_a_load(dut) -> None:
    """The memories hold a model from the start; KEY0 makes the board forget half a command, and the digit."""
    bench = Bench(dut, "initial", SLOW)
    model = initial_network(bench.hardware, SEED)
    await bench.start(switched_on=True)
    shown = await bench.classify(bench.images(1), model)
    await bench.command("image", shown)
    await bench.press()
    await bench.classify(bench.images(2), model)


@cocotb.test()
async def a_host_loads_a_model_and_has_every_digit_classified(dut) -> None:
    """Each class is answered, and shown as its digit; a model is acknowledged; another replaces it."""
    bench = Bench(dut, "digits", FAST)
    await bench.start()
    model, vectors = bench.one_of_each_class()
    await bench.load(model)
    shown = await bench.classify(vectors, model)
    model = bench.network()
    await bench.load(model, shown)
    await bench.classify(bench.images(2), model, shown)


@cocotb.test()
async def noise_is_dropped(dut) -> None:
    """A byte one bit off a command, half a start bit or a line that is cut is not answered and awaits no data; two
    spikes in a bit change nothing.
    """
    bench = Bench(dut, "noise", noisy=True)
    await bench.start()
    model = bench.network()
    await bench.load(model)
    for command in COMMANDS.values():
        for bit in range(8):
            await bench.host.send(bytes([command[0] ^ 1 << bit]))
            bench.shows(0)
    for bits in (0.35, 30):  # a cut line gives a byte of zeros, and then none
        await bench.host.hold(0, bits)
        await bench.host.hold(1, 2)
        bench.shows(0)
    await bench.classify(bench.images(2), model)
