# SPDX-License-Identifier: Apache-2.0
"""When each beat of each Stream moves, from the first word of an image to its result.

The accelerator is a chain of units, each between two Streams. A beat moves in the first cycle in which it is offered
and accepted. A unit offers and accepts by what moved before, so all times follow from each other; nothing is simulated
cycle by cycle. The rules of a unit stand in its class, as its component in Scala has them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

LONG_AGO = -(1 << 40)  # of what an idle unit did before the first image


@dataclass
class Unit:
    """A unit between two Streams. `taken` and `given`: the cycles in which its beats moved in and out, in order."""

    taken: list[int] = field(default_factory=list, init=False)
    given: list[int] = field(default_factory=list, init=False)

    def offer(self) -> int | None:
        """Return from which cycle the next beat is offered; None: what it waits for is not known yet."""
        raise NotImplementedError

    def accept(self) -> int | None:
        """Return from which cycle the next beat can be taken; None: what it waits for is not known yet."""
        raise NotImplementedError

    def _next(self, there: int) -> int:
        """Return when a beat that is there from that cycle is offered: one moves a cycle."""
        return max(there, self.given[-1] + 1) if self.given else there


@dataclass
class Source(Unit):
    """Words of images, one a cycle, from cycle 0."""

    words: int

    def offer(self) -> int | None:
        """Return from which cycle the next beat is offered."""
        return self._next(0) if len(self.given) < self.words else None


@dataclass
class Sink(Unit):
    """Takes every result at once."""

    def accept(self) -> int:
        """Return from which cycle the next beat can be taken."""
        return LONG_AGO


@dataclass
class Collector(Unit):
    """`beats` beats become one, which stands in the register until it moves (Collector, ImageCollector)."""

    beats: int

    def offer(self) -> int | None:
        """Return from which cycle the next beat is offered."""
        last = self.beats * (len(self.given) + 1) - 1
        return self._next(self.taken[last] + 1) if last < len(self.taken) else None

    def accept(self) -> int | None:
        """Return from which cycle the next beat can be taken."""
        before = len(self.taken) // self.beats - 1  # the vector that must have moved
        if before < 0:
            return LONG_AGO
        return self.given[before] if before < len(self.given) else None


@dataclass
class Serializer(Unit):
    """A beat becomes `beats` (Serializer, LaneSerializer)."""

    beats: int

    def offer(self) -> int | None:
        """Return from which cycle the next beat is offered."""
        source = len(self.given) // self.beats
        return self._next(self.taken[source] + 1) if source < len(self.taken) else None

    def accept(self) -> int | None:
        """Return from which cycle the next beat can be taken."""
        last = self.beats * len(self.taken) - 1
        if last < 0:
            return LONG_AGO
        return self.given[last] if last < len(self.given) else None


@dataclass
class Fifo(Unit):
    """Beats wait in `depth` places of block RAM, and one in the register behind it (StreamFifo, latency 2)."""

    depth: int
    _read: list[int] = field(default_factory=list, init=False)  # when each beat left the block RAM

    def _reads(self) -> None:
        """Go over the beats that leave the block RAM: when they are in it, and the register is free or becomes so."""
        while (number := len(self._read)) < len(self.taken) and number <= len(self.given):
            free = max(self.given[-1], self._read[-1] + 1) if number else LONG_AGO
            self._read.append(max(self.taken[number] + 1, free))

    def offer(self) -> int | None:
        """Return from which cycle the next beat is offered."""
        self._reads()
        return self._read[len(self.given)] + 1 if len(self.given) < len(self._read) else None

    def accept(self) -> int | None:
        """Return from which cycle the next beat can be taken."""
        self._reads()
        before = len(self.taken) - self.depth
        if before < 0:
            return LONG_AGO
        return self._read[before] + 1 if before < len(self._read) else None


@dataclass
class SlidingWindow(Unit):
    """Pixels become windows (SlidingWindow, MaxPool): a place of the map with its frame a cycle.

    takes, ends: of each place in turn, whether a pixel comes in there, and whether a beat is complete with it.
    """

    takes: Sequence[bool]
    ends: Sequence[bool]
    _place: int = field(default=0, init=False)
    _moved: int = field(default=LONG_AGO, init=False)
    _complete: list[int] = field(default_factory=list, init=False)
    _seen: int = field(default=0, init=False)  # pixels

    def _free(self) -> int | None:
        """Return from which cycle the window register can move; goes over places that take no pixel."""
        while True:
            if len(self.given) < len(self._complete):
                return None
            free = max(self._moved + 1, self.given[-1] if self.given else LONG_AGO)
            if self.takes[self._place]:
                if self._seen == len(self.taken):
                    return free
                free = self.taken[self._seen]
                self._seen += 1
            self._moved = free
            if self.ends[self._place]:
                self._complete.append(free + 1)
            self._place = (self._place + 1) % len(self.takes)

    def offer(self) -> int | None:
        """Return from which cycle the next beat is offered."""
        self._free()
        return self._complete[len(self.given)] if len(self.given) < len(self._complete) else None

    def accept(self) -> int | None:
        """Return from which cycle the next beat can be taken."""
        return self._free()


@dataclass
class Engine(Unit):
    """The matrix-vector unit of a layer: input register, sequencer, pipeline and buffer (Layer).

    A group comes with its first step, and steps follow each other; the last one of a row waits for a place for results.

    synapse_fold, neuron_fold: steps of a row of weights, rows of a group. idle: cycles between two groups. delay: from
    a step to its result. places: for results. ends: the cycle of the last step of each row, in order.
    """

    synapse_fold: int
    neuron_fold: int
    idle: int
    delay: int
    places: int
    ends: list[int] = field(default_factory=list, init=False)

    def _begins(self, row: int) -> int:
        """Return from which cycle the first step of a row can be, but for its input."""
        if not row:
            return LONG_AGO
        return self.ends[-1] + 1 + (0 if row % self.neuron_fold else self.idle)

    def _place(self, row: int) -> int | None:
        """Return from which cycle there is a place for the results of a row; None: that is not known yet."""
        before = row - self.places
        if before < 0:
            return LONG_AGO
        return self.given[before] + 1 if before < len(self.given) else None

    def accept(self) -> int | None:
        """Return from which cycle the next beat can be taken; goes over the rows before it."""
        while True:
            row = len(self.ends)
            begins, place = self._begins(row), self._place(row)
            if row % self.neuron_fold == 0:
                if self.synapse_fold == 1:  # the first step of the row is its last
                    if place is None:
                        return None
                    begins = max(begins, place)
                group = row // self.neuron_fold
                if group == len(self.taken):
                    return begins
                begins = self.taken[group]
            if place is None:
                return None
            self.ends.append(max(begins + self.synapse_fold - 1, place))

    def offer(self) -> int | None:
        """Return from which cycle the next beat is offered."""
        self.accept()
        row = len(self.given)
        return self._next(self.ends[row] + self.delay) if row < len(self.ends) else None


@dataclass
class PassThrough(Engine):
    """An engine that works at all neurons at once, and takes a beat with each step."""

    _steps: int = field(default=0, init=False)

    def accept(self) -> int | None:
        """Return from which cycle the next beat can be taken."""
        while True:
            row, word = divmod(self._steps, self.synapse_fold)
            ready = self.taken[self._steps - 1] + 1 if word else self._begins(row)
            last = word == self.synapse_fold - 1
            if last:
                place = self._place(row)
                if place is None:
                    return None
                ready = max(ready, place)
            if self._steps == len(self.taken):
                return ready
            if last:
                self.ends.append(self.taken[self._steps])
            self._steps += 1


@dataclass
class ArgMax(Unit):
    """Scores of a group, class by class, become a result a lane (ArgMax)."""

    classes: int
    lanes: int

    def offer(self) -> int | None:
        """Return from which cycle the next beat is offered."""
        last = self.classes * (len(self.given) // self.lanes + 1) - 1
        return self._next(self.taken[last] + 1) if last < len(self.taken) else None

    def accept(self) -> int | None:
        """Return from which cycle the next beat can be taken."""
        last = self.lanes * (len(self.taken) // self.classes) - 1
        if last < 0:
            return LONG_AGO
        return self.given[last] + 1 if last < len(self.given) else None


def run(units: Sequence[Unit]) -> None:
    """Let everything move that can: from the source, units[0], to the sink, units[-1]."""
    links = list(pairwise(units))[::-1]
    moved = True
    while moved:
        moved = False
        for left, right in links:
            while (offered := left.offer()) is not None and (accepted := right.accept()) is not None:
                time = max(offered, accepted)
                left.given.append(time)
                right.taken.append(time)
                moved = True
