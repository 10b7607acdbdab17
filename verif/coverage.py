# SPDX-License-Identifier: Apache-2.0
"""Functional coverage: what a run of the suite must have seen, and what it saw.

`PLAN` names the points and their bins; docs/coverage.md says in the same names what each means (a test holds the two
equal). A bench samples what it really met, in the simulator or in pytest. The samples of a test are files named after
it, so that workers share nothing; at the end of the session they are merged.
"""

import atexit
import json
import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from xnorfpga.common import BUILD, write_json

SAMPLES = BUILD / "verif" / "samples"

PLAN: dict[str, tuple[str, ...]] = {
    "results.backpressure": ("never", "stalled"),
}
"""Point → its bins. Points of the whole accelerator first, then those of the units alone."""

_hits: Counter[tuple[str, str]] = Counter()


def sample(point: str, bin: str) -> None:
    """Count that `bin` of `point` was met.

    Raises KeyError where the plan has no such point or bin: a name that is in nobody's plan covers nothing.
    """
    if bin not in PLAN.get(point, ()):
        raise KeyError(f"{point}: {bin} is not in the coverage plan: accepted: {PLAN.get(point, tuple(PLAN))}")
    _hits[point, bin] += 1


def save() -> None:
    """Write what this process met since the last call, into a file named after the pytest test it works for.

    A simulator inherits the name from pytest and saves when it ends. Outside of pytest, and under a negative control
    (VERIF_CORRUPT), nothing is written: there, nothing was verified.
    """
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    if _hits and test and not int(os.environ.get("VERIF_CORRUPT", "0")):
        name = re.sub(r"[^\w.-]+", "_", test)
        hits = [[point, bin, count] for (point, bin), count in sorted(_hits.items())]
        write_json(SAMPLES / f"{name}.{os.getpid()}.json", hits)
    _hits.clear()


atexit.register(save)


def merge(files: Iterable[Path]) -> dict[str, dict[str, int]]:
    """Return the hits of every bin of the plan, added up over files of samples."""
    hits = {point: dict.fromkeys(bins, 0) for point, bins in PLAN.items()}
    for file in files:
        for point, bin, count in json.loads(file.read_text(encoding="utf-8")):
            hits[point][bin] += count
    return hits


def missed(hits: dict[str, dict[str, int]]) -> list[str]:
    """Return the bins that nothing hit, as "point: bin"."""
    return [f"{point}: {bin}" for point, bins in hits.items() for bin, count in bins.items() if not count]


def percent(hits: dict[str, dict[str, int]]) -> float:
    """Return the share of bins that were hit, rounded down: 100 means all."""
    total = sum(map(len, hits.values()))
    return (total - len(missed(hits))) * 1000 // total / 10
