# SPDX-License-Identifier: Apache-2.0
"""PixelInput alone: words become pixels; `hold` stops them between images and nowhere else."""

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge

from bench import coverage
from bench.configurations import Configuration, Parameters, rows
from bench.unit import NUMBERS, TIMEOUT, HeldUnit
from xnorfpga.network.encoding import to_int


def simulators(drawn: Configuration) -> dict[str, Parameters]:
    """Return of each simulator the parameters of its instances."""
    return {"pixel_input": rows("pixels channels planes", (1, 1, 1), (5, 3, 1), (4, 2, 3))}


class Bench(HeldUnit):
    """A group is an image."""

    input_payload = ("payload_fragment", "payload_last")

    async def watch(self) -> None:
        """Hold now and then, and see that it stops a new image and nothing else."""
        while True:
            holds = next(self.hold_pause)
            self.hold.value = int(holds)
            if holds and self.words == 0:
                self.output.forget()  # the first pixel is withdrawn
            await FallingEdge(self.clk)
            taken = bool(self.input.valid.value and self.input.ready.value)
            between = self.words == 0
            assert bool(self.image_starts.value) == (taken and between)
            if holds and self.input.valid.value:
                coverage.sample("pixel_input.hold", "between images" if between else "within")
                assert not (taken and between), "a new image was taken under hold"
                if not between:
                    assert taken or not self.output.ready.value, "hold stopped an image that had begun"
            if taken:
                self.words = (self.words + 1) % self.facts["pixels"]
            await RisingEdge(self.clk)

    async def send(self, full: bool) -> None:
        """Send an image, pixel by pixel: its planes side by side."""
        pixels = self.bits(self.facts["pixels"], self.planes, self.facts["channels"])
        for pixel in pixels:
            self.scoreboard.expect(1, *(to_int(plane) for plane in pixel))
        for pixel in pixels:
            await self.input.send(to_int(pixel.reshape(-1)), self.rng.randint(0, 1))


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def every_pixel_comes(dut, k: int) -> None:
    """Under random pauses, holds and resets."""
    await Bench(dut, k).rounds()


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def unhindered_a_pixel_comes_every_cycle(dut, k: int) -> None:
    """The next image follows at once."""
    bench = Bench(dut, k)
    await bench.start()
    await bench.unhindered(bench.facts["pixels"])
