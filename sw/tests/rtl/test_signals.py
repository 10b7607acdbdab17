# SPDX-License-Identifier: Apache-2.0
"""Registers and logic of generated Verilog, and their changes in a SAIF file, on texts written by hand."""

import pytest

from xnorfpga.base.errors import UserError
from xnorfpga.rtl import signals

VERILOG = """\
// Generator : SpinalHDL
module Accelerator (
  input  wire [1:0]    io_in,
  output wire [1:0]    io_out,
  input  wire          clk
);

  wire       [1:0]    inner_io_q;
  wire                other;
  wire       [3:0]    same;
  reg        [1:0]    kept;
  reg                 chosen;
  wire                _zz_step;
  reg        [7:0]    store [0:15];

  Inner inner (
    .io_d (io_in[1:0]     ), //i
    .io_q (inner_io_q[1:0]), //o
    .clk  (clk            )  //i
  );
  Memory_weights weights (
    .clk       (clk),
    .read_data (other)
  );
  assign same = {kept,inner_io_q};
  assign io_out = kept;
  assign _zz_step = (kept[0] && kept[1]);
  assign other = (kept[0] ^ _zz_step);
  always @(*) begin
    chosen = 1'b0;
    if(other) begin
      chosen = (kept <= 2'b01);
    end
  end
  always @(posedge clk) begin
    if(chosen) begin
      kept <= inner_io_q;
      store[kept] <= 8'h0;
    end
  end
endmodule

module Inner (
  input  wire [1:0]    io_d,
  output reg  [1:0]    io_q,
  input  wire          clk
);

  always @(posedge clk) begin
    io_q[0] <= io_d[0];
  end
endmodule

module Memory_weights (
  input clk,
  output reg read_data
);
  always @(posedge clk) read_data <= 1'b0;
endmodule
"""


def saif(*scopes: str) -> str:
    return "\n".join(
        ["(SAIFILE", "(DURATION 10)", " (INSTANCE TOP", "  (NET", net("io_in", 0, 9), "  )", *scopes, ")", ")"]
    )


def net(name: str, bit: int | None, changes: int) -> str:
    index = "" if bit is None else rf"\[{bit}\]"
    return f"   ({name}{index} (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC {changes}))"


def scope(name: str, *inside: str) -> str:
    return "\n".join([f"  (INSTANCE {name}", *inside, "  )"])


def nets(*lines: str) -> str:
    return "\n".join(["   (NET", *lines, "   )"])


def test_what_a_clock_writes_is_a_register_and_what_is_only_another_name_is_nothing():
    known = signals.modules(VERILOG)
    top = known["Accelerator"]
    assert top.registers == {"kept"}
    assert top.logic == {"chosen"}  # `other` is what the memory drives; _zz_step, a step of an expression
    assert top.instances == {"inner": "Inner", "weights": "Memory_weights"}
    assert (known["Inner"].registers, known["Inner"].logic) == ({"io_q"}, set())
    assert "Memory_weights" not in known  # block RAM


def test_the_changes_of_all_bits_are_summed_by_kind(tmp_path):
    file = tmp_path / "window.saif"
    file.write_text(
        saif(
            scope(
                "Accelerator",
                nets(net("kept", 0, 3), net("kept", 1, 4), net("chosen", None, 5), net("same", 0, 7)),
                scope("inner", nets(net("io_q", 0, 2), net("io_d", 0, 8))),
                scope("weights", nets(net("read_data", None, 6))),
            )
        )
    )
    registers, logic = signals.toggles(file, "Accelerator", signals.modules(VERILOG))
    assert (registers.bits, registers.transitions) == (3, 9)
    assert (logic.bits, logic.transitions) == (1, 5)


def test_another_design_s_file_is_refused(tmp_path):
    file = tmp_path / "window.saif"
    file.write_text(saif(scope("Other", nets(net("kept", 0, 3)))))
    with pytest.raises(UserError, match=r"window\.saif: no register of Accelerator in it"):
        signals.toggles(file, "Accelerator", signals.modules(VERILOG))


def test_all_but_what_is_counted_is_kept_from_being_traced(tmp_path):
    file = tmp_path / "Accelerator.v"
    file.write_text(VERILOG)
    off = signals.unwatched(file, signals.modules(VERILOG)).splitlines()[1:]
    numbers = {int(line.rpartition(" ")[2]) for line in off}
    lines = VERILOG.splitlines()
    declared = {k for k, line in enumerate(lines, 1) if line.lstrip().startswith(("input", "output", "wire", "reg"))}
    watched = {lines[k - 1].split()[-1].rstrip(";,") for k in declared - numbers}
    assert numbers <= declared
    assert watched == {"kept", "chosen", "io_q"}
