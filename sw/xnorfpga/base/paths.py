# SPDX-License-Identifier: Apache-2.0
"""Where things lie in a checkout."""

import os
import re
from pathlib import Path

from xnorfpga.base.errors import UserError

ROOT = Path(__file__).resolve().parents[3]
DESIGNS = ROOT / "sw" / "designs"
MODELS = ROOT / "sw" / "models"
BOARDS = ROOT / "boards"
DOCS = ROOT / "docs"
SPINAL = ROOT / "hw" / "spinal"
DEVICE = os.environ.get("XNORFPGA_DEVICE") or "cpu"
"""What torch trains on, in torch's words: "cpu", "cuda", "cuda:1", …."""
BUILD = Path(os.path.abspath(os.environ.get("XNORFPGA_BUILD") or ROOT / "build"))


def check_checkout() -> None:
    """Raise UserError where the package was installed apart from its checkout: all that a flow works on stays there."""
    absent = [str(path.relative_to(ROOT)) for path in (DESIGNS, MODELS, BOARDS, SPINAL) if not path.is_dir()]
    if absent:
        raise UserError(
            f"{ROOT}: has no {', '.join(absent)}; xnorfpga works in its checkout: "
            "there run `pip install -c constraints.txt -e .`"
        )


def build_folder(name: str) -> Path:
    """Return the folder of a design's build.

    Raises UserError where a build cannot be there.
    """
    if BUILD.exists() and not BUILD.is_dir():
        raise UserError(f"{BUILD}: is a file; accepted in XNORFPGA_BUILD: a folder, or one that can be made")
    check_makeable(BUILD, "set XNORFPGA_BUILD to another folder")
    return BUILD / name


def check_makeable(path: Path, otherwise: str) -> None:
    """Raise UserError, with what to do, where make would take a path for something else."""
    if wrong := re.search(r"""[\s#:;"\\]""", str(path)):
        raise UserError(f"{path}: make, which builds the simulator, takes no {wrong[0]!r} in a path; {otherwise}")


def data_directory() -> str | None:
    """Return the directory with the data set that the environment variable XNORFPGA_DATA names, None without it."""
    directory = os.environ.get("XNORFPGA_DATA")
    return os.path.abspath(directory) if directory else None


def cache_home() -> Path:
    """Return the user's cache directory for data sets."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xnorfpga"
