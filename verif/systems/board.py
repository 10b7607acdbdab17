# SPDX-License-Identifier: Apache-2.0
"""cocotb test of the DE1-SoC top level: a host at the other end of the serial cable, a reader of the display."""

import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import Timer, with_timeout

from bench.configurations import images, network
from bench.host import BIT_NS, Host
from bench.job import DIRECTORY, SEED
from xnorfpga.base.files import read_json
from xnorfpga.network import golden
from xnorfpga.network.encoding import to_int
from xnorfpga.rtl import memory

CLOCK_NS = 20  # 50 MHz
SEGMENTS = (0x3F, 0x06, 0x5B, 0x4F, 0x66, 0x6D, 0x7D, 0x07, 0x7F, 0x6F)  # lit segments of the digits


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
