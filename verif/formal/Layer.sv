// SPDX-License-Identifier: Apache-2.0
// Three layers alone, of all kinds of input buffer, their processing elements and memories cut off. Whatever comes in,
// and however long the results wait: a result never meets a full buffer (the layer's own assertion), every batch that
// was taken gives its beats, no more and no fewer.

module LayerProof (
  input clk, again,
  input [2:0] in_valid, out_ready
);
  wire reset;
  wire [2:0] in_ready, out_valid, ok;
  Reset start (.clk(clk), .again(again), .reset(reset));
  Layer ring (
    .clk(clk), .reset(reset),
    .io_input_valid(in_valid[0]), .io_input_ready(in_ready[0]),
    .io_output_valid(out_valid[0]), .io_output_ready(out_ready[0])
  );
  Layer_1 stationary (
    .clk(clk), .reset(reset),
    .io_input_valid(in_valid[1]), .io_input_ready(in_ready[1]),
    .io_output_valid(out_valid[1]), .io_output_ready(out_ready[1])
  );
  Layer_2 pass_through (
    .clk(clk), .reset(reset),
    .io_input_valid(in_valid[2]), .io_input_ready(in_ready[2]),
    .io_output_valid(out_valid[2]), .io_output_ready(out_ready[2])
  );
  Owed #(.IN(1), .OUT(2), .BOUND(5), .WAIT(4)) ring_owes (
    clk, reset, in_valid[0] && in_ready[0], out_valid[0], out_ready[0], ok[0]);
  Owed #(.IN(2), .OUT(1), .BOUND(7), .WAIT(5)) stationary_owes (
    clk, reset, in_valid[1] && in_ready[1], out_valid[1], out_ready[1], ok[1]);
  Owed #(.IN(1), .OUT(1), .BOUND(4), .WAIT(5)) pass_through_owes (
    clk, reset, in_valid[2] && in_ready[2], out_valid[2], out_ready[2], ok[2]);

  always @(*) begin
    assert (ok[0]);
    assert (ok[1]);
    assert (ok[2]);
  end
endmodule

// Counts the beats that are owed: OUT for each batch of IN beats taken, at most BOUND at a time. One that is owed is
// there after WAIT cycles at the latest: a lost one would be owed for ever.
module Owed #(parameter IN = 1, OUT = 1, BOUND = 0, WAIT = 0) (
  input clk, reset, take, out_valid, out_ready, output ok
);
  reg part = 0;
  reg [3:0] owed = 0, waited = 0;
  wire whole = take && (IN == 1 || part);
  always @(posedge clk) begin
    if (take) part <= IN == 2 && !part;
    owed <= owed + (whole ? OUT : 0) - (out_valid && out_ready);
    waited <= owed == 0 || out_valid ? 0 : waited + 1;
    if (reset) {owed, part, waited} <= 0;
  end
  assign ok = reset || ((!out_valid || owed != 0) && owed <= BOUND && waited <= WAIT);
endmodule
