# SPDX-License-Identifier: Apache-2.0
"""Counting, longest path and connections on small netlists made by hand; every expected figure is derived beside it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorfpga.base.errors import UserError
from xnorfpga.synth import netlist

PINS = {
    "MISTRAL_FF": (["DATAIN", "CLK", "ENA", "ACLR", "SCLR", "SLOAD", "SDATA"], ["Q"]),
    "MISTRAL_ALUT_ARITH": (["A", "B", "C", "D0", "D1", "CI"], ["SO", "CO"]),
    "MISTRAL_M10K": (["CLK1", "A1ADDR", "A1DATA", "A1EN", "B1ADDR", "B1EN"], ["B1DATA"]),
    "MISTRAL_MLAB": (["A1ADDR", "A1DATA", "A1EN", "CLK1", "B1ADDR"], ["B1DATA"]),
    "MISTRAL_NOT": (["A"], ["Q"]),
    "MISTRAL_MUL18X18": (["A", "B"], ["Y"]),
} | {f"MISTRAL_ALUT{n}": (list("ABCDEF"[:n]), ["Q"]) for n in range(2, 7)}


class Builder:
    """Writes what Yosys' write_json would: nets are names, numbered as they come."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.cells: dict[str, Any] = {}
        self.ports: dict[str, Any] = {}

    def bits(self, nets: str | list[str]) -> list[int | str]:
        """Numbers of the nets; "0" and "1" are constants."""
        names = [nets] if isinstance(nets, str) else nets
        return [n if n in ("0", "1") else self.numbers.setdefault(n, len(self.numbers) + 2) for n in names]

    def cell(self, kind: str, name: str, **pins: str | list[str]) -> None:
        inputs, _ = PINS.get(kind, ([], []))
        self.cells[name] = {
            "type": kind,
            "connections": {pin: self.bits(nets) for pin, nets in pins.items()},
            "port_directions": {pin: "input" if pin in inputs else "output" for pin in pins},
        }

    def port(self, direction: str, name: str) -> None:
        self.ports[name] = {"direction": direction, "bits": self.bits(name)}

    def build(self, nets: dict[str, list[str]] | None = None) -> netlist.Netlist:
        return netlist.parse(self.document(nets))

    def document(self, nets: dict[str, list[str]] | None = None) -> dict[str, Any]:
        names: dict[str, Any] = {name: {"bits": [number]} for name, number in self.numbers.items()}
        names |= {name: {"bits": self.bits(bits)} for name, bits in (nets or {}).items()}
        module = {"attributes": {"top": "1"}, "ports": self.ports, "cells": self.cells, "netnames": names}
        library = {"attributes": {"blackbox": "1"}, "ports": {}, "cells": {}, "netnames": {}}
        return {"modules": {"top": module, "MISTRAL_FF": library}}


def register(b: Builder, d: str, q: str, **more: str) -> None:
    b.cell("MISTRAL_FF", q + "_ff", DATAIN=d, CLK="clk", Q=q, **more)


def test_alms_are_one_for_a_six_input_alut_and_half_for_any_other() -> None:
    b = Builder()
    b.cell("MISTRAL_ALUT6", "six", A="a", B="b", C="c", D="d", E="e", F="f", Q="q6")
    b.cell("MISTRAL_ALUT6", "six2", A="a", B="b", C="c", D="d", E="e", F="q6", Q="q62")
    for n in range(2, 6):
        b.cell(f"MISTRAL_ALUT{n}", f"lut{n}", Q=f"q{n}", **dict(zip("ABCDE"[:n], "abcde", strict=False)))
    b.cell("MISTRAL_NOT", "not", A="a", Q="qn")
    for i in range(4):
        b.cell("MISTRAL_ALUT_ARITH", f"sum{i}", A="a", B="b", CI="0", SO=f"s{i}")
    register(b, "q6", "r")
    resources = netlist.count(b.build())
    assert resources.aluts == {"1": 1, "2": 1, "3": 1, "4": 1, "5": 1, "6": 2, "arith": 4}
    assert resources.alms == 7  # 2 + (5 + 4) / 2 = 6.5
    assert (resources.ffs, resources.m10k, resources.dsps, resources.mlabs) == (1, 0, 0, 0)


