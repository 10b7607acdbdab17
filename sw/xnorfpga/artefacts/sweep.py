# SPDX-License-Identifier: Apache-2.0
"""What a sweep found: one row per trial, in `results.json` of its folder and, once published, in docs/sweeps."""

from typing import Literal

from xnorfpga.artefacts.accelerator import Share
from xnorfpga.base import paths
from xnorfpga.base.strict import Artefact, Strict

PUBLISHED = paths.DOCS / "sweeps"
COMPARISON = PUBLISHED / "mnist_comparison.json"  # of the methods in hardware; it stands in every report
COSTS = {"weight_bits": "bits of weights", "alms": "ALMs", "cycles_per_image": "cycles per image"}


class Outcome(Strict):
    """What came of a trial; None is what was not asked for, or what the error kept it from.

    weight_bits: of all weights together. cycles_per_image, m10k: predicted, exactly. alms: by the area model ("model"),
    by Yosys ("estimate") or by Quartus ("fitted"), as `alms_kind` says. error: the line that a user would have seen.
    """

    network: tuple[int, ...] | None = None
    weight_bits: int | None = None
    accuracy_validation: Share | None = None
    accuracy_test: Share | None = None
    cycles_per_image: float | None = None
    alms: int | None = None
    alms_kind: Literal["model", "estimate", "fitted"] | None = None
    m10k: int | None = None
    error: str | None = None
    seconds: float = 0.0


class Row(Strict):
    """A trial: the point that it has on each axis, the seed of its training (None: of a published model), its end."""

    trial: str
    points: dict[str, str]
    seed: int | None
    outcome: Outcome


class Sweep(Artefact):
    """All trials of a sweep; `origin` says with what and when."""

    name: str
    title: str
    origin: str
    rows: tuple[Row, ...]

    def groups(self) -> dict[tuple[str, ...], list[Row]]:
        """Return the trials that differ in nothing but their seeds, by their points."""
        grouped: dict[tuple[str, ...], list[Row]] = {}
        for row in self.rows:
            grouped.setdefault(tuple(row.points.values()), []).append(row)
        return grouped

    def measured(self) -> dict[tuple[str, ...], list[Row]]:
        """Return the groups whose every trial has an accuracy."""
        return {
            points: rows
            for points, rows in self.groups().items()
            if all(row.outcome.accuracy_validation is not None for row in rows)
        }

    def varied_costs(self) -> dict[str, str]:
        """Return those of `COSTS`, with their names, in which the measured groups differ."""
        firsts = [rows[0].outcome for rows in self.measured().values()]
        return {key: name for key, name in COSTS.items() if len({getattr(each, key) for each in firsts} - {None}) > 1}
