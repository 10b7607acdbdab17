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

from xnorfpga.base.files import write_json

SAMPLES = "VERIF_SAMPLES"  # environment: the session's directory of samples, for its workers and their simulators

PLAN: dict[str, tuple[str, ...]] = {
    # hardware
    "network.layers": ("1", "2", "3", "4"),
    "network.copies": ("1", "2", "3", "4"),
    "network.classes": ("1", "2", "more"),
    "image.words": ("1", "more"),
    "layer.routing": (
        "stationary plain", "stationary paired",
        "diagonal plain", "diagonal paired", "diagonal serial",
        "broadcast plain", "broadcast paired", "broadcast streamed", "broadcast serial",
    ),
    "layer.weights": ("binary", "ternary"),
    "layer.input_planes": ("1", "2", "more"),
    "layer.output_planes": ("1", "2", "more"),
    "layer.place": ("only", "first", "hidden", "last"),
    "layer.mw": ("1", "odd", "even"),
    "layer.mh": ("1", "odd", "even"),
    "layer.pe": ("1", "some", "all"),
    "layer.simd": ("1", "some", "all"),
    "layer.input": ("fits", "narrower", "wider"),
    "memory.rows": ("1", "more", "more than 256"),
    "memory.columns": ("1", "more"),
    "layer.reads": (
        "stationary in 1", "stationary in 2", "ring in 1", "ring in 2", "pass_through in 1", "pass_through in 2",
    ),
    "interval.bound": ("images", "layer", "results", "map", "more than one"),
    "map.size": ("a pixel", "a line", "larger"),
    "map.kernel": ("1", "2", "3"),
    "map.stride": ("1", "2 without", "2 with rest"),
    "map.padding": ("0", "1"),
    "map.pool": ("none", "whole", "with rest"),
    "map.lanes": ("1", "some", "a row"),
    "map.goes_on": ("a pixel", "larger"),
    # weights, thresholds and images
    "weights": ("all -1", "all +1", "mixed"),
    "weights.zero": ("none", "some", "all"),
    "threshold": ("0", "inside", "greatest + 1"),
    "sum": ("far below T", "T - 1", "T", "far above T"),
    "answer.level": ("lowest", "between", "highest"),
    "image.bits": ("all 0", "all 1", "mixed"),
    "score": ("0", "between", "greatest"),
    "scores.best": ("alone", "tie"),
    # time
    "image.gaps": ("none", "within", "before"),
    "image.waits": ("never", "for the engine", "for a load"),
    "results.backpressure": ("never", "stalled"),
    "group.left": ("full", "flushed", "cut by a load"),
    "load.gaps": ("never", "paused"),
    "load.while_busy": ("no", "yes", "full to the last place"),
    "load.first": ("initial content", "loaded"),
    "reset.moment": ("idle", "collecting", "filling", "computing", "leaving", "loading"),
    # crosses
    "routing.backpressure": tuple(
        f"{routing} {place} {pressure}"
        for routing in ("stationary", "diagonal", "broadcast")
        for place in ("only", "first", "hidden", "last")
        for pressure in ("never", "stalled")
    ),
    "counting.group": tuple(
        f"{counting} {copies} {group}"
        for counting in ("plain", "paired", "masked")
        for copies in (1, 2, 3, 4)
        for group in (("full",) if copies == 1 else ("full", "some"))
    ),
    "threshold.load": tuple(
        f"{kind} {state}" for kind in ("none", "preset", "serial", "levels") for state in ("idle", "busy")
    ),
    # units alone
    "popcount.size": ("1", "2", "odd", "even"),
    "popcount.form": ("plain", "paired", "masked"),
    "popcount.products": ("none", "some", "all"),
    "processing_element.row": ("one word", "words"),
    "processing_element.planes": ("1", "more"),
    "processing_element.threshold": ("0", "inside", "greatest + 1"),
    "processing_element.sum": ("T - 1", "T", "far from T"),
    "input_register.routing": (
        "stationary plain", "stationary paired", "diagonal plain", "diagonal paired",
        "broadcast plain", "broadcast paired", "broadcast streamed",
    ),
    "input_register.lanes": ("full", "some"),
    "input_register.engine": ("waited",),
    "image_collector.group": ("full", "flushed", "held"),
    "collector.lanes": ("full", "some"),
    "serializer.lanes": ("full", "some"),
    "sliding_window.map": ("one window", "one row", "rows"),
    "max_pool.codes": ("all equal", "some differ"),
    "lane_serializer.lanes": ("two", "more"),
    "pixel_transitions.pairs": ("none", "some", "all"),
    "pixel_input.hold": ("between images", "within"),
    "layer_unit.answers": ("bits", "levels", "sums"),
    "layer_unit.threshold": ("tie", "no tie"),
    "load_port.first_word": ("goes", "waits"),
    "load_port.row": ("only", "not last", "last"),
    "load_port.column": ("only", "one of several"),
    "argmax.best": ("alone", "some tie", "all tie"),
    "argmax.label": ("first", "between", "last"),
    "argmax.lanes": ("full", "some"),
    "unit.stalled": ("input", "output"),
    "unit.round": ("drained", "reset"),
}  # fmt: skip
"""Point → its bins. Points of the whole accelerator first, then those of the units alone."""

