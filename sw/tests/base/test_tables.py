# SPDX-License-Identifier: Apache-2.0
"""Tables: what a cell shows, and where it stands."""

import pytest

from xnorfpga.base import tables

HEADERS = ("design", "ALMs", "fits")
ROWS = [("mnist", 23167, True), ("smoke", 4158.25, None)]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (True, "yes"), (False, "no"), (23167, "23,167"), (0.123456, "0.1235"), ([1, 2000], "1, 2,000")],
)
def test_a_value_is_shown_as_a_reader_expects_it(value, shown):
    assert tables.text(value) == shown


def test_markdown_is_compact_or_aligned():
    assert tables.markdown(HEADERS, ROWS).splitlines() == [
        "| design | ALMs | fits |",
        "|---|---|---|",
        "| mnist | 23,167 | yes |",
        "| smoke | 4158 | - |",
    ]
    assert tables.markdown(HEADERS, ROWS, aligned=True).splitlines() == [
        "| design | ALMs   | fits |",
        "|--------|--------|------|",
        "| mnist  | 23,167 | yes  |",
        "| smoke  | 4158   | -    |",
    ]


def test_a_bar_inside_a_markdown_cell_ends_no_cell():
    assert tables.markdown(("reason",), [("a | b",)]).splitlines()[-1] == r"| a \| b |"


def test_a_terminal_has_numbers_to_the_right_and_no_trailing_space():
    assert tables.terminal(HEADERS, ROWS).splitlines() == [
        "design    ALMs  fits",
        "mnist   23,167   yes",
        "smoke     4158     -",
    ]
    assert tables.terminal((), [("g++", "ok"), ("verilator", "missing")]) == "g++        ok\nverilator  missing"
    assert tables.terminal(("tool", "state"), []) == "tool  state"


def test_a_row_of_another_length_is_an_error():
    with pytest.raises(ValueError, match="zip"):
        tables.terminal(HEADERS, [("mnist", 1)])
