// SPDX-License-Identifier: Apache-2.0
// A PLL as the board's top level uses it, for simulators: the module of this name that Quartus brings is its own.
//
// It locks when LOCK cycles in a row of the reference are as long as they should be, to 1 %, and is unlocked by one that is
// not, or where none comes. Locked, its clock follows the reference's own period, in whole ps without drift. Until then it
// stands still, after a wrong cycle only for half of the time: for the other half it runs at half the frequency.
//
// With the macro IN_STEP there is no time, for benches that count cycles alone: a cycle of the reference is one of the clock.
`timescale 1ps / 1ps

module altera_pll #(
  parameter fractional_vco_multiplier = "",
  parameter reference_clock_frequency = "",
  parameter operation_mode = "",
  parameter number_of_clocks = 0,
  parameter output_clock_frequency0 = "",
  parameter phase_shift0 = "",
  parameter duty_cycle0 = 0,
  parameter pll_type = "",
  parameter pll_subtype = ""
) (
  input refclk,
  input rst,
  input fbclk,
  output [number_of_clocks-1:0] outclk,
  output locked
);
  initial
    if (fractional_vco_multiplier != "false" || operation_mode != "direct" || number_of_clocks != 1 ||
        phase_shift0 != "0 ps" || duty_cycle0 != 50)
      $fatal(1, "altera_pll: this model has one clock, by whole counters, without a shift");

`ifdef IN_STEP
  reg [3:0] seen;  // cycles, up to 15
  reg on;
  initial {on, seen} = 0;
  always @(posedge refclk) begin
    seen <= rst ? 0 : &seen ? seen : seen + 1'b1;
    on <= !rst && &seen;
  end
  assign outclk = refclk, locked = on;
`else
  localparam LOCK = 2048;

  // "110.000000 MHz" in Hz
  function integer hertz(input [8*24-1:0] text);
    integer at, decimals;
    reg [7:0] sign;
    begin
      hertz = 0;
      decimals = -1;
      for (at = 23; at >= 0; at = at - 1) begin
        sign = text[8*at+:8];
        if (sign == ".") decimals = 0;
        else if (sign >= "0" && sign <= "9") begin
          hertz = 10 * hertz + {24'b0, sign} - "0";
          if (decimals >= 0) decimals = decimals + 1;
        end
      end
      for (at = decimals < 0 ? 0 : decimals; at < 6; at = at + 1) hertz = 10 * hertz;
    end
  endfunction

  localparam [63:0] REFERENCE = hertz(reference_clock_frequency), OUTPUT = hertz(output_clock_frequency0);
  localparam [63:0] NOMINAL = 64'd1_000_000_000_000 / REFERENCE;  // ps

  reg clock = 0, on = 0;
  reg [63:0] last = 0, period = NOMINAL, half, rest = 0;
  integer good = 0;  // cycles in a row
  reg still = 0;
  assign outclk = clock, locked = on;

  always @(posedge refclk, posedge rst) begin
    period = $time - last;
    last = $time;
    if (rst || 100 * period < 99 * NOMINAL || 100 * period > 101 * NOMINAL) good = 0;
    else if (good < LOCK) good = good + 1;
    on = good == LOCK;
    if (on) still = 0;
  end

  always begin
    #(NOMINAL);
    if ($time - last > 2 * NOMINAL) begin
      good = 0;
      on = 0;
      still = 1;
    end
  end

  always
    if (still || good < LOCK / 2) #(NOMINAL);
    else begin
      rest = rest + period * REFERENCE * (on ? 1 : 2);
      half = rest / (2 * OUTPUT);
      rest = rest % (2 * OUTPUT);
      #(half) if (!still) clock = !clock;
    end
`endif
endmodule
