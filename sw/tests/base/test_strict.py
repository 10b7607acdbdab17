# SPDX-License-Identifier: Apache-2.0
"""Strict typed files: each mistake is one line with place, value, and what would be accepted."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from xnorfpga.base.errors import UserError
from xnorfpga.base.strict import Artefact, Strict, check


class Fold(Strict):
    pe: Annotated[int, Field(ge=1, le=64)]
    routing: Literal["ring", "broadcast"] = "ring"


class File(Artefact):
    name: str
    rate: Annotated[float, Field(ge=1e-9, le=10)]
    folds: tuple[Fold, ...]
    note: str | None = None


GOOD: dict[str, Any] = {"name": "a", "rate": 1, "folds": [{"pe": 2}]}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"name": 3}, "name = 3: accepted: a text in quotes"),
        ({"rate": 11}, "rate = 11: accepted: 1e-09 to 10"),
        ({"rate": float("nan")}, "rate = nan: accepted: "),
        ({"rate": True}, "rate = true: accepted: a number"),
        ({"folds": 3}, "folds = 3: accepted: a list"),
        ({"folds": [3]}, "folds[0] = 3: accepted: a table with pe, routing"),
        ({"folds": [{"pe": 2}, {"pe": 65}]}, "folds[1].pe = 65: accepted: 1 to 64"),
        ({"folds": [{"pe": 10**30}]}, "folds[0].pe = 1000000000000000000000000000000: accepted: 1 to 64"),
        ({"folds": [{"pe": 2.5}]}, "folds[0].pe = 2.5: accepted: a whole number"),
        ({"folds": [{}]}, "folds[0].pe is missing; needed: pe, routing"),
        ({"folds": [{"pe": 2, "routing": "bus"}]}, "folds[0].routing = 'bus': accepted: 'ring' or 'broadcast'"),
        ({"folds": [{"pe": 2, "simd": 4}]}, "folds[0].simd = 4: unknown key; accepted: pe, routing"),
        ({"nam": "b"}, "nam = 'b': unknown key; accepted: name, rate, folds, note"),
    ],
)
def test_a_mistake_is_one_line(change: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError) as refusal:
        check(File, {**GOOD, **change}, "some.toml")
    assert str(refusal.value).startswith(f"some.toml: {line}") and "\n" not in str(refusal.value)


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = check(File, GOOD, "some.toml")
    file.write(tmp_path / "a.json")
    assert File.read(tmp_path / "a.json") == file


def test_a_file_of_another_version_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"name": "a", "rate": 1}))
    with pytest.raises(UserError, match=r"a\.json: folds is missing; needed: .*; it was not written by this version"):
        File.read(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(UserError, match=r"a\.json: .*accepted: a table"):
        File.read(tmp_path / "a.json")
