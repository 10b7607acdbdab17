# SPDX-License-Identifier: Apache-2.0
"""The three routings side by side, as last measured: `routings.json`, for the report and the table in docs/engine.md.

`xnorfpga.lab.routings` measures and writes it.
"""

from pathlib import Path

from xnorfpga.artefacts.report import RoutingTable
from xnorfpga.base import tables

FILE = Path(__file__).parent / "routings.json"
COLUMNS = {
    "routing": "routing",
    "pe": "PE",
    "simd": "SIMD",
    "cycles": "cycles",
    "alms": "ALMs (estimate)",
    "m10k": "M10K",
    "ffs": "flip-flops",
    "connections": "connections",
    "logic_levels": "ALUT levels",
}


def load() -> RoutingTable:
    """Return the figures that were measured last."""
    return RoutingTable.read(FILE)


def table(measured: RoutingTable) -> str:
    """Return the figures as a Markdown table."""
    return tables.markdown(list(COLUMNS.values()), [[getattr(row, key) for key in COLUMNS] for row in measured.rows])
