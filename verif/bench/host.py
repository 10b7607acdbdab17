# SPDX-License-Identifier: Apache-2.0
"""The computer at the other end of the board's serial cable."""

import cocotb
from cocotb.triggers import FallingEdge, Timer, with_timeout

BIT_NS = 8680  # 115,200 baud, rounded to what a simulator can wait


class Host:
    """The computer at the serial port: 8 data bits, no parity, one stop bit, lowest bit first."""

    def __init__(self, dut) -> None:
        """Take hold of the two pins."""
        self.tx, self.rx = dut.GPIO_0_UART_RX, dut.GPIO_0_UART_TX
        self.tx.value = 1

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        for byte in data:
            for bit in (0, *(byte >> k & 1 for k in range(8)), 1):
                self.tx.value = bit
                await Timer(BIT_NS, "ns")

    async def receive(self) -> int:
        """Return the next byte that arrives."""
        await FallingEdge(self.rx)
        await Timer(BIT_NS // 2, "ns")
        assert self.rx.value == 0, "no start bit"
        byte = 0
        for k in range(8):
            await Timer(BIT_NS, "ns")
            byte |= int(self.rx.value) << k
        await Timer(BIT_NS, "ns")
        assert self.rx.value == 1, "no stop bit"
        return byte

    async def receive_bytes(self, count: int) -> bytes:
        """Return the next bytes that arrive."""
        return bytes([await self.receive() for _ in range(count)])

    async def ask(self, data: bytes) -> int:
        """Send a command and return its answer."""
        answer = cocotb.start_soon(self.receive())
        await self.send(data)
        return await with_timeout(answer, 100 * BIT_NS, "ns")
