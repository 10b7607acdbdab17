# SPDX-License-Identifier: Apache-2.0
"""MaxPool alone: of each square of a map the greatest code of each channel comes out."""

import cocotb
import numpy as np

from bench.configurations import Configuration, Parameters, convolution, rows
from bench.unit import NUMBERS, TIMEOUT
from units import sliding_window
from xnorfpga.artefacts.hardware import Convolution


def simulators(drawn: Configuration) -> dict[str, Parameters]:
    """Return of each simulator the parameters of its instances."""
    shapes = ((2, 2, 1, 2, 1), (4, 5, 3, 2, 1), (5, 4, 2, 2, 2), (3, 7, 2, 3, 1), (6, 6, 1, 3, 3))
    return {"max_pool": rows("height width channels pool planes", *shapes)}


class Bench(sliding_window.Bench):
    """A group is a map."""

    @property
    def map(self) -> Convolution:
        """The map and the squares on it."""
        height, width, channels, pool = (self.facts[size] for size in ("height", "width", "channels", "pool"))
        return Convolution(**convolution(height, width, channels, kernel=pool, stride=pool))

    def answers(self, windows: np.ndarray) -> tuple[np.ndarray, list[tuple[str, str]]]:
        """Return the greatest codes as bool[planes, squares, channels]."""
        planes = np.arange(self.planes)
        squares = windows.reshape(*windows.shape[:2], -1, self.facts["channels"])
        codes = (squares.astype(int) << planes[:, None, None, None]).sum(0)
        greatest = codes.max(1)
        differ = "some differ" if (codes.min(1) < greatest).any() else "all equal"
        return (greatest >> planes[:, None, None] & 1).astype(bool), [("max_pool.codes", differ)]


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def the_greatest_code_of_every_square_comes(dut, k: int) -> None:
    """Under random pauses and resets, square by square in order."""
    await Bench(dut, k).rounds()


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def unhindered_a_map_takes_a_cycle_a_pixel(dut, k: int) -> None:
    """The next map follows at once."""
    bench = Bench(dut, k)
    await bench.start()
    await bench.unhindered(bench.map.slide.pixels)
