# SPDX-License-Identifier: Apache-2.0
"""The file of a sweep: a design, axes of changes to it, seeds; every combination is a trial."""

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from xnorfpga.base.errors import UserError
from xnorfpga.base.files import read_toml
from xnorfpga.base.strict import Strict, check, show
from xnorfpga.design import designs
from xnorfpga.design.schema import RECIPE, TRAIN

Hardware = Literal["none", "fold", "synth"]


class SweepFile(Strict):
    """A sweep.

    design: what every trial starts from. seeds: of the trainings (empty: the design's own). hardware: what is made of
    a trial beside its accuracy: nothing, a folding, or a synthesis too. test: whether the test digits are read as well,
    which is for the last measurement alone. axes: the points of each by their labels; a point's settings are dotted
    keys of a design file and the values that they get.
    """

    title: str
    design: str
    seeds: tuple[Annotated[int, Field(ge=0, le=2**31 - 1)], ...] = ()
    hardware: Hardware = "none"
    test: bool = False
    axes: dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Trial:
    """One combination: its name, its point on each axis, its seed (None: of a published model), its design file."""

    name: str
    points: dict[str, str]
    seed: int | None
    tables: dict[str, Any]


def read(path: Path) -> SweepFile:
    """Return what the file of a sweep says; an axis that is a list of values is of the key that it is named after.

    Raises UserError, one line, for a mistake in it.
    """
    raw = read_toml(path)
    axes = raw.get("axes")
    if isinstance(axes, dict):
        raw["axes"] = {
            name: {show(value).strip("'"): {name: value} for value in axis} if isinstance(axis, list) else axis
            for name, axis in axes.items()
        }
    file = check(SweepFile, raw, path)
    if empty := [name for name, axis in file.axes.items() if not axis]:
        raise UserError(f"{path}: axes.{empty[0]}: has no points; accepted: a list of values, or a table of settings")
    return file


def trials(file: SweepFile, path: Path) -> tuple[Trial, ...]:
    """Return the trials of a sweep, in the order of its axes, the seeds last.

    Raises UserError where the design is unknown, a setting leads nowhere, or two trials would have the same name.
    """
    base = designs.tables(file.design)
    found: dict[str, Trial] = {}
    for labels in product(*file.axes.values()):
        points = dict(zip(file.axes, labels, strict=True))
        settings: dict[str, Any] = {}
        for axis, label in points.items():
            settings |= file.axes[axis][label]
        tables = changed(base, settings, path)
        trained = tables.get("weights") == TRAIN
        for seed in (file.seeds if trained else ()) or (None,):
            seeded = tables if seed is None else changed(tables, {"training.seed": seed}, path)
            name = "-".join(filter(None, [*map(_slug, labels), "" if seed is None else f"s{seed}"]))
            if name in found or not designs.NAME.fullmatch(name):
                accepted = "accepted as a trial's name: up to 64 letters, digits and -, unlike any other"
                raise UserError(f"{path}: the labels {', '.join(labels)} make {show(name)}: {accepted}")
            own = seeded.get("training", {}).get("seed") if trained else None
            found[name] = Trial(name, points, own, seeded)
    return tuple(found.values())


def changed(tables: Mapping[str, Any], settings: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return the tables of a design file with some keys changed.

    A published model brings its own network, quantization and training.

    Raises UserError where a key leads through what is no table.
    """
    new: dict[str, Any] = copy.deepcopy(dict(tables))
    if settings.get("weights", TRAIN) != TRAIN:
        new = {key: value for key, value in new.items() if key not in RECIPE}
    for key, value in settings.items():
        *outer, last = key.split(".")
        table = new
        for part in outer:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise UserError(f"{path}: axes: {show(key)}: {part} is no table of a design file")
        table[last] = value
    return new


def _slug(label: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", label).strip("-").lower()
