# SPDX-License-Identifier: Apache-2.0
"""cocotb test of the DE1-SoC top level: a host at the other end of the serial cable, a reader of the display."""

import os
import random
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer, with_timeout

from bench.configurations import images, network
from xnorfpga.base.files import read_json
from xnorfpga.network import golden
from xnorfpga.rtl import memory
from xnorfpga.rtl.testbench import to_int

DIRECTORY = Path(os.environ["VERIF_DIRECTORY"])
SEED = int(os.environ["VERIF_SEED"])
CLOCK_NS = 20  # 50 MHz
BIT_NS = 8680  # 115,200 baud, rounded to what a simulator can wait
SEGMENTS = (0x3F, 0x06, 0x5B, 0x4F, 0x66, 0x6D, 0x7D, 0x07, 0x7F, 0x6F)  # lit segments of the digits


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


@cocotb.test()
async def a_host_loads_a_model_and_has_digits_classified(dut) -> None:
    """Images are answered with their class, which the display shows; a model is acknowledged; noise is dropped."""
    rng = random.Random(f"board {SEED}")
    numpy_rng = np.random.default_rng(SEED)
    hardware, manifest = read_json(DIRECTORY / "hardware.json"), read_json(DIRECTORY / "manifest.json")
    width = manifest["input"]["word_bits"]
    dut.KEY.value = 0b1111
    Clock(dut.CLOCK_50, CLOCK_NS, unit="ns", impl="gpi").start()
    host = Host(dut)
    await Timer(100 * CLOCK_NS, "ns")

    for _ in range(2):
        model = network(hardware, numpy_rng, rng.choice(("uniform", "ties")))
        await host.send(b"?")  # no command: dropped
        receipt = cocotb.start_soon(host.receive_bytes(5))
        await host.send(b"L" + memory.load_bytes(manifest, model))
        receipt = await with_timeout(receipt, 100 * BIT_NS, "ns")
        assert receipt == b"K" + memory.load_crc32(manifest, model).to_bytes(4, "little")
        vectors = images(hardware, numpy_rng, 4)
        for vector, label in zip(vectors, golden.infer(model, vectors).classes, strict=True):
            parts = (to_int(vector[start : start + width]) for start in range(0, len(vector), width))
            data = b"I" + b"".join(part.to_bytes(-(-width // 8), "little") for part in parts)
            assert await host.ask(data) == label
            assert ~int(dut.HEX0.value) & 0x7F == SEGMENTS[label]
            assert dut.LEDR.value == 0, "data is still awaited"
