# SPDX-License-Identifier: Apache-2.0
"""The mistakes of bugs.py can still be put in; a run of them takes a quarter of an hour and is no part of the suite."""

import pytest

import bugs
from xnorfpga.base.paths import DOCS


@pytest.mark.parametrize("bug", bugs.BUGS, ids=lambda bug: bug.name)
def test_a_mistake_has_its_place_in_the_sources(bug):
    assert bugs.source(bugs.ROOT, bug).read_text(encoding="utf-8").count(bug.right) == 1


def test_the_docs_say_of_each_mistake_who_noticed():
    page = (DOCS / "bugs.md").read_text(encoding="utf-8")
    for bug in bugs.BUGS:
        assert f"| {bug.name} | `{bug.file}`" in page
