# SPDX-License-Identifier: Apache-2.0
"""Which clocks a board's PLL makes of its oscillator, exactly: clock = oscillator · M / (N · C) in whole counters.

The limits are Cyclone V's, of each speed grade that a board of boards/ has: Cyclone V Device Datasheet (CV-51002), PLL
Specifications, and Device Handbook, Clock Networks and PLLs, for the counters; LiteX's CycloneVPLL has the same.
Quartus chooses among the counters that give the clock; that there are some is what is checked here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from math import gcd

FAMILY = "Cyclone V"
PFD_MHZ = (5, 325)  # the oscillator / N: what the phase frequency detector takes
VCO_MHZ = (600, 1600)  # that · M
COUNTER = 512  # M, N and C are whole, up to this
RANGE_KHZ = (1_000, 500_000)  # of the clock, as the schema has it; the clock networks take more


@dataclass(frozen=True)
class Counters:
    """The counters of a PLL: multiply M, pre-scale N, post-scale C."""

    m: int
    n: int
    c: int


def khz(mhz: float) -> int | None:
    """Return a frequency in kHz; None where that is no whole number."""
    whole = round(mhz * 1000)
    return whole if abs(mhz * 1000 - whole) < 1e-6 else None


def counters(oscillator_khz: int, clock_khz: int) -> Counters | None:
    """Return counters that make the clock of the oscillator, of those with the smallest N the smallest C.

    None where there are none.
    """
    least, most = (1000 * mhz for mhz in VCO_MHZ)
    slowest, fastest = (1000 * mhz for mhz in PFD_MHZ)
    for n in range(-(-oscillator_khz // fastest), min(COUNTER, oscillator_khz // slowest) + 1):
        step = oscillator_khz // gcd(oscillator_khz, clock_khz * n)  # C is a multiple of it, so that M is whole
        c = -(-least // (clock_khz * step)) * step
        m = clock_khz * c * n // oscillator_khz
        if c <= COUNTER and m <= COUNTER and clock_khz * c <= most:
            return Counters(m, n, c)
    return None


def nearest(oscillator_khz: int, clock_khz: float, wanted: int = 4) -> list[int]:
    """Return the `wanted` clocks nearest to one that there are, in kHz, in order."""
    return sorted(islice(_outwards(oscillator_khz, round(clock_khz)), wanted))


def _outwards(oscillator_khz: int, clock_khz: int) -> Iterator[int]:
    least, most = RANGE_KHZ
    for distance in count():
        sides = dict.fromkeys((clock_khz - distance, clock_khz + distance))
        within = [each for each in sides if least <= each <= most]
        if not within and clock_khz - distance < least and clock_khz + distance > most:
            return
        yield from (each for each in within if each == oscillator_khz or counters(oscillator_khz, each))
