# SPDX-License-Identifier: Apache-2.0
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from xnorfpga import __main__ as cli
from xnorfpga.artefacts.sweep import PUBLISHED, Outcome, Row, Sweep
from xnorfpga.base import paths
from xnorfpga.base.errors import UserError
from xnorfpga.lab.sweep import spec
from xnorfpga.report import sweeps

pytestmark = pytest.mark.xdist_group("sweep")
SPECS = sorted((paths.ROOT / "sw/sweeps").glob("*.toml"))
TINY = """
title = "tiny"
design = "smoke"
seeds = [1, 2]
hardware = "fold"
test = true

[axes.method]
"binary" = { "training.images" = 400 }
"BWN" = { "training.method" = "bwn", "training.images" = 400 }
"wrong" = { "training.optimizer" = "adamm" }
"published" = { "weights" = "mnist_sfc.npz", "folding" = { alms = 12_000 } }
"""


@pytest.fixture
def write(tmp_path):
    """Write the file of a sweep."""

    def written(text, name="tiny"):
        path = tmp_path / f"{name}.toml"
        path.write_text(text)
        return path

    return written


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Return the folder of a sweep that was run from the command line, what it said, and how it ended."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "tiny.toml").write_text(TINY)
    pytest.importorskip("distributed")
    return folder, *command(folder, str(folder / "tiny.toml"))


def command(folder, *arguments):
    """Run the command in a build folder of its own; return its standard output, and its exit code."""
    run = subprocess.run(
        [sys.executable, "-m", "xnorfpga", "sweep", *arguments], env=environment(folder), capture_output=True,
        text=True, check=False, timeout=300,
    )  # fmt: skip
    return run.stdout, run.returncode


def environment(folder):
    plain = {key: value for key, value in os.environ.items() if key != "XNORFPGA_DATA"}
    return plain | {"XNORFPGA_BUILD": str(folder / "build"), "HOME": str(folder)}


def test_every_combination_is_a_row_with_its_figures_or_its_error(swept):
    folder, said, code = swept
    assert code == 0
    found = Sweep.read(folder / "build/sweeps/tiny/tiny.json")
    rows = {row.trial: row for row in found.rows}
    assert list(rows) == ["binary-s1", "binary-s2", "bwn-s1", "bwn-s2", "wrong-s1", "wrong-s2", "published"]
    for name in ("binary-s1", "binary-s2"):
        got = rows[name].outcome
        assert got.error is None and 0 < got.accuracy_validation < 1 and 0 < got.accuracy_test < 1
        assert got.network == (784, 64, 64, 10) and got.weight_bits == 784 * 64 + 64 * 64 + 64 * 10
        assert got.cycles_per_image == 16 and got.alms > 0 and got.alms_kind == "model"
    assert rows["binary-s1"].seed == 1 and rows["binary-s2"].seed == 2
    assert rows["binary-s1"].outcome.accuracy_test != rows["binary-s2"].outcome.accuracy_test
    assert rows["bwn-s1"].outcome.accuracy_test and rows["bwn-s1"].outcome.cycles_per_image is None
    assert rows["wrong-s1"].outcome.error.startswith("wrong-s1.toml: training.optimizer = 'adamm': accepted: 'adam'")
    assert "wrong-s1 failed: wrong-s1.toml: training.optimizer" in said
    published = rows["published"]
    assert published.seed is None and published.outcome.network == (784, 256, 256, 256, 10)
    assert 0.97 < published.outcome.accuracy_test < 1 and published.outcome.alms <= 12_000


def test_the_table_is_a_sqlite_file_that_others_read(swept):
    with closing(sqlite3.connect(swept[0] / "build/sweeps/tiny/results.sqlite")) as database:
        rows = database.execute("SELECT trial FROM trials WHERE error IS NULL AND accuracy_test > 0").fetchall()
    assert {trial for (trial,) in rows} == {"binary-s1", "binary-s2", "bwn-s1", "bwn-s2", "published"}


def test_a_second_run_trains_nothing_again_and_forgets_what_is_gone(swept):
    folder, *_ = swept
    checkpoint = folder / "build/sweeps/tiny/binary-s1/checkpoint.pt"
    before = checkpoint.stat().st_mtime_ns
    (folder / "tiny.toml").write_text(TINY.replace("[1, 2]", "[1]"))
    said, code = command(folder, str(folder / "tiny.toml"), "--json")
    assert code == 0 and checkpoint.stat().st_mtime_ns == before
    found = Sweep.model_validate_json(said)
    assert [row.trial for row in found.rows] == ["binary-s1", "bwn-s1", "wrong-s1", "published"]


def test_trials_run_on_a_cluster_that_is_there(swept, tmp_path, write):
    from distributed import LocalCluster

    path = write(TINY.replace("[1, 2]", "[]").replace("test = true", ""))
    with LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None) as cluster:
        said, code = command(tmp_path, str(path), "--scheduler", cluster.scheduler_address, "--json")
    assert code == 0
    rows = Sweep.model_validate_json(said).rows
    assert [bool(row.outcome.accuracy_validation) for row in rows] == [True, True, False, True]
    assert [row.outcome.accuracy_test for row in rows] == [None] * 4


