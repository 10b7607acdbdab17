# SPDX-License-Identifier: Apache-2.0
"""The computer at the other end of the board's serial cable."""

import random

import cocotb
from cocotb.queue import Queue
from cocotb.triggers import FallingEdge, Timer, with_timeout

from bench.configurations import BAUD
from xnorfpga.host import protocol
from xnorfpga.host.protocol import Answer

BIT_NS = 10**9 // BAUD
SPIKE_NS = BIT_NS // 11  # shorter than the tenth of a bit between two samples: it reaches one of them at most


class Host:
    """The computer at the serial port: 8 data bits, no parity, one stop bit, lowest bit first."""

    def __init__(self, dut, bit_ns: int = BIT_NS, spikes: random.Random | None = None) -> None:
        """Take hold of the two pins.

        Args:
            bit_ns: how long a bit lasts; a host's clock is never the board's.
            spikes: draws where the line to the board is wrong for a moment, twice in every bit of data; None: never.
        """
        self.bit_ns, self.spikes = bit_ns, spikes
        self.tx, self.rx = dut.GPIO_0_UART_RX, dut.GPIO_0_UART_TX
        self.tx.value = 1
        self.answers: Queue[bytes] = Queue()

    def start(self) -> None:
        """Listen from now on."""
        cocotb.start_soon(self.listen())

    async def listen(self) -> None:
        """Collect what comes between delimiters."""
        frame = bytearray()
        while True:
            frame.append(await self.receive())
            if frame.endswith(protocol.DELIMITER):
                self.answers.put_nowait(bytes(frame[:-1]))
                frame.clear()

    async def answer(self, bits: int = 10_000) -> Answer:
        """Return the next answer, which must be a whole one and come within the time of so many bits."""
        return Answer.parse(await with_timeout(self.answers.get(), bits * self.bit_ns, "ns"))

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        for byte in data:
            await self.hold(0, 1)
            for bit in range(8):
                await self.bit(byte >> bit & 1)
            await self.hold(1, 1)

    async def bit(self, level: int) -> None:
        """Send a bit of data."""
        if not self.spikes:
            await self.hold(level, 1)
            return
        gaps = sorted(self.spikes.randint(0, self.bit_ns - 2 * SPIKE_NS) for _ in range(2))
        gaps = [gaps[0], gaps[1] - gaps[0], self.bit_ns - 2 * SPIKE_NS - gaps[1]]
        for k, gap in enumerate(gaps):
            for now, length in ((level, gap), (1 - level, SPIKE_NS if k < 2 else 0)):
                if length:
                    self.tx.value = now
                    await Timer(length, "ns")

    async def hold(self, level: int, bits: float) -> None:
        """Hold the line for the time of some bits."""
        self.tx.value = level
        await Timer(round(bits * self.bit_ns), "ns")

    async def receive(self) -> int:
        """Return the next byte that arrives."""
        await FallingEdge(self.rx)
        await Timer(self.bit_ns // 2, "ns")
        assert self.rx.value == 0, "no start bit"
        byte = 0
        for k in range(8):
            await Timer(self.bit_ns, "ns")
            byte |= int(self.rx.value) << k
        await Timer(self.bit_ns, "ns")
        assert self.rx.value == 1, "no stop bit"
        return byte
