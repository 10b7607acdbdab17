# SPDX-License-Identifier: Apache-2.0
"""A serial line that damages what goes through it, to hold a board and its host to what docs/board.md promises."""

import random
from collections import Counter

from xnorfpga.host.accelerator import Line

KINDS = ("flipped", "dropped", "inserted", "duplicated")


class FaultyLine:
    """A line in both directions of which each byte meets a fault with the probability `rate`.

    A flipped byte has one to eight other bits, an inserted one is any. `faults` counts each kind.
    """

    def __init__(self, line: Line, seed: int, rate: float = 0.0) -> None:
        """Stand between a host and a line."""
        self.rate, self.faults = rate, Counter(dict.fromkeys(KINDS, 0))
        self._line, self._random = line, random.Random(seed)

    @property
    def timeout(self) -> float | None:
        """How long `read` waits, in seconds."""
        return self._line.timeout

    @timeout.setter
    def timeout(self, seconds: float | None) -> None:
        self._line.timeout = seconds

    @property
    def in_waiting(self) -> int:
        """Bytes that have arrived."""
        return self._line.in_waiting

    def read(self, size: int = 1) -> bytes:
        """Return what became of up to `size` bytes."""
        return self._through(self._line.read(size))

    def write(self, data: bytes) -> int:
        """Send what becomes of the bytes."""
        self._line.write(self._through(data))
        return len(data)

    def close(self) -> None:
        """Let go of the line."""
        self._line.close()

    def _through(self, data: bytes) -> bytes:
        passed = bytearray()
        for byte in data:
            if self._random.random() >= self.rate:
                passed.append(byte)
                continue
            kind = self._random.choice(KINDS)
            self.faults[kind] += 1
            other = self._random.randrange(256)
            passed += {
                "flipped": bytes([byte ^ (other or 1)]),
                "dropped": b"",
                "inserted": bytes([byte, other]),
                "duplicated": bytes([byte, byte]),
            }[kind]
        return bytes(passed)