def test_alms_are_never_less_than_their_flip_flops_need() -> None:
    b = Builder()
    for i in range(9):
        register(b, "d", f"q{i}")
    assert netlist.count(b.build()).alms == 5  # two an ALM


def test_what_only_takes_the_data_of_a_block_ram_is_its_output_register() -> None:
    b = Builder()
    b.cell("MISTRAL_M10K", "block", CLK1="clk", A1ADDR="a", A1DATA="d", A1EN="e", B1ADDR="r", B1EN="1", B1DATA="read")
    register(b, "read", "row")
    resources = netlist.count(b.build())
    assert (resources.m10k, resources.ffs, resources.alms) == (1, 0, 0)
    b.cell("MISTRAL_NOT", "other", A="read", Q="unregistered")
    assert netlist.count(b.build()).ffs == 1


@pytest.mark.parametrize(("cells", "ports", "blocks"), [(20, 1, 1), (21, 1, 2), (20, 2, 2), (1, 1, 1)])
def test_mlab_cells_share_a_block_of_twenty_only_with_the_same_address(cells: int, ports: int, blocks: int) -> None:
    b = Builder()
    for i in range(cells):
        b.cell(
            "MISTRAL_MLAB",
            f"m{i}",
            A1ADDR="w",
            A1DATA="d",
            A1EN="e",
            CLK1="clk",
            B1ADDR=f"r{i % ports}",
            B1DATA=f"q{i}",
        )
    resources = netlist.count(b.build())
    assert (resources.mlabs, resources.alms) == (blocks, 10 * blocks)


def test_two_18_bit_multipliers_share_a_dsp_block() -> None:
    b = Builder()
    for i in range(3):
        b.cell("MISTRAL_MUL18X18", f"m{i}", A="a", B="b", Y=f"y{i}")
    assert netlist.count(b.build()).dsps == 2


def test_levels_count_aluts_from_register_to_register() -> None:
    b = Builder()
    register(b, "in", "start")
    b.cell("MISTRAL_ALUT2", "l1", A="start", B="other", Q="one")
    b.cell("MISTRAL_ALUT2", "l2", A="one", B="other", Q="two")
    b.cell("MISTRAL_ALUT2", "l3", A="two", B="start", Q="three")
    register(b, "three", "end")
    register(b, "end", "next")  # a register ends the path: what follows it is another one
    b.port("input", "in")
    path = netlist.longest_path(b.build())
    assert (path.levels, path.carry_hops) == (3, 0)
    assert path.names == ["start", "one", "two", "three", "end"]


def test_a_path_also_runs_from_port_to_port_and_through_every_control_pin() -> None:
    b = Builder()
    b.port("input", "a")
    b.port("output", "y")
    b.cell("MISTRAL_NOT", "n1", A="a", Q="y")
    assert netlist.longest_path(b.build()).names == ["a", "y", "y"]
    b.cell("MISTRAL_NOT", "n2", A="y", Q="enable")
    register(b, "a", "q", ENA="enable")
    path = netlist.longest_path(b.build())
    assert (path.levels, path.names[-1]) == (2, "q")


def test_a_carry_chain_is_one_level_and_its_length_is_counted_apart() -> None:
    b = Builder()
    register(b, "in", "a")
    b.cell("MISTRAL_ALUT2", "before", A="a", B="in", Q="x")
    for i in range(5):
        b.cell(
            "MISTRAL_ALUT_ARITH",
            f"s{i}",
            A="x" if i == 0 else "in",
            CI="0" if i == 0 else f"c{i}",
            SO=f"sum{i}",
            CO=f"c{i + 1}",
        )
    b.cell("MISTRAL_ALUT2", "after", A="sum4", B="in", Q="y")
    register(b, "y", "q")
    path = netlist.longest_path(b.build())
    # before, the chain (in at cell 0, out at the sum of cell 4: four CI on the way), after
    assert (path.levels, path.carry_hops) == (3, 4)
    assert path.names == ["a", "x", "sum4", "y", "q"]


