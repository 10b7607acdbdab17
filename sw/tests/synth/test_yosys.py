# SPDX-License-Identifier: Apache-2.0
"""Yosys on small Verilog whose mapping can be told by hand. A run takes about a second, most of it Yosys' start."""

from pathlib import Path

import pytest

from xnorfpga.base.errors import UserError
from xnorfpga.synth import netlist, yosys

VERILOG = Path(__file__).parent / "fixtures" / "blocks.v"


# Two units that are mapped by themselves, and a parity of three bits that lies across their border
BORDER = """\
module XnorPopcountPair(input a, b, output y); assign y = a ^ b; endmodule
module Top(input a, b, c, output y);
  wire p;
  XnorPopcountPair first(a, b, p);
  XnorPopcountPair second(p, c, y);
endmodule
"""


def mapped(top: str, work: Path) -> netlist.Netlist:
    return yosys.synthesize([VERILOG], top, work).flattened


def test_flattened_logic_is_mapped_across_module_borders(tmp_path: Path) -> None:
    source = tmp_path / "top.v"
    source.write_text(BORDER)
    both = yosys.synthesize([source], "Top", tmp_path / "synth")
    assert netlist.count(both.borders_kept).aluts["2"] == 2 and netlist.longest_path(both.borders_kept).levels == 2
    aluts = netlist.count(both.flattened).aluts
    assert (aluts["2"], aluts["3"]) == (0, 1) and netlist.longest_path(both.flattened).levels == 1


def test_the_mapping_of_more_alms_is_judged_whichever_it_is(tmp_path: Path) -> None:
    small, large = mapped("Adder", tmp_path / "small"), mapped("Logic", tmp_path / "large")
    assert netlist.count(small).alms < netlist.count(large).alms
    assert yosys.Mapped(borders_kept=small, flattened=large).larger is large
    assert yosys.Mapped(borders_kept=large, flattened=small).larger is large


def test_registers_carry_chains_and_two_levels_of_aluts(tmp_path: Path) -> None:
    design = mapped("Logic", tmp_path)
    resources = netlist.count(design)
    # adder: 8 + 8 + 9 registers, 9 arithmetic cells; parity: 9 + 1 registers, two ALUTs
    assert resources.ffs == 25 + 10
    assert resources.aluts["arith"] == 9
    assert sum(resources.aluts.values()) == 9 + 2
    assert (resources.m10k, resources.mlabs, resources.dsps) == (0, 0, 0)
    assert resources.alms == 18  # 35 flip-flops need more than 9 / 2 + at most 2
    path = netlist.longest_path(design)
    assert (path.levels, path.carry_hops) == (2, 0)  # nine inputs do not go into one ALUT
    assert path.names[0].startswith("parity.x_0[") and path.names[-1] == "y"


def test_a_sum_is_one_level_with_a_carry_hop_for_every_further_bit(tmp_path: Path) -> None:
    path = netlist.longest_path(mapped("Adder", tmp_path))
    assert (path.levels, path.carry_hops) == (1, 8)  # in at bit 0, out at bit 8
    assert path.names[0] in ("ra[0]", "rb[0]") and path.names[-1] == "s[8]"


def test_popcount_of_256_products(tmp_path: Path) -> None:
    """Three products go into two ALUTs of up to six inputs, then a registered tree of binary adders follows."""
    design = mapped("Popcount256", tmp_path)
    resources = netlist.count(design)
    # 86 leaves (85 of three products, one of one); 43, 22, 11, 6, 3, 2, 1 numbers after the levels of the tree, where
    # an odd number left over is only delayed. A number is as wide as its greatest value needs.
    greatest = [3] * 85 + [1]
    ffs, arith = 256 * 2 + sum(value.bit_length() for value in greatest), 0
    while len(greatest) > 1:
        pairs = [greatest[i : i + 2] for i in range(0, len(greatest), 2)]
        arith += sum(sum(pair).bit_length() for pair in pairs if len(pair) == 2)
        greatest = [sum(pair) for pair in pairs]
        ffs += sum(value.bit_length() for value in greatest)
    assert greatest == [256]
    assert resources.ffs == ffs
    assert resources.aluts["arith"] == arith == 336
    leaves = sum(resources.aluts.values()) - arith
    assert 85 * 2 + 1 <= leaves <= 85 * 3 + 1  # two outputs a leaf, of six inputs or of five with a shared product
    assert resources.alms == ffs // 2  # a register behind every step: the flip-flops decide
    assert netlist.longest_path(design).levels <= 2


@pytest.mark.parametrize(
    ("width", "depth", "blocks", "inverters"),
    [(40, 256, 1, 0), (41, 256, 2, 0), (40, 512, 2, 1), (10, 1024, 1, 1), (40, 2, 1, 0)],
)
def test_block_ram(width: int, depth: int, blocks: int, inverters: int, tmp_path: Path) -> None:
    """Blocks of 256 × 40, 512 × 20, 1024 × 10; of all but the first Yosys inverts the write enable, once a memory.

    A shallow memory that asks for a block gets one too.
    """
    address, data = f"[{depth.bit_length() - 2}:0]", f"[{width - 1}:0]"
    source = tmp_path / "top.v"
    source.write_text(
        f"module Top(input clk, we, input {address} wa, ra, input {data} d, output {data} q);\n"
        f"  Ram #(.WIDTH({width}), .DEPTH({depth})) ram(clk, we, wa, ra, d, q);\nendmodule\n"
    )
    resources = netlist.count(yosys.synthesize([VERILOG, source], "Top", tmp_path / "synth").flattened)
    assert (resources.m10k, resources.ffs, resources.aluts["1"]) == (blocks, 0, inverters)
    assert sum(resources.aluts.values()) == inverters


def test_lut_ram_test_ports_and_input_registers(tmp_path: Path) -> None:
    design = mapped("Layered", tmp_path)
    resources = netlist.count(design)
    assert resources.mlabs == 2  # 32 words of 21 bits; a block has 20
    # Two copies of a ring of 8 bits, and 8 registers behind the XNORs of each; what feeds probes_0 alone is gone
    assert resources.ffs == 2 * 8 + 2 * 8
    assert netlist.input_connections(design) == {3: 16}  # of a copy: 8 to the neighbours, 8 to the XNORs
    assert not [name for name in design.outputs if name.startswith("probes_")]


@pytest.mark.parametrize(
    ("verilog", "complaint"),
    [
        ("module Top(input a, output y); assign y = a +; endmodule", "syntax error"),
        ("module Top(input a, output y); Missing m(a, y); endmodule", "Missing"),
        ("module Other(input a, output y); assign y = a; endmodule", "Top"),
        ("module Top(input e, d, output reg q); always @* if (e) q = d; endmodule", "[Ll]atch"),
        (
            "module Top(input a, output y); wire p = a & q, q = a | p ^ a, r = ~r & a; assign y = q ^ r; endmodule",
            "loop",
        ),
    ],
)
def test_what_yosys_cannot_map_is_one_line_that_says_why(verilog: str, complaint: str, tmp_path: Path) -> None:
    source = tmp_path / "top.v"
    source.write_text(verilog + "\n")
    with pytest.raises(UserError, match=complaint) as error:
        netlist.longest_path(yosys.synthesize([source], "Top", tmp_path / "synth").flattened)
    assert "\n" not in str(error.value)


def test_an_absent_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone\.v: not found"):
        yosys.synthesize([tmp_path / "gone.v"], "Top", tmp_path)
