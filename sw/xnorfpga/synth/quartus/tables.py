# SPDX-License-Identifier: Apache-2.0
"""The text of Quartus' reports: lines, tables with their cells, numbers with their units, times."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from pathlib import Path

from xnorfpga.base.errors import UserError

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
PREFIXES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9}


@dataclass(frozen=True)
class Table:
    """A table of a report: its title, its column names (None where it has only keys and values), rows of cells."""

    title: str
    header: list[str] | None
    rows: list[list[str]]

    def column(self, name: str) -> int | None:
        """Index of the column whose name begins with `name`."""
        return next((i for i, cell in enumerate(self.header or []) if cell.startswith(name)), None)

    def records(self) -> Iterator[dict[str, str]]:
        """Each row as a dictionary by column name; rows of another length (subtitles) are left out."""
        header = self.header or []
        return (dict(zip(header, row, strict=True)) for row in self.rows if len(row) == len(header))


def read(path: Path) -> str:
    """Read a report's text: UTF-8 or UTF-16 with a mark, else Latin-1; lines end in a line feed.

    Raises UserError where the file cannot be read, is empty, or is not a text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot read: {error.strerror or error}") from None
    if not data.strip():
        raise UserError(f"{path}: the file is empty; remove it, or have Quartus write it again")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", errors="replace")
    elif b"\0" in data:
        raise UserError(f"{path}: the file is no text; accepted are Quartus' text reports")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    return re.sub(r"\r\n?", "\n", text)


def tables(lines: list[str]) -> list[Table]:
    """Find all tables: a rule, a title, a rule, rows; with column names there is one more rule below them."""
    blocks = groupby((line.rstrip() for line in lines), lambda line: line[:1] == ";" or _is_rule(line))
    return [found for is_table, block in blocks if is_table and (found := _table(list(block)))]


def _table(box: list[str]) -> Table | None:
    if _is_rule(box[0]):
        del box[0]
    if len(box) < 2 or box[0][0] != ";" or not _is_rule(box[1]):
        return None
    groups: list[list[list[str]]] = []
    for line in box[1:]:
        if _is_rule(line):
            rule = line
            groups.append([])
        else:
            groups[-1].append(_cells(line, rule))
    groups = [group for group in groups if group]
    header = groups.pop(0)[-1] if len(groups) > 1 else None
    return Table(box[0].strip("; "), header, [row for group in groups for row in group])


def _is_rule(line: str) -> bool:
    return len(line) > 2 and line[0] in "+-" and not line.strip("+-")


def _cells(line: str, rule: str) -> list[str]:
    """Split a row; where it is as long as the rule above, the rule's crosses say where, since cells may hold a `;`."""
    if len(line) == len(rule):
        edges = [i for i, sign in enumerate(rule) if sign == "+"]
        if len(edges) > 1 and all(line[i] == ";" for i in edges):
            return [line[a + 1 : b].strip() for a, b in pairwise(edges)]
    return [cell.strip() for cell in line.strip().strip(";").split(";")]


def number(text: str) -> float | None:
    """Return the first number of a cell such as `1,234 / 32,070 ( 4 % )`; None for N/A, `--`, `< 1` and the like."""
    match = re.match(r"-?\d[\d,]*(?:\.\d+)?(?=$|[\s/(%])", text.strip())
    return float(match[0].replace(",", "")) if match else None


def available(text: str) -> int | None:
    """Return the second number of a cell such as `1,234 / 32,070 ( 4 % )`."""
    match = re.match(r"[^/(]*/\s*(\d[\d,]*)", text)
    return int(match[1].replace(",", "")) if match else None


def own(text: str) -> float | None:
    """Return the number in parentheses of a cell such as `857.5 (28.7)`, an entity's own part of the total."""
    match = re.fullmatch(r"\S+\s*\((-?[\d,]+(?:\.\d+)?)\)", text.strip())
    return float(match[1].replace(",", "")) if match else None


def quantity(text: str, unit: str) -> float | None:
    """Return a number in `unit` ("mW", "MHz"), whatever the prefix it is written with: `1.2 W` is 1200 mW."""
    match = re.fullmatch(r"(-?\d[\d,]*(?:\.\d+)?)\s*([munkMG]?)" + unit[1:], text.strip())
    if not match:
        return None
    return round(float(match[1].replace(",", "")) * 10.0 ** (PREFIXES[match[2]] - PREFIXES[unit[0]]), 6)


def timestamp(text: str) -> datetime | None:
    """Find a time such as `Wed Apr 12 17:09:36 2023`."""
    match = re.search(r"([A-Z][a-z]{2}) +(\d{1,2}) +(\d\d):(\d\d):(\d\d) +(\d{4})", text)
    if not match or match[1] not in MONTHS:
        return None
    day, hour, minute, second, year = (int(part) for part in match.groups()[1:])
    try:
        return datetime(year, MONTHS.index(match[1]) + 1, day, hour, minute, second)
    except ValueError:
        return None
