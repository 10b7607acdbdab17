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
