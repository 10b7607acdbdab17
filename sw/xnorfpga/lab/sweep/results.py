# SPDX-License-Identifier: Apache-2.0
"""The table of a sweep while it runs: a SQLite file, so that nothing finished is lost."""

import datetime
import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from xnorfpga.artefacts.sweep import Outcome, Row, Sweep
from xnorfpga.base.strict import check

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
