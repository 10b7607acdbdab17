# SPDX-License-Identifier: Apache-2.0
"""The coverage plan: the document and the code name the same points and bins, and what is missed shows."""

import json
import re

import pytest

import coverage
from xnorfpga.common import ROOT

ROW = re.compile(r"^\| `([^`]+)` \| (`[^|]+`) \| [^|]+ \|$", re.MULTILINE)


def test_the_document_names_the_points_and_bins_of_the_plan() -> None:
    text = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
    documented = {point: tuple(re.findall(r"`([^`]+)`", bins)) for point, bins in ROW.findall(text)}
    assert documented == coverage.PLAN
    assert list(documented) == list(coverage.PLAN), "in the same order"


def test_a_name_outside_of_the_plan_is_refused() -> None:
    with pytest.raises(KeyError, match="accepted"):
        coverage.sample("no.such", "point")
    with pytest.raises(KeyError, match="accepted"):
        coverage.sample(next(iter(coverage.PLAN)), "no such bin")


def test_hits_of_all_files_add_up_and_a_missed_bin_shows(tmp_path) -> None:
    point, (first, second, *_) = next((point, bins) for point, bins in coverage.PLAN.items() if len(bins) > 1)
    for k in range(2):
        (tmp_path / f"{k}.json").write_text(json.dumps({"hits": [[point, first, 3]], "counts": {"networks": 2}}))
    hits, counts = coverage.merge(tmp_path.glob("*.json"))
    assert counts == {"networks": 4}
    assert (hits[point][first], hits[point][second]) == (6, 0)
    assert f"{point}: {second}" in coverage.missed(hits)
    assert f"{point}: {first}" not in coverage.missed(hits)
    assert 0 < coverage.percent(hits) < 100
