# SPDX-License-Identifier: Apache-2.0
"""Compares what comes with what was expected, in order."""

from collections import deque
from collections.abc import Iterable

from cocotb.triggers import Event

from bench import coverage


class Scoreboard:
    """Nothing may come wrong, twice, too late for its place, or out of nowhere; what never comes is still expected."""

    def __init__(self, name: str, flip: tuple[int, int] | None = None) -> None:
        """Expect nothing yet.

        Args:
            name: what is compared, for the message of a failure.
            flip: negative control: number of a value (modulo how many there are) and of its bit that is falsified in
                the first expectation.
        """
        self.name, self.flip = name, flip
        self.expected: deque[tuple[tuple[int, ...], Iterable[tuple[str, str]]]] = deque()
        self.checked = 0
        self._nothing_expected = Event()

    def expect(self, *values: int, met: Iterable[tuple[str, str]] = ()) -> None:
        """Expect `values` next; where they come, the bins of the coverage plan in `met` are met."""
        if self.flip:
            place, bit = self.flip
            values = tuple(value ^ ((k == place % len(values)) << bit) for k, value in enumerate(values))
            self.flip = None
        self.expected.append((values, met))

    def take(self, *values: int) -> None:
        """Compare what came."""
        assert self.expected, f"{self.name}: {values} too many, after {self.checked} that were right"
        expected, met = self.expected.popleft()
        assert values == expected, f"{self.name}: number {self.checked} is {values} instead of {expected}"
        self.checked += 1
        for point, bin in met:
            coverage.sample(point, bin)
        if not self.expected:
            self._nothing_expected.set()

    async def emptied(self) -> None:
        """Wait until everything expected has come."""
        while self.expected:
            self._nothing_expected.clear()
            await self._nothing_expected.wait()

    def clear(self) -> None:
        """Expect nothing any more."""
        self.expected.clear()
        self._nothing_expected.set()
