# SPDX-License-Identifier: Apache-2.0
"""The table of a sweep: SQLite while it runs, so that nothing finished is lost; JSON, a page and a picture to keep."""

import datetime
import json
import sqlite3
import statistics
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from xnorfpga.artefacts.sweep import Outcome, Row, Sweep
from xnorfpga.base import paths, tables
from xnorfpga.base.files import write_text
from xnorfpga.base.strict import check

PUBLISHED = paths.DOCS / "sweeps"
COLUMNS = ("trial", "points", "seed", *Outcome.model_fields)


class Table:
    """A sweep's trials in a SQLite file, a row each: its outcome's fields as columns, what is no number as JSON."""

    def __init__(self, path: Path) -> None:
        """Make the table in the file where it is not there; one of other columns is made anew."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as database, database:
            known = tuple(row[1] for row in database.execute("PRAGMA table_info(trials)"))
            if known and known != COLUMNS:
                database.execute("DROP TABLE trials")
            database.execute(f"CREATE TABLE IF NOT EXISTS trials ({', '.join(COLUMNS)}, PRIMARY KEY (trial))")

    def keep(self, names: Iterable[str]) -> None:
        """Forget the trials that are no longer in the sweep."""
        kept = list(names)
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute(f"DELETE FROM trials WHERE trial NOT IN ({', '.join('?' * len(kept))})", kept)

    def write(self, row: Row) -> None:
        """Add a trial, or replace it."""
        plain = row.model_dump(mode="json")
        values = {**plain, **plain["outcome"]}
        cells = [json.dumps(values[key]) if isinstance(values[key], dict | list) else values[key] for key in COLUMNS]
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute(f"INSERT OR REPLACE INTO trials VALUES ({', '.join('?' * len(COLUMNS))})", cells)

    def sweep(self, name: str, title: str, order: Sequence[str]) -> Sweep:
        """Return the trials that are there, in that order."""
        with closing(sqlite3.connect(self.path)) as database:
            found = {row[0]: dict(zip(COLUMNS, row, strict=True)) for row in database.execute("SELECT * FROM trials")}
        rows = tuple(_row(found[trial], self.path) for trial in order if trial in found)
        return Sweep(name=name, title=title, origin=f"python -m xnorfpga sweep, {datetime.date.today()}", rows=rows)


def _row(cells: dict[str, Any], path: Path) -> Row:
    for key in ("points", "network"):
        cells[key] = None if cells[key] is None else json.loads(cells[key])
    outcome = {key: cells.pop(key) for key in Outcome.model_fields}
    return check(Row, {**cells, "outcome": outcome}, path)


def table(found: Sweep, aligned: bool = False) -> str:
    """Return a sweep as a Markdown table, a row per combination of points: accuracies as mean ± spread over seeds.

    The spread is the standard deviation of a sample. Without seeds, or with one, there is none.
    """
    axes = list(found.rows[0].points) if found.rows else []
    headers = [*axes, "network", "weight bits", "trials", "validation", "test", "cycles per image", "ALMs", "M10K"]
    cells: list[list[Any]] = []
    for points, rows in found.groups().items():
        first = rows[0].outcome
        cells.append(
            [
                *points,
                None if first.network is None else "-".join(map(str, first.network)),
                first.weight_bits,
                len(rows),
                mean([row.outcome.accuracy_validation for row in rows]),
                mean([row.outcome.accuracy_test for row in rows]),
                first.cycles_per_image,
                None if first.alms is None else f"{first.alms:,} ({first.alms_kind})",
                first.m10k,
            ]
        )
    known = [k for k in range(len(headers)) if any(row[k] is not None for row in cells)]
    shown = [[row[k] for k in known] for row in (headers, *cells)]
    return tables.markdown(shown[0], shown[1:], aligned=aligned)


def failures(found: Sweep) -> list[str]:
    """Return a line for each trial that failed."""
    return [f"{row.trial} failed: {row.outcome.error}" for row in found.rows if row.outcome.error]


def mean(shares: Sequence[float | None]) -> str | None:
    """Return the mean of shares in percent, with their spread where there are several; None where none is known."""
    known = [100 * share for share in shares if share is not None]
    if not known:
        return None
    spread = f" ± {statistics.stdev(known):.2f}" if len(known) > 1 else ""
    return f"{statistics.mean(known):.2f}{spread} %"


def page(found: Sweep) -> str:
    """Return the page of a published sweep."""
    command = f"python -m xnorfpga sweep sw/sweeps/{found.name}.toml --publish"
    lines = [
        "<!-- SPDX-License-Identifier: Apache-2.0 -->",
        f"# {found.title}",
        table(found),
        "",
        *(line for failure in failures(found) for line in (failure, "")),
        f"![accuracy against weight bits, ALMs and cycles]({found.name}.svg)",
        "",
        "Accuracies are the mean over the seeds, ± the standard deviation of a sample. The validation digits are those",
        "that choices are made on; [training](../training.md) says which digits may say what.",
        f"The sweep is [sw/sweeps/{found.name}.toml](../../sw/sweeps/{found.name}.toml); this page is written by",
        "",
        f"    {command}",
        "",
        f"Origin: {found.origin}.",
    ]
    return "\n".join(lines) + "\n"


def keep(found: Sweep, folder: Path) -> Path:
    """Write a sweep as NAME.json, NAME.md and NAME.svg into a folder, and return the page."""
    from xnorfpga.report import charts  # loads matplotlib

    found.write(folder / f"{found.name}.json")
    charts.sweep(folder / f"{found.name}.svg", found)
    path = folder / f"{found.name}.md"
    write_text(path, page(found))
    return path
