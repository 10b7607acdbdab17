# SPDX-License-Identifier: Apache-2.0
"""Sweeps as a reader meets them: a table, a page and a picture each in docs/sweeps; one stands in every report.

`xnorfpga.lab.sweep` measures them.
"""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xnorfpga.artefacts.sweep import Sweep
from xnorfpga.base import tables
from xnorfpga.base.files import write_text
from xnorfpga.report import charts


def cells(found: Sweep) -> tuple[list[str], list[list[Any]]]:
    """Return a sweep's table as headers and rows, one per combination of points; accuracies are mean ± spread of seeds.

    The spread is the standard deviation of a sample; of one trial there is none. What no trial knows is left out.
    """
    axes = list(found.rows[0].points) if found.rows else []
    headers = [*axes, "network", "weight bits", "trials", "validation", "test", "cycles per image", "ALMs", "M10K"]
    rows: list[list[Any]] = []
    for points, trials in found.groups().items():
        first = trials[0].outcome
        rows.append(
            [
                *points,
                None if first.network is None else "-".join(map(str, first.network)),
                first.weight_bits,
                len(trials) if len(trials) > 1 else None,
                mean([row.outcome.accuracy_validation for row in trials]),
                mean([row.outcome.accuracy_test for row in trials]),
                first.cycles_per_image,
                None if first.alms is None else f"{first.alms:,} ({first.alms_kind})",
                first.m10k,
            ]
        )
    known = [k for k, name in enumerate(headers) if any(row[k] is not None for row in rows)]
    return [headers[k] for k in known], [[row[k] for k in known] for row in rows]


def table(found: Sweep, aligned: bool = False) -> str:
    """Return a sweep as a Markdown table."""
    return tables.markdown(*cells(found), aligned=aligned)


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
    against = ", ".join(found.varied_costs().values())
    lines = [
        "<!-- SPDX-License-Identifier: Apache-2.0 -->",
        f"# {found.title}",
        table(found),
        "",
        *(line for failure in failures(found) for line in (failure, "")),
        f"![accuracy{' against ' if against else ''}{against}]({found.name}.svg)",
        "",
        "Accuracies are the mean over the seeds, ± the standard deviation of a sample. The validation images are those",
        "that choices are made on; [training](../training.md) says which images may say what.",
        f"The sweep is [sw/sweeps/{found.name}.toml](../../sw/sweeps/{found.name}.toml); this page is written by",
        "",
        f"    {command}",
        "",
        f"Origin: {found.origin}.",
    ]
    return "\n".join(lines) + "\n"


def keep(found: Sweep, folder: Path) -> Path:
    """Write a sweep as NAME.json, NAME.md and NAME.svg into a folder, and return the page."""
    found.write(folder / f"{found.name}.json")
    charts.sweep(folder / f"{found.name}.svg", found)
    path = folder / f"{found.name}.md"
    write_text(path, page(found))
    return path
