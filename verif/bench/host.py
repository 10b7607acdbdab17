# SPDX-License-Identifier: Apache-2.0
"""The computer at the other end of the board's serial cable."""

from cocotb.triggers import FallingEdge, Timer

BIT_NS = 8680  # 115,200 baud, rounded to what a simulator can wait


class Host:
    """The computer at the serial port: 8 data bits, no parity, one stop bit, lowest bit first."""

    def __init__(self, dut, bit_ns: int = BIT_NS) -> None:
        """Take hold of the two pins."""
        self.bit_ns = bit_ns
        self.tx, self.rx = dut.GPIO_0_UART_RX, dut.GPIO_0_UART_TX
        self.tx.value = 1

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        for byte in data:
            for bit in (0, *(byte >> k & 1 for k in range(8)), 1):
                self.tx.value = bit
                await Timer(self.bit_ns, "ns")

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

    async def receive_bytes(self, count: int) -> bytes:
        """Return the next bytes that arrive."""
        return bytes([await self.receive() for _ in range(count)])
