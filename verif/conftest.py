# SPDX-License-Identifier: Apache-2.0
"""Options of the suite, one seed for all that is random, and its summary."""

import json
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers share the cores

import pytest

from xnorfpga.common import BUILD, write_json

SUMMARY = BUILD / "verif" / "summary.json"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the seed."""
    parser.addoption("--seed", type=int, default=1, help="seed of all random networks, images and pauses (default 1)")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Return the seed of this run; a failure prints it with the command that replays the test."""
    return request.config.getoption("--seed")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Note the time, and clear what an earlier run counted."""
    session.config._started = time.monotonic()  # type: ignore[attr-defined]
    if not hasattr(session.config, "workerinput"):
        for old in BUILD.glob("verif/*/transactions_*.json"):
            old.unlink()


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Add up what the simulations of this run did."""
    counts = [json.loads(path.read_text()) for path in BUILD.glob("verif/*/transactions_*.json")]
    if not counts or hasattr(config, "workerinput"):
        return
    total = {key: sum(count[key] for count in counts) for key in ("networks", "images", "transactions")}
    configurations = len({path.parent for path in BUILD.glob("verif/*/transactions_*.json")})
    seconds = round(time.monotonic() - config._started, 1)  # type: ignore[attr-defined]
    summary = {"configurations": configurations, **total, "seconds": seconds, "seed": config.getoption("--seed")}
    write_json(SUMMARY, summary)
    terminalreporter.write_line("verif: " + ", ".join(f"{key} {value}" for key, value in summary.items()))
