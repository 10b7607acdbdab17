# SPDX-License-Identifier: Apache-2.0
"""The coverage plan: the document and the code name the same points and bins, and what is missed shows."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench import coverage
from xnorfpga.base.paths import ROOT

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


SMALL_SUITE = """\
from bench import coverage

def test_one_bin():
    coverage.sample("load.gaps", "paused")
    coverage.count("networks", 3)

def test_nothing():
    pass
"""


def test_a_whole_run_that_misses_bins_fails_and_a_selection_does_not(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_small.py").write_text(SMALL_SUITE)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(ROOT / "sw")]),
        "XNORFPGA_BUILD": str(tmp_path / "build"),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }

    def suite(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-p", "xdist", str(tmp_path), "--rootdir", str(tmp_path)]
        return subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True, check=False)

    whole, selection = suite("-n", "2"), suite("-k", "test_one_bin")
    assert whole.returncode == pytest.ExitCode.TESTS_FAILED, whole.stdout
    assert "load.gaps: never 0, paused 1" in whole.stdout and "2 passed" in whole.stdout
    assert re.search(r"never met: .*load.gaps: never", whole.stdout)
    assert selection.returncode == pytest.ExitCode.OK, selection.stdout
    summary = json.loads((tmp_path / "build" / "verif" / "summary.json").read_text())
    assert summary["networks"] == 3 and 0 < summary["coverage_percent"] < 100 and not summary["whole"]
    merged = json.loads((tmp_path / "build" / "verif" / "coverage.json").read_text())
    assert merged["hits"]["load.gaps"] == {"never": 0, "paused": 1}
