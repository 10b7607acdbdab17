# SPDX-License-Identifier: Apache-2.0
"""The paper's Figures 3 to 5 and its claims, beside ours, as last gathered: `paper.json`.

`xnorfpga.lab.paper` gathers it, from docs/results.json, the folding model and what others published.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from xnorfpga.artefacts.report import PaperRow, PaperTable
from xnorfpga.base import tables

FILE = Path(__file__).with_name("paper.json")


class Quantity(NamedTuple):
    """One picture: what its axis says, and an accelerator's value and the kind of that, None where it has none."""

    key: str
    title: str
    axis: str
    value: Callable[[PaperRow], float | None]
    kind: Callable[[PaperRow], str | None]


QUANTITIES = (
    Quantity("throughput", "Throughput", "cycles per image", lambda row: row.cycles_per_image, lambda row: row.kind),
    Quantity("latency", "Latency", "latency, µs", lambda row: row.latency_us, lambda row: row.kind),
    Quantity(
        "energy",
        "Energy",
        "energy per image, all of it, µJ",
        lambda row: row.energy_uj[1] if row.energy_uj else None,
        lambda row: row.energy_kind,
    ),
    Quantity("logic", "Logic", "ALMs, or LUTs", lambda row: row.logic, lambda row: row.logic_kind),
)


def load() -> PaperTable:
    """Return the comparison as it was gathered last."""
    return PaperTable.read(FILE)


def bars(found: PaperTable, quantity: Quantity) -> list[tuple[str, float, str]]:
    """Return name, value and kind of each accelerator that has the quantity, in the table's order."""
    return [
        (row.name, value, quantity.kind(row) or "") for row in found.rows if (value := quantity.value(row)) is not None
    ]


def shown(value: float) -> str:
    """Return a value as pictures and tables show it."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(found: PaperTable) -> str:
    """Return the accelerators as a Markdown table."""
    rows = [
        (
            f"{row.name}: {row.what}" if row.what else row.name,
            row.kind,
            *(
                "–" if (value := quantity.value(row)) is None else f"{shown(value)} ({quantity.kind(row)})"
                for quantity in QUANTITIES
            ),
            "–" if row.m10k is None else row.m10k,
        )
        for row in found.rows
    ]
    headers = ("accelerator", "cycles", *(quantity.axis for quantity in QUANTITIES), "M10K")
    return tables.markdown(headers, rows)


def claims(found: PaperTable) -> str:
    """Return the paper's claims as a Markdown table."""
    rows = [(each.claim, each.claimed, each.here, f"`{each.command}`") for each in found.claims]
    return tables.markdown(("the paper's claim", "claimed", "here", "by"), rows)
