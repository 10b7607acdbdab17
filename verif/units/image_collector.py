# SPDX-License-Identifier: Apache-2.0
"""ImageCollector alone: words of images come out in groups, which a flush or a hold may leave incomplete."""

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, RisingEdge

from bench.configurations import Configuration, Parameters, rows
from bench.unit import NUMBERS, TIMEOUT, CollectingUnit, HeldUnit
from xnorfpga.network.encoding import to_int


def simulators(drawn: Configuration) -> dict[str, Parameters]:
    """Return of each simulator the parameters of its instances."""
    keys = "word_bits image_bits copies planes transition_bits"
    return {
        "image_collector": rows(
            keys,
            (1, 1, 1, 1, 0), (1, 1, 3, 1, 0), (1, 3, 2, 1, 0), (2, 2, 2, 1, 0), (2, 8, 3, 1, 3), (4, 20, 1, 1, 4),
            (7, 49, 2, 1, 0), (2, 8, 2, 2, 3), (3, 3, 1, 3, 0), (5, 15, 3, 2, 0),
        )
    }  # fmt: skip


class Bench(HeldUnit, CollectingUnit):
    """What a group will be depends on when `hold` comes; so expectations arise while words are taken."""

    input_payload = ("payload_fragment", "payload_last")

    def __init__(self, dut, k: int) -> None:
        """Wire unit k."""
        super().__init__(dut, k)
        self.flush = 0.0
        self.images_to_come: list[np.ndarray] = []
        self.group: list[np.ndarray] = []  # images taken that have not gone on

    def draw_pauses(self) -> None:
        """Pause in another way, hold in another way, flush more or less."""
        super().draw_pauses()
        self.flush = self.rng.choice((0.0, 0.3))

    def forget(self) -> None:
        """Nothing has been taken."""
        super().forget()
        self.group, self.images_to_come = [], []

    async def watch(self) -> None:
        """Note what is taken and when a group goes on; hold now and then."""
        while True:
            self.hold.value = int(next(self.hold_pause))
            await FallingEdge(self.clk)
            taken = bool(self.input.valid.value and self.input.ready.value)
            between_images = self.words == 0
            assert bool(self.image_starts.value) == (taken and between_images)
            if self.hold.value and between_images:
                assert not taken, "a new image was taken under hold"
                if self.group:
                    self.leave("held")
            elif taken:
                self.words = (self.words + 1) % (self.planes * self.facts["image_bits"] // self.facts["word_bits"])
                if self.words == 0:
                    self.group.append(self.images_to_come.pop(0))
                    if len(self.group) == self.facts["copies"]:
                        self.leave("full")
                    elif self.input.ports[1].value:
                        self.leave("flushed")
            await RisingEdge(self.clk)

    def leave(self, why: str) -> None:
        """Expect the group as it is."""
        self.expect_group(np.concatenate(self.group), [("image_collector.group", why)])
        self.group = []

    async def send(self, full: bool) -> None:
        """Send as many images as there are copies; the last may be flushed, others where a group need not be full."""
        width = self.facts["word_bits"]
        for k in range(self.facts["copies"]):
            image = self.bits(self.planes, self.facts["image_bits"])
            self.images_to_come.append(image)
            image = image.reshape(-1)
            flushed = k == self.facts["copies"] - 1 or (not full and self.rng.random() < self.flush)
            for start in range(0, len(image), width):
                last = flushed and start + width == len(image)
                await self.input.send(to_int(image[start : start + width]), int(last))


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def every_image_is_in_its_group(dut, k: int) -> None:
    """Under random pauses, flushes, holds and resets every image comes once, in order, in the right lane."""
    await Bench(dut, k).rounds()


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def unhindered_a_group_takes_a_cycle_a_word(dut, k: int) -> None:
    """While a group leaves the next is collected."""
    bench = Bench(dut, k)
    await bench.start()
    copies, image_bits, word_bits = (bench.facts[key] for key in ("copies", "image_bits", "word_bits"))
    await bench.unhindered(copies * bench.planes * image_bits // word_bits)