_hits: Counter[tuple[str, str]] = Counter()
_counts: Counter[str] = Counter()


def sample(point: str, bin: str) -> None:
    """Count that `bin` of `point` was met.

    Raises KeyError where the plan has no such point or bin: a name that is in nobody's plan covers nothing.
    """
    if bin not in PLAN.get(point, ()):
        raise KeyError(f"{point}: {bin} is not in the coverage plan: accepted: {PLAN.get(point, tuple(PLAN))}")
    _hits[point, bin] += 1


def count(what: str, amount: int = 1) -> None:
    """Add to the summary's figure `what`: configurations, networks, images, transactions …."""
    _counts[what] += amount


def save() -> None:
    """Write what this process met and counted since the last call, into a file named after the pytest test it serves.

    A simulator inherits the name from pytest and saves when it ends. Outside of pytest, and under a negative control
    (VERIF_CORRUPT), nothing is written: there, nothing was verified.
    """
    directory, test = os.environ.get(SAMPLES), os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    if (_hits or _counts) and directory and test and not os.environ.get("VERIF_CORRUPT"):
        name = re.sub(r"[^\w.-]+", "_", test)
        hits = [[point, bin, count] for (point, bin), count in sorted(_hits.items())]
        write_json(Path(directory) / f"{name}.{os.getpid()}.json", {"hits": hits, "counts": _counts})
    _hits.clear()
    _counts.clear()


atexit.register(save)


Hits = dict[str, dict[str, int]]
"""Of each point of the plan, how often each bin was met."""


def merge(files: Iterable[Path]) -> tuple[Hits, Counter[str]]:
    """Return the hits of every bin of the plan, and the counts, added up over files of samples."""
    hits: Hits = {point: dict.fromkeys(bins, 0) for point, bins in PLAN.items()}
    counts: Counter[str] = Counter()
    for file in files:
        saved = json.loads(file.read_text(encoding="utf-8"))
        counts.update(saved["counts"])
        for point, bin, amount in saved["hits"]:
            hits[point][bin] += amount
    return hits, counts


def missed(hits: Hits) -> list[str]:
    """Return the bins that nothing hit, as "point: bin"."""
    return [f"{point}: {bin}" for point, bins in hits.items() for bin, count in bins.items() if not count]


def percent(hits: Hits) -> float:
    """Return the share of bins that were hit, rounded down: 100 means all."""
    total = sum(map(len, hits.values()))
    return (total - len(missed(hits))) * 1000 // total / 10