def test_levels_weigh_more_than_carry_hops() -> None:
    b = Builder()
    register(b, "in", "a")
    for i in range(30):
        b.cell("MISTRAL_ALUT_ARITH", f"s{i}", A="a", CI="0" if i == 0 else f"c{i}", SO=f"sum{i}", CO=f"c{i + 1}")
    register(b, "sum29", "q")
    b.cell("MISTRAL_NOT", "n1", A="a", Q="x")
    b.cell("MISTRAL_NOT", "n2", A="x", Q="y")
    register(b, "y", "r")
    path = netlist.longest_path(b.build())
    assert (path.levels, path.carry_hops, path.names[-1]) == (2, 0, "r")


def test_block_ram_is_clocked_and_lut_ram_is_read_like_an_alut() -> None:
    b = Builder()
    b.port("input", "a")
    b.cell("MISTRAL_NOT", "n1", A="a", Q="address")
    b.cell(
        "MISTRAL_M10K",
        "ram",
        CLK1="clk",
        A1ADDR=["w"],
        A1DATA=["d"],
        A1EN="e",
        B1ADDR=["address"],
        B1EN="1",
        B1DATA=["q"],
    )
    b.cell("MISTRAL_NOT", "n2", A="q", Q="y")
    register(b, "y", "r")
    path = netlist.longest_path(b.build())
    assert path.levels == 1  # to the RAM, and from it: one each
    b.cell("MISTRAL_MLAB", "lut_ram", A1ADDR="w", A1DATA="d", A1EN="e", CLK1="clk", B1ADDR="y", B1DATA="z")
    register(b, "z", "s")
    path = netlist.longest_path(b.build())
    assert (path.levels, path.names) == (2, ["q", "y", "z", "s"])


def test_constants_start_no_path() -> None:
    b = Builder()
    b.cell("MISTRAL_ALUT_ARITH", "start", A="1", CI="0", CO="c")
    b.cell("MISTRAL_ALUT_ARITH", "sum", A="a", CI="c", SO="s")
    register(b, "s", "q")
    register(b, "q", "a")
    path = netlist.longest_path(b.build())
    assert (path.levels, path.carry_hops, path.names) == (1, 0, ["a", "s", "q"])


def test_a_combinational_loop_is_refused_and_named() -> None:
    b = Builder()
    b.cell("MISTRAL_ALUT2", "l1", A="a", B="round", Q="there")
    b.cell("MISTRAL_ALUT2", "l2", A="a", B="there", Q="round")
    b.cell("MISTRAL_ALUT2", "l3", A="a", B="round", Q="behind")  # not on the loop
    with pytest.raises(UserError, match=r"combinational loop through (there, round|round, there);"):
        netlist.longest_path(b.build())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 200), st.integers(0, 200)), min_size=1, max_size=40))
def test_the_longest_path_equals_an_exhaustive_search(gates: list[tuple[bool, int, int]]) -> None:
    """Random circuits of ALUTs and arithmetic cells, held against plain recursion over all inputs."""
    b = Builder()
    b.port("input", "n0")
    feeds: dict[str, list[tuple[str, tuple[int, int]]]] = {"n0": []}
    carries: dict[str, str] = {}
    for i, (arith, x, y) in enumerate(gates, start=1):
        a, c = f"n{x % i}", f"n{y % i}"
        if arith and c in carries:
            b.cell("MISTRAL_ALUT_ARITH", f"g{i}", A=a, CI=carries[c], SO=f"n{i}", CO=f"c{i}")
            feeds[f"n{i}"] = [(a, (1, 0)), (c, (0, 1))]
            carries[f"n{i}"] = f"c{i}"
        elif arith:
            b.cell("MISTRAL_ALUT_ARITH", f"g{i}", A=a, B=c, CI="0", SO=f"n{i}", CO=f"c{i}")
            feeds[f"n{i}"] = [(a, (1, 0)), (c, (1, 0))]
            carries[f"n{i}"] = f"c{i}"
        else:
            b.cell("MISTRAL_ALUT2", f"g{i}", A=a, B=c, Q=f"n{i}")
            feeds[f"n{i}"] = [(a, (1, 0)), (c, (1, 0))]
        register(b, f"n{i}", f"q{i}")

    longest: dict[str, tuple[int, int]] = {}
    for net, sources in feeds.items():  # in order of creation: sources first
        ways = [(longest[s][0] + step[0], longest[s][1] + step[1]) for s, step in sources]
        longest[net] = max(ways, default=(0, 0))
    path = netlist.longest_path(b.build())
    assert (path.levels, path.carry_hops) == max(longest.values())
    assert len(path.names) == path.levels + 2


