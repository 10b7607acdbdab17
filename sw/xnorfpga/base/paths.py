# SPDX-License-Identifier: Apache-2.0
"""Where things lie in a checkout."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
DESIGNS = ROOT / "sw" / "designs"
MODELS = ROOT / "sw" / "models"
BOARDS = ROOT / "boards"
DOCS = ROOT / "docs"
BUILD = Path(os.environ.get("XNORFPGA_BUILD", ROOT / "build"))


def data_directory() -> str | None:
    """Return the directory with the data set that the environment variable XNORFPGA_DATA names, None without it."""
    directory = os.environ.get("XNORFPGA_DATA")
    return os.path.abspath(directory) if directory else None
