# SPDX-License-Identifier: Apache-2.0
"""Energy per image: from Quartus' power where the design was fitted, else from counted toggles and stated coefficients.

The estimate is a sum of five parts, each a number of events times the energy of one. `energy.toml` has what public
reports of Quartus' power analyzer say; the energies of the events are derived from it here, and how far such a model
is off is found by holding it against each report with that report left out. docs/power.md says what it leaves out.
"""

import tomllib
from functools import cache
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from xnorfpga.artefacts.activity import Activity
from xnorfpga.artefacts.report import Energy
from xnorfpga.artefacts.synthesis import Power, Synthesis
from xnorfpga.base import tables
from xnorfpga.base.strict import Strict, check

FILE = Path(__file__).with_name("energy.toml")
FAMILY = "Cyclone V"  # whose energies are wanted; of what no report of it tells, another family's


class PowerReport(Strict):
    """What one public power report says; units and meaning stand in energy.toml."""

    name: str
    source: str
    family: str
    clock_mhz: float
    registers: int
    register_mtps: float
    register_block_mw: float
    register_routing_mw: float
    logic: int
    logic_mtps: float
    logic_mw: float
    clock_mw: float
    memory_blocks: int = 0
    memory_mw: float = 0.0

    @property
    def core_dynamic_mw(self) -> float:
        """The power of all that the model has a part for."""
        return self.register_block_mw + self.register_routing_mw + self.logic_mw + self.clock_mw + self.memory_mw


class StaticPower(Strict):
    """Core static power of a device."""

    mw: float
    source: str


class Measurements(Strict):
    """energy.toml."""

    static: dict[str, StaticPower]
    report: tuple[PowerReport, ...]


class Coefficients(NamedTuple):
    """Energies of one event, in pJ.

    trunk: a clock cycle, whatever hangs on the clock. clocked: a register's clock, a cycle. register: a change of a
    register's output. logic: a change of an ALUT's output. memory: a block RAM that reads, a cycle.
    """

    trunk: float
    clocked: float
    register: float
    logic: float
    memory: float


class Events(NamedTuple):
    """What happens in a clock cycle: registers and block RAMs that are clocked, changes of registers and of ALUTs."""

    registers: float
    register_changes: float
    logic_changes: float
    memories: float


@cache
def measurements() -> Measurements:
    """Return what the public reports say."""
    return check(Measurements, tomllib.loads(FILE.read_text(encoding="utf-8")), FILE)


def coefficients(reports: tuple[PowerReport, ...]) -> Coefficients:
    """Derive the energies from reports: of FAMILY's where one tells, else the median of the others'."""
    # The clock network: trunk + registers, fitted to all, so that each report's relative error counts the same
    per_cycle = np.array([1000 * each.clock_mw / each.clock_mhz for each in reports])  # mW / MHz = nJ
    registers = np.array([each.registers for each in reports])
    (trunk, branch), *_ = np.linalg.lstsq(
        np.stack([1 / per_cycle, registers / per_cycle], axis=1), np.ones(len(reports)), rcond=None
    )

    def energy(milliwatts: str, count: str, rate: str) -> float:
        told = [
            (each.family == FAMILY, 1000 * getattr(each, milliwatts) / (getattr(each, count) * getattr(each, rate)))
            for each in reports
            if getattr(each, milliwatts) and getattr(each, rate)
        ]
        return median([pj for own, pj in told if own] or [pj for _, pj in told])

    return Coefficients(
        trunk=float(trunk),
        clocked=float(branch) + energy("register_block_mw", "registers", "clock_mhz"),
        register=energy("register_routing_mw", "registers", "register_mtps"),
        logic=energy("logic_mw", "logic", "logic_mtps"),
        memory=energy("memory_mw", "memory_blocks", "clock_mhz"),
    )


def parts_pj(events: Events, energies: Coefficients) -> dict[str, float]:
    """Return the energy of a clock cycle by what takes it, in pJ."""
    return {
        "clock": energies.trunk + energies.clocked * events.registers,
        "registers": energies.register * events.register_changes,
        "logic": energies.logic * events.logic_changes,
        "block RAM": energies.memory * events.memories,
    }


