# SPDX-License-Identifier: Apache-2.0
"""SlidingWindow alone: the windows of each map come out, row by row. Its bench is MaxPool's as well."""

import cocotb
import numpy as np

from bench.configurations import Configuration, Parameters, convolution, rows
from bench.unit import MANIFEST, NUMBERS, TIMEOUT, StreamUnit, transitions
from xnorfpga.artefacts.hardware import Convolution
from xnorfpga.network import golden
from xnorfpga.network.encoding import to_int


def simulators(drawn: Configuration) -> dict[str, Parameters]:
    """Return of each simulator the parameters of its instances."""
    keys = "height width channels kernel stride padding planes windows transition_bits"
    return {
        "sliding_window": rows(
            keys,
            (1, 1, 1, 1, 1, 0, 1, 1, 0), (1, 1, 2, 2, 1, 1, 1, 2, 4), (5, 4, 3, 3, 1, 0, 1, 2, 0),
            (4, 5, 1, 3, 1, 1, 2, 5, 0), (5, 5, 2, 2, 2, 0, 1, 1, 3), (6, 3, 2, 3, 2, 1, 3, 2, 4),
            (1, 5, 2, 1, 2, 0, 2, 3, 1), (2, 2, 4, 2, 1, 0, 1, 1, 4), (3, 4, 1, 4, 3, 2, 1, 1, 0),
        )
    }  # fmt: skip


class Bench(StreamUnit):
    """A group is a map."""

    def __init__(self, dut, k: int) -> None:
        """Wire unit k: pixels come one by one, windows leave side by side."""
        self.output_copies = MANIFEST["units"][k].get("windows", 1)
        super().__init__(dut, k)

    @property
    def map(self) -> Convolution:
        """The map and the windows on it."""
        sizes = ("height", "width", "channels", "kernel", "stride", "padding")
        return Convolution(**convolution(*(self.facts[size] for size in sizes)))

    def answers(self, windows: np.ndarray) -> tuple[np.ndarray, list[tuple[str, str]]]:
        """Return what comes out for bool[planes, windows, elements of a window], and the bins that it meets."""
        rows = "rows" if self.map.out_height > 1 else "one row" if self.map.out_width > 1 else "one window"
        return windows, [("sliding_window.map", rows)]

    async def send(self, full: bool) -> None:
        """Send a map, pixel by pixel."""
        map, planes = self.map, self.planes
        pixels = self.bits(planes, map.height * map.width, map.channels)
        windows = np.stack([golden.windows(plane.reshape(1, -1), map, False) for plane in pixels])
        answers, met = self.answers(windows)
        by_window, together = answers.transpose(1, 0, 2), self.output_copies or 1
        for start in range(0, len(by_window), together):
            neighbors = by_window[start : start + together].reshape(together * planes, -1)
            self.scoreboard.expect((1 << together) - 1, *self.counted(neighbors), met=met)
        for pixel in pixels.transpose(1, 0, 2):
            await self.input.send(1, *self.counted(pixel))

    def counted(self, lanes: np.ndarray) -> list[int]:
        """Return bool[lanes, bits] as numbers, and behind them their transitions where the unit adds them up."""
        counts = [transitions(lane) for lane in lanes] if self.facts.get("transition_bits") else []
        return [*(to_int(lane) for lane in lanes), *counts]


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def every_window_comes_once_and_in_order(dut, k: int) -> None:
    """Under random pauses and resets each window of each map has the pixels that it should."""
    await Bench(dut, k).rounds()


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def unhindered_a_map_takes_a_cycle_a_pixel(dut, k: int) -> None:
    """Those of the frame are pixels too."""
    bench = Bench(dut, k)
    await bench.start()
    await bench.unhindered(bench.map.slide.pixels)