def test_connections_of_an_input_register_are_its_wires_to_gates_and_neighbours() -> None:
    """A ring of three bits: each goes to one XNOR and to its neighbour, as in diagonal routing."""
    b = Builder()
    for copy in range(2):
        for i in range(3):
            name = f"layers_0.inputRegister.x_{copy}"
            q, before = f"{name}[{i}]", f"{name}[{(i + 1) % 3}]"
            b.cell("MISTRAL_ALUT3", f"mux{copy}{i}", A="load", B="in", C=before, Q=f"d{copy}{i}")
            register(b, f"d{copy}{i}", q)
            b.cell("MISTRAL_ALUT2", f"xnor{copy}{i}", A=q, B=f"w{i}", Q=f"p{copy}{i}")
    b.cell("MISTRAL_NOT", "odd", A="layers_0.inputRegister.x_1[0]", Q="more")
    ring = {f"layers_0.inputRegister.x_{c}": [f"layers_0.inputRegister.x_{c}[{i}]" for i in range(3)] for c in range(2)}
    assert netlist.input_connections(b.build(ring)) == {0: 7}  # copy 0 has 3 + 3, copy 1 one more


def test_connections_see_only_registers_with_the_name_of_an_input_register() -> None:
    b = Builder()
    register(b, "in", "elsewhere.x_0")
    b.cell("MISTRAL_NOT", "n", A="elsewhere.x_0", Q="y")
    b.cell("MISTRAL_NOT", "m", A="layers_1.inputRegister.x_0", Q="z")  # a wire of the name, driven by no register
    assert netlist.input_connections(b.build()) == {}


def test_a_net_without_a_name_is_called_by_the_next_on_its_way() -> None:
    b = Builder()
    register(b, "in", "start")
    b.cell("MISTRAL_NOT", "n1", A="start", Q="hidden")
    b.cell("MISTRAL_NOT", "n2", A="hidden", Q="made_up")
    b.cell("MISTRAL_NOT", "n3", A="made_up", Q="y")
    register(b, "y", "end")
    document = b.document({"outside.end": ["end"]})
    for name in ("hidden", "made_up"):
        document["modules"]["top"]["netnames"][name]["hide_name"] = 1
    assert netlist.longest_path(netlist.parse(document)).names == ["start", "y~", "y~", "y", "end"]


@pytest.mark.parametrize("kind", ["MISTRAL_UNKNOWN", "$_DLATCH_P_", "sub_module"])
def test_an_unknown_cell_is_refused(kind: str) -> None:
    b = Builder()
    b.cell(kind, "odd", A="a")
    with pytest.raises(UserError, match="cell odd is a"):
        b.build()


def test_two_drivers_are_refused() -> None:
    b = Builder()
    b.cell("MISTRAL_NOT", "n1", A="a", Q="y")
    b.cell("MISTRAL_NOT", "n2", A="b", Q="y")
    with pytest.raises(UserError, match=r"two drivers of one net: n1\.Q and n2\.Q"):
        netlist.longest_path(b.build())


def test_a_netlist_with_hierarchy_is_refused() -> None:
    module: dict[str, Any] = {"attributes": {}, "ports": {}, "cells": {}, "netnames": {}}
    with pytest.raises(UserError, match="one flattened module"):
        netlist.parse({"modules": {"a": module, "b": module}})
