# SPDX-License-Identifier: Apache-2.0
"""What the suite elaborates, built once: a configuration's Verilog stays until it or the generator changes."""

import json
from collections.abc import Mapping
from pathlib import Path

from bench.configurations import Configuration
from xnorfpga.base import locks
from xnorfpga.base.files import sha256, write_text
from xnorfpga.base.paths import BUILD
from xnorfpga.rtl import elaborate

REGISTERS = Path(__file__).parents[1] / "systems" / "board.vlt"
"""Which of its registers the board's bench sees beside the ports: one more source of a simulator."""


def elaborated(configurations: Mapping[Path, Configuration], *program: str) -> None:
    """Elaborate each configuration into its directory, those that are not there yet, in one java run.

    `program` is the generator's main program and the file it reads, where they are not the accelerator's. Parallel
    processes wait for the first.

    Raises UserError as `xnorfpga.elaborate.elaborate_many`.
    """
    with locks.hold(BUILD / "verif" / "elaborate.lock", "elaborate"):
        generator = [source.read_bytes() for source in elaborate.sources()]
        keys = {
            directory: sha256(*generator, json.dumps(wanted).encode()) for directory, wanted in configurations.items()
        }
        stale = [directory for directory, key in keys.items() if _key(directory) != key]
        if stale:
            for directory in stale:
                (directory / "key").unlink(missing_ok=True)
            elaborate.elaborate_many([(configurations[directory], directory) for directory in stale], *program)
            for directory in stale:
                write_text(directory / "key", keys[directory])


def _key(directory: Path) -> str | None:
    """Return what the directory's files were made from, None where they are not whole."""
    file = directory / "key"
    return file.read_text(encoding="utf-8") if file.exists() else None