def test_a_trial_ends_when_the_sweep_is_killed(tmp_path, write):
    pytest.importorskip("distributed")
    path = write(TINY.replace('= { "training.images" = 400 }', '= { "training.images" = 900_000_000 }'))
    started = subprocess.Popen(
        [sys.executable, "-m", "xnorfpga", "sweep", str(path)], env=environment(tmp_path), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    log = tmp_path / "build/sweeps/tiny/binary-s1.log"
    wait_for(lambda: log.exists() and "train binary-s1" in log.read_text())
    trial = [int(pid.name) for pid in Path("/proc").glob("[0-9]*") if str(log.with_suffix(".toml")) in cmdline(pid)]
    assert trial
    started.send_signal(signal.SIGKILL)
    started.wait()
    wait_for(lambda: not any(str(log.with_suffix(".toml")) in cmdline(Path(f"/proc/{pid}")) for pid in trial))


def cmdline(process):
    try:
        return (process / "cmdline").read_text()
    except OSError:
        return ""


def wait_for(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('"smoke"', '"smok"'), "design 'smok' is unknown"),
        (('"fold"', '"all"'), "hardware = 'all': accepted: 'none', 'fold' or 'synth'"),
        (("[1, 2]", "[-1]"), "seeds[0] = -1: accepted: 0 to 2147483647"),
        (('"wrong"', '"Binary"'), "make 'binary-s1': accepted as a trial's name"),
        (('"training.optimizer"', '"weights.x"'), "'weights.x': weights is no table"),
        (("[axes.method]", "[axes]\nseed = []\n[axes.method]"), "axes.seed: has no points"),
        (('title = "tiny"', ""), "title is missing"),
    ],
)
def test_a_mistake_in_the_file_is_one_line(write, change, said):
    path = write(TINY.replace(*change))
    with pytest.raises(UserError, match=re.escape(said)):
        spec.trials(spec.read(path), path)


def test_an_axis_may_be_a_list_of_values(write):
    path = write('title = "t"\ndesign = "smoke"\n[axes]\n"training.learning_rate" = [0.001, 0.01]\n')
    first, second = spec.trials(spec.read(path), path)
    assert (first.tables["training"]["learning_rate"], second.tables["training"]["learning_rate"]) == (0.001, 0.01)
    assert (first.name, second.points, first.seed) == ("0-001", {"training.learning_rate": "0.01"}, 1)


def test_a_scheduler_that_does_not_answer_is_one_line(write, capsys, monkeypatch, tmp_path):
    pytest.importorskip("distributed")
    from xnorfpga.lab.sweep import run

    monkeypatch.setattr(run, "CONNECTING", "100ms")
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    assert cli.main(["sweep", str(write(TINY)), "--scheduler", "tcp://127.0.0.1:9"]) == 2
    assert re.fullmatch(r"error: --scheduler tcp://127.0.0.1:9: .*\n", capsys.readouterr().err)


def row(label, seed, **figures):
    return Row(trial=f"{label}-s{seed}", points={"method": label}, seed=seed, outcome=Outcome(**figures))


def test_the_table_gives_mean_and_spread_over_the_seeds():
    rows = [row("a", k, accuracy_validation=share, weight_bits=7) for k, share in enumerate((0.97, 0.98, 0.99))]
    found = Sweep(name="n", title="t", origin="o", rows=(*rows, row("b", 0, accuracy_validation=0.5)))
    lines = sweeps.table(found).splitlines()
    assert lines[0] == "| method | weight bits | trials | validation |"
    assert lines[2:] == ["| a | 7 | 3 | 98.00 ± 1.00 % |", "| b | - | - | 50.00 % |"]


def test_trials_that_cost_the_same_are_drawn_as_bars_and_others_against_their_cost(tmp_path):
    same = Sweep(name="n", title="t", origin="o", rows=(shown("a", 0.9, 7), shown("b", 0.8, 7)))
    sweeps.keep(same, tmp_path)
    assert "![accuracy](n.svg)" in (tmp_path / "n.md").read_text()
    assert {"a", "b", "90.0", "80.0", "validation images read right, %"} <= words(tmp_path / "n.svg")
    dearer = same.model_copy(update={"rows": (*same.rows, shown("c", 0.95, 9))})
    sweeps.keep(dearer, tmp_path)
    assert "![accuracy against bits of weights](n.svg)" in (tmp_path / "n.md").read_text()
    assert "bits of weights" in words(tmp_path / "n.svg")


def shown(label, share, bits):
    return row(label, 1, accuracy_validation=share, weight_bits=bits)


def words(path):
    """Return the texts of a picture; matplotlib writes each as a comment beside its outlines."""
    return set(re.findall(r"<!-- (.*?) -->", path.read_text()))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_published_sweep_is_of_the_sweep_s_file_and_its_page_is_its_own(path):
    expected = spec.trials(spec.read(path), path)
    found = Sweep.read(PUBLISHED / f"{path.stem}.json")
    assert [(each.trial, each.points, each.seed) for each in found.rows] == [
        (trial.name, trial.points, trial.seed) for trial in expected
    ]
    assert not sweeps.failures(found)
    assert (PUBLISHED / f"{path.stem}.md").read_text() == sweeps.page(found)
    assert "<svg" in (PUBLISHED / f"{path.stem}.svg").read_text()
