// SPDX-License-Identifier: Apache-2.0
// The contract of a Stream: a beat that is offered stays, unchanged, until it is taken.

module Holds #(parameter WIDTH = 1) (input clk, input reset, input valid, input ready, input [WIDTH-1:0] payload, output ok);
  reg waiting = 0;
  reg [WIDTH-1:0] offered;
  always @(posedge clk) begin
    waiting <= !reset && valid && !ready;
    offered <= payload;
  end
  assign ok = reset || !waiting || (valid && payload == offered);
endmodule

// A reset in the first cycle and, for proofs from any state that one can leave, whenever the environment likes.
module Reset (input clk, input again, output reset);
  reg started = 0;
  always @(posedge clk) started <= 1;
  assign reset = !started || again;
endmodule
