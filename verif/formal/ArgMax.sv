// SPDX-License-Identifier: Apache-2.0
// ArgMax: three scores of two lanes become a result for every lane that holds an image, in order; each has the scores
// as they came, and the label of the largest, the lowest at a tie. Lanes fill from the lowest up.

module ArgMaxProof (
  input clk, again,
  input in_valid, out_ready,
  input [1:0] in_lanes, input [2:0] in_0, in_1
);
  wire reset, in_ready, out_valid, in_ok, out_ok;
  wire [1:0] label;
  wire [8:0] scores;
  Reset start (.clk(clk), .again(again), .reset(reset));
  ArgMax unit (
    .clk(clk), .reset(reset),
    .io_input_valid(in_valid), .io_input_ready(in_ready), .io_input_payload_lanes(in_lanes),
    .io_input_payload_data_0(in_0), .io_input_payload_data_1(in_1),
    .io_output_valid(out_valid), .io_output_ready(out_ready),
    .io_output_payload_label(label), .io_output_payload_scores(scores)
  );
  Holds #(8) given (clk, reset, in_valid, in_ready, {in_lanes, in_0, in_1}, in_ok);
  Holds #(11) shown (clk, reset, out_valid, out_ready, {label, scores}, out_ok);

  reg [1:0] count = 0, left = 0; // scores that have come; results that have not left
  reg [8:0] scores_0, scores_1;
  always @(posedge clk) begin
    if (out_valid && out_ready) begin
      left <= left - 1;
      scores_0 <= scores_1;
    end
    if (in_valid && in_ready) begin
      count <= count == 2 ? 0 : count + 1;
      scores_0 <= {in_0, scores_0[8:3]};
      scores_1 <= {in_1, scores_1[8:3]};
      if (count == 2) left <= in_lanes == 2'b11 ? 2 : 1;
    end
    if (reset) {count, left} <= 0;
  end
  wire [2:0] a = scores_0[2:0], b = scores_0[5:3], c = scores_0[8:6];

  always @(*) begin
    assume (in_ok);
    assume (in_lanes == 2'b01 || in_lanes == 2'b11);
    assert (out_ok);
    if (!reset) begin
      assert (out_valid == (left != 0));
      if (out_valid) assert (scores == scores_0);
      if (out_valid) assert (label == (a >= b && a >= c ? 0 : b >= c ? 1 : 2));
      assert (in_ready == (left == 0));
    end
  end
endmodule
