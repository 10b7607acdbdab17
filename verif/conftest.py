# SPDX-License-Identifier: Apache-2.0
"""Options of the suite, one seed for all that is random, and what a run verified: its summary and its coverage."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers share the cores

import pytest

import coverage
from xnorfpga.common import BUILD, write_json

SUMMARY = BUILD / "verif" / "summary.json"
COVERAGE = BUILD / "verif" / "coverage.json"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the seed."""
    parser.addoption("--seed", type=int, default=1, help="seed of all random networks, images and pauses (default 1)")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Return the seed of this run; a failure prints it with the command that replays the test."""
    return request.config.getoption("--seed")


@pytest.fixture(autouse=True)
def samples() -> Iterator[None]:
    """Keep what a test itself sampled; its simulations keep their own."""
    yield
    coverage.save()


def is_worker(config: pytest.Config) -> bool:
    """Return whether this process is a worker of pytest-xdist: the session is its controller's."""
    return hasattr(config, "workerinput")


def is_whole(config: pytest.Config) -> bool:
    """Return whether all of verif/ was asked for, so that the coverage plan must be met."""
    option, here = config.option, Path(__file__).parent
    chosen = [Path(config.invocation_params.dir, argument.partition("::")[0]).resolve() for argument in config.args]
    selected = any("::" in argument for argument in config.args) or not any(map(here.is_relative_to, chosen))
    narrowed = ("keyword", "markexpr", "deselect", "lf", "collectonly", "ignore", "ignore_glob", "stepwise")
    return not selected and not any(getattr(option, name, None) for name in narrowed)


def pytest_configure(config: pytest.Config) -> None:
    """Note the time, and clear what an earlier run left."""
    config._started = time.monotonic()  # type: ignore[attr-defined]
    if not is_worker(config):
        for old in (*coverage.SAMPLES.glob("*.json"), *BUILD.glob("verif/*/transactions_*.json")):
            old.unlink()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Merge the coverage of all workers; a whole run that passed must have met all of the plan."""
    if is_worker(session.config):
        return
    hits = coverage.merge(coverage.SAMPLES.glob("*.json"))
    write_json(COVERAGE, {"coverage_percent": coverage.percent(hits), "missed": coverage.missed(hits), "hits": hits})
    session.config._hits = hits  # type: ignore[attr-defined]
    if is_whole(session.config) and coverage.missed(hits) and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Print and write what this run verified."""
    counts = [json.loads(path.read_text()) for path in BUILD.glob("verif/*/transactions_*.json")]
    hits = getattr(config, "_hits", None)
    if hits is None or (not any(map(any, (bins.values() for bins in hits.values()))) and not counts):
        return  # nothing of verif/ was run
    total = {key: sum(count[key] for count in counts) for key in ("networks", "images", "transactions")}
    summary = {
        "configurations": len({path.parent for path in BUILD.glob("verif/*/transactions_*.json")}),
        **total,
        "coverage_percent": coverage.percent(hits),
        "seconds": round(time.monotonic() - config._started, 1),  # type: ignore[attr-defined]
        "seed": config.getoption("--seed"),
    }
    write_json(SUMMARY, summary)
    terminalreporter.section("verif")
    for point, bins in hits.items():
        terminalreporter.write_line(f"{point}: " + ", ".join(f"{bin} {count}" for bin, count in bins.items()))
    terminalreporter.write_line(", ".join(f"{key} {value}" for key, value in summary.items()))
    if coverage.missed(hits):
        verdict = "a whole run must meet them" if is_whole(config) else "not asked of a selection"
        terminalreporter.write_line(f"bins never met ({verdict}): " + "; ".join(coverage.missed(hits)))