@cache
def ratios() -> dict[str, float]:
    """Return the model's power divided by Quartus', for each report, by a model that was derived without it."""
    reports = measurements().report
    found = {}
    for held in reports:
        events = Events(
            registers=held.registers,
            register_changes=held.registers * held.register_mtps / held.clock_mhz,
            logic_changes=held.logic * held.logic_mtps / held.clock_mhz,
            memories=held.memory_blocks,
        )
        model = parts_pj(events, coefficients(tuple(each for each in reports if each is not held)))
        found[held.name] = sum(model.values()) * held.clock_mhz / 1000 / held.core_dynamic_mw
    return found


def band() -> tuple[float, float]:
    """Return the lowest and the highest of `ratios`."""
    return min(ratios().values()), max(ratios().values())


def energies_table() -> str:
    """Return what takes energy, and how much each event takes, as a Markdown table."""
    of = coefficients(measurements().report)
    return tables.markdown(
        ("part", "events in a cycle", "energy of one"),
        [
            ("clock", "every flip-flop; and the clock's trunk, once", f"{of.clocked:.3f} pJ; {of.trunk:.1f} pJ"),
            ("registers", "flip-flops × the mean rate at which the RTL's registers change", f"{of.register:.3f} pJ"),
            ("logic", "ALUTs and arithmetic cells × the mean rate at which its logic changes", f"{of.logic:.3f} pJ"),
            ("block RAM", "every M10K block: the engine reads a row of each in every cycle", f"{of.memory:.1f} pJ"),
        ],
    )


def ratios_table() -> str:
    """Return how the model compares with each report that it was not derived from, as a Markdown table."""
    found = ratios()
    rows = [
        (each.source, each.family, f"{each.registers:,}", f"{found[each.name]:.2f}") for each in measurements().report
    ]
    return tables.markdown(("report", "family", "registers", "the model's core dynamic power ÷ Quartus'"), rows)


def static_mw(device: str) -> float:
    """Return the core static power of a device, in mW: of one without a report, the highest of those known."""
    known = measurements().static
    return known[device].mw if device in known else max(each.mw for each in known.values())


def estimate(activity: Activity, synthesized: Synthesis, cycles_per_image: float, clock_mhz: float) -> Energy:
    """Return the energy per image of a design that no power analyzer has seen."""
    cells = sum((synthesized.aluts or synthesized.borders_kept.aluts).values())
    events = Events(
        registers=synthesized.ffs,
        register_changes=synthesized.ffs * _rate(activity.registers.transitions, activity.registers.bits, activity),
        logic_changes=cells * _rate(activity.logic.transitions, activity.logic.bits, activity),
        memories=synthesized.m10k,
    )
    parts = {
        name: picojoules * cycles_per_image * 1e-6
        for name, picojoules in parts_pj(events, coefficients(measurements().report)).items()
    }
    dynamic = sum(parts.values())
    static = static_mw(synthesized.device.name) * cycles_per_image / clock_mhz / 1000  # mW · µs = nJ
    return Energy(
        kind="estimate",
        core_dynamic_uj=dynamic,
        static_uj=static,
        total_uj=dynamic + static,
        band=band(),
        parts_uj=parts,
    )


def _rate(transitions: int, bits: int, activity: Activity) -> float:
    """Return the changes of a bit in a cycle."""
    return transitions / bits / activity.cycles if bits else 0.0


def fitted(power: Power, cycles_per_image: float, clock_mhz: float) -> Energy:
    """Return the energy per image by Quartus' power; all of it includes the pins'."""

    def per_image(milliwatts: float) -> float:
        return milliwatts * cycles_per_image / clock_mhz / 1000

    return Energy(
        kind="fitted",
        core_dynamic_uj=per_image(power.core_dynamic_mw),
        static_uj=per_image(power.core_static_mw),
        total_uj=per_image(power.total_mw),
        band=None,
        parts_uj=None,
    )
