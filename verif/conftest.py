# SPDX-License-Identifier: Apache-2.0
"""Options of the suite, one seed for all that is random, and what a run verified: its summary and its coverage."""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers share the cores

import pytest

from bench import coverage
from xnorfpga.base.files import write_json
from xnorfpga.base.paths import BUILD

SUMMARY = BUILD / "verif" / "summary.json"
COVERAGE = BUILD / "verif" / "coverage.json"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the seeds and the soak."""
    parser.addoption("--seed", type=int, default=1, help="seed of all random networks, images and pauses (default 1)")
    parser.addoption("--hardware", type=int, default=1, help="seed of the random accelerators (default 1)")
    parser.addoption("--soak", action="store_true", help="run the long tests as well: a soak of 100,000 images")


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
    """Note the time, and give the session a place for its samples."""
    config._started = time.monotonic()  # type: ignore[attr-defined]
    if not is_worker(config):
        samples = tempfile.TemporaryDirectory(prefix="xnorfpga-samples-")
        os.environ[coverage.SAMPLES] = samples.name
        config.add_cleanup(samples.cleanup)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Merge what all workers met; a whole run that passed must have met all of the plan."""
    config = session.config
    if is_worker(config):
        return
    hits, counts = coverage.merge(Path(os.environ[coverage.SAMPLES]).glob("*.json"))
    if not counts and not any(map(any, (bins.values() for bins in hits.values()))):
        return  # nothing of verif/ was simulated
    missed, percent = coverage.missed(hits), coverage.percent(hits)
    summary = {
        **{figure: counts[figure] for figure in ("configurations", "networks", "images", "transactions")},
        "coverage_percent": percent,
        "seconds": round(time.monotonic() - config._started, 1),  # type: ignore[attr-defined]
        **{seed: config.getoption(seed) for seed in ("seed", "hardware")},
        "whole": is_whole(config),
    }
    write_json(COVERAGE, {"coverage_percent": percent, "missed": missed, "hits": hits})
    write_json(SUMMARY, summary)
    lines = [", ".join(f"{key} {value}" for key, value in summary.items())]
    if is_whole(config):
        for point, bins in hits.items():
            lines.append(f"{point}: " + ", ".join(f"{bin} {count}" for bin, count in bins.items()))
        if missed:
            lines.append("FAILED, bins of the coverage plan that were never met: " + "; ".join(missed))
    config._verified = lines  # type: ignore[attr-defined]
    if is_whole(config) and missed and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Print what this run verified."""
    if lines := getattr(config, "_verified", []):
        terminalreporter.section("verif")
        for line in lines:
            terminalreporter.write_line(line)
