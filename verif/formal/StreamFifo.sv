// SPDX-License-Identifier: Apache-2.0
// StreamFifo of three places, as behind a layer: whichever beat is followed comes out in its turn, once and unchanged.
// `follow` chooses the beat, so that what holds for it holds for all.

module StreamFifoProof (
  input clk, again, follow,
  input in_valid, out_ready,
  input [1:0] in_lanes, in_0, in_1
);
  localparam PLACES = 3;
  wire reset, in_ready, out_valid, in_ok, out_ok;
  wire [1:0] out_lanes, out_0, out_1;
  Reset start (.clk(clk), .again(again), .reset(reset));
  StreamFifo unit (
    .clk(clk), .reset(reset), .io_flush(1'b0),
    .io_push_valid(in_valid), .io_push_ready(in_ready), .io_push_payload_lanes(in_lanes),
    .io_push_payload_data_0(in_0), .io_push_payload_data_1(in_1),
    .io_pop_valid(out_valid), .io_pop_ready(out_ready), .io_pop_payload_lanes(out_lanes),
    .io_pop_payload_data_0(out_0), .io_pop_payload_data_1(out_1)
  );
  Holds #(6) given (clk, reset, in_valid, in_ready, {in_lanes, in_0, in_1}, in_ok);
  Holds #(6) shown (clk, reset, out_valid, out_ready, {out_lanes, out_0, out_1}, out_ok);

  reg [7:0] inside = 0, ahead; // beats inside; those in front of the one that is followed
  reg following = 0;
  reg [5:0] beat;
  wire push = in_valid && in_ready, pop = out_valid && out_ready;
  always @(posedge clk) begin
    inside <= inside + push - pop;
    if (following && pop) begin
      if (ahead == 0) following <= 0;
      ahead <= ahead - 1;
    end
    if (push && follow && !following) begin
      following <= 1;
      ahead <= inside - pop;
      beat <= {in_lanes, in_1, in_0};
    end
    if (reset) {inside, following} <= 0;
  end

  always @(*) begin
    assume (in_ok);
    assert (out_ok);
    if (!reset) begin
      assert (inside <= PLACES);
      assert (out_valid == (inside != 0));
      assert (in_ready == (inside != PLACES));
      if (following) assert (ahead < inside);
      if (following && out_valid && ahead == 0) assert ({out_lanes, out_1, out_0} == beat);
    end
  end
endmodule
