# SPDX-License-Identifier: Apache-2.0
"""Tables from rows and headers, as Markdown for pages and as aligned columns for a terminal."""

from collections.abc import Iterable, Sequence
from typing import Any


def markdown(headers: Sequence[str], rows: Iterable[Sequence[Any]], aligned: bool = False) -> str:
    """Return a Markdown table; `aligned` pads its columns for who reads it in a terminal.

    Each value is shown by `text`. A `|` inside a cell is escaped.
    """
    cells = [[cell.replace("|", "\\|") for cell in row] for row in _cells(headers, rows)]
    widths = _widths(cells) if aligned else [0] * len(headers)
    lines = [f"| {' | '.join(map(str.ljust, row, widths))} |" for row in cells]
    lines.insert(1, f"|{'|'.join('-' * max(3, width + 2) for width in widths)}|")
    return "\n".join(lines)


def terminal(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return aligned columns: numbers to the right, with their header, all else to the left.

    Each value is shown by `text`. Without headers the rows stand alone.
    """
    rows = list(rows)
    cells = _cells(headers, rows) if headers else _cells((), rows)[1:]
    numeric = [all(isinstance(value, int | float | None) for value in column) for column in zip(*rows, strict=True)]
    sides = [str.rjust if number else str.ljust for number in numeric] or [str.ljust] * len(headers)
    widths = _widths(cells)
    return "\n".join(
        "  ".join(side(cell, width) for side, cell, width in zip(sides, row, widths, strict=True)).rstrip()
        for row in cells
    )


def text(value: Any) -> str:
    """Return a value as a cell shows it: 12,345 and 0.1235 (four digits), yes or no, a, b for a list, - for None."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.4g}"
        case list() | tuple():
            return ", ".join(map(text, value))
        case _:
            return str(value)


def _cells(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[list[str]]:
    return [list(headers), *([text(value) for value in row] for row in rows)]


def _widths(cells: list[list[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*cells, strict=True)]
