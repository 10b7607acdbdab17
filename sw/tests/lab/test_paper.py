# SPDX-License-Identifier: Apache-2.0
"""The comparison with the paper is what docs/results.json, the models and the published figures say today."""

import re
from xml.etree import ElementTree

import pytest

from xnorfpga.base.paths import DOCS
from xnorfpga.lab import benchmark, paper
from xnorfpga.report import gather
from xnorfpga.report import paper as shown


@pytest.fixture(scope="module")
def found():
    return shown.load()


def test_what_is_stored_is_what_would_be_gathered_now(found):
    """`python -m xnorfpga bench --paper` writes it."""
    assert found == paper.gathered()


def test_our_figures_are_those_of_the_results(found):
    reached = {row.design: row for row in benchmark.Results.read(benchmark.RESULTS).rows}
    ours = [row for row in found.rows if row.kind == "simulated"]
    assert {row.name for row in ours} == set(paper.DESIGNS)
    for row in ours:
        of = reached[row.name]
        assert (row.cycles_per_image, row.latency_us, row.logic, row.m10k) == (
            of.cycles_per_image, of.latency_us, of.alms, of.m10k,
        )  # fmt: skip
        assert row.energy_uj == ((of.energy.core_dynamic_uj, of.energy.total_uj) if of.energy else None)
    assert next(row for row in ours if row.name == paper.LITERAL).energy_uj


def test_copies_multiply_the_throughput_and_no_memory(found):
    rows = {row.name: row for row in found.rows}
    one = rows[paper.LITERAL]
    for copies in paper.MORE_COPIES:
        more = rows[f"{paper.LITERAL} × {copies}"]
        assert more.cycles_per_image == pytest.approx(one.cycles_per_image / copies)
        assert (more.latency_us, more.m10k) == (one.latency_us, one.m10k)
        assert "does not fit" in more.what and more.logic > 32070


def test_published_figures_stay_what_was_published(found):
    theirs = {row.name: row for row in found.rows if row.kind == "published"}
    assert set(theirs) == {row.name for row in gather.published("mnist")}
    for other in gather.published("mnist"):
        row = theirs[other.name]
        assert (row.cycles_per_image, row.latency_us) == (other.cycles, other.latency_us)
        assert (row.energy_uj is None) == (other.energy_uj is None)


@pytest.mark.parametrize("quantity", shown.QUANTITIES, ids=lambda quantity: quantity.key)
def test_each_picture_shows_each_value_with_its_kind(found, quantity):
    drawn = ElementTree.parse(DOCS / "paper" / f"{quantity.key}.svg")
    words = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    labels = [f"{name}: {shown.shown(value)} ({kind})" for name, value, kind in shown.bars(found, quantity)]
    assert len(labels) >= 3 and set(labels) <= set(words)


def test_every_claim_of_the_paper_has_a_row_a_figure_and_a_command(found):
    page = paper.PAGE.read_text()
    assert shown.claims(found) == re.search(r"<!-- claims -->\n(.*)\n<!-- /claims -->", page, re.S)[1]
    assert shown.table(found) == re.search(r"<!-- figures -->\n(.*)\n<!-- /figures -->", page, re.S)[1]
    assert len(found.claims) == 4
    assert all(re.search(r"\d", each.here) and each.command for each in found.claims)
