# SPDX-License-Identifier: Apache-2.0
"""The power model: its energies come out of reports that it made up, and each report is judged without itself."""

import pytest

from xnorfpga.report import energy
from xnorfpga.report.energy import Coefficients, Events, PowerReport

KNOWN = Coefficients(trunk=20.0, clocked=0.05, register=0.3, logic=0.2, memory=15.0)
SHARE = 0.4  # of `clocked` that is spent in the clock's wires


def made_up(name: str, family: str, known: Coefficients, registers: int, memories: int, mhz: float) -> PowerReport:
    """Return the report of a design whose events cost what `known` says."""
    logic, register_mtps, logic_mtps = 3 * registers, 0.2 * mhz, 0.1 * mhz
    return PowerReport(
        name=name,
        source="made up here",
        family=family,
        clock_mhz=mhz,
        registers=registers,
        register_mtps=register_mtps,
        register_block_mw=known.clocked * (1 - SHARE) * registers * mhz / 1000,
        register_routing_mw=known.register * registers * register_mtps / 1000,
        logic=logic,
        logic_mtps=logic_mtps,
        logic_mw=known.logic * logic * logic_mtps / 1000,
        clock_mw=(known.trunk + known.clocked * SHARE * registers) * mhz / 1000,
        memory_blocks=memories,
        memory_mw=known.memory * memories * mhz / 1000,
    )


REPORTS = (
    made_up("large", "Cyclone V", KNOWN, 40_000, 0, 25.0),
    made_up("small", "MAX 10", KNOWN, 50, 4, 100.0),
    made_up("middle", "MAX 10", KNOWN, 1000, 8, 50.0),
)


def test_the_energies_of_a_model_s_own_reports_are_found_again():
    assert energy.coefficients(REPORTS) == pytest.approx(KNOWN)


def test_another_family_tells_only_what_the_own_does_not():
    dear = made_up("old", "Cyclone II", Coefficients(20.0, 0.05, 3.0, 2.0, 15.0), 300, 2, 50.0)
    found = energy.coefficients((*REPORTS, dear))
    assert (found.register, found.logic, found.memory) == pytest.approx((KNOWN.register, KNOWN.logic, KNOWN.memory))
    found = energy.coefficients((dear, *REPORTS[1:]))  # none of the own family: the median of the others
    assert (found.register, found.logic) == pytest.approx((KNOWN.register, KNOWN.logic))


def test_a_report_is_judged_by_a_model_that_has_not_seen_it(monkeypatch):
    dear = made_up("dear", "MAX 10", Coefficients(40.0, 0.1, 0.6, 0.4, 30.0), 1000, 8, 50.0)
    monkeypatch.setattr(energy, "measurements", lambda: energy.Measurements(static={}, report=(*REPORTS, dear)))
    energy.ratios.cache_clear()
    try:
        found = energy.ratios()
    finally:
        energy.ratios.cache_clear()
    assert found["dear"] == pytest.approx(0.5, rel=0.05)
    assert found["large"] == pytest.approx(1, rel=0.4)  # what the dear one says of clocks is in its model


def test_no_event_costs_only_the_clock_s_trunk():
    assert energy.parts_pj(Events(0, 0, 0, 0), KNOWN) == {
        "clock": KNOWN.trunk, "registers": 0, "logic": 0, "block RAM": 0,
    }  # fmt: skip


def test_every_report_has_its_source_and_no_energy_is_negative():
    measured = energy.measurements()
    assert all("@" in each.source for each in (*measured.report, *measured.static.values()))
    assert min(energy.coefficients(measured.report)) > 0
    low, high = energy.band()
    assert low < 1 < high


def test_static_power_of_a_device_without_a_report_is_the_highest_known():
    known = energy.measurements().static
    assert energy.static_mw("5CSEMA5F31C6") == known["5CSEMA5F31C6"].mw
    assert energy.static_mw("5CEBA4F23C7") == max(each.mw for each in known.values())
