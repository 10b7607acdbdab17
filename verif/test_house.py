# SPDX-License-Identifier: Apache-2.0
"""verif/ is on the path of every test: none of its names may hide a library's."""

import importlib.metadata
import sys
from pathlib import Path

PUBLISHED = {"coverage"}  # of the tools that a user may bring, those not installed with the package


def test_no_module_hides_a_library() -> None:
    here = Path(__file__).parent
    names = {file.stem for file in here.glob("*.py")} | {file.parent.name for file in here.glob("*/*.py")}
    libraries = {*sys.stdlib_module_names, *importlib.metadata.packages_distributions(), *PUBLISHED}
    assert not names & libraries
