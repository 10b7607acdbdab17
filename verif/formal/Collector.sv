// SPDX-License-Identifier: Apache-2.0
// Collector: N narrow beats become one wide vector, lowest element first; none lost, none twice, none changed.
// The model sees the handshakes alone: a vector is there from the beat that completes it until it is taken.

module CollectorProof (
  input clk, again,
  input in_valid, out_ready,
  input [1:0] in_lanes, in_0, in_1
);
  wire reset, in_ready, out_valid, in_ok, out_ok;
  wire [1:0] out_lanes;
  wire [3:0] out_0, out_1;
  Reset start (.clk(clk), .again(again), .reset(reset));
  Collector unit (
    .clk(clk), .reset(reset),
    .io_input_valid(in_valid), .io_input_ready(in_ready), .io_input_payload_lanes(in_lanes),
    .io_input_payload_data_0(in_0), .io_input_payload_data_1(in_1),
    .io_output_valid(out_valid), .io_output_ready(out_ready), .io_output_payload_lanes(out_lanes),
    .io_output_payload_data_0(out_0), .io_output_payload_data_1(out_1)
  );
  Holds #(6) given (clk, reset, in_valid, in_ready, {in_lanes, in_0, in_1}, in_ok);
  Holds #(10) shown (clk, reset, out_valid, out_ready, {out_lanes, out_0, out_1}, out_ok);

  reg half = 0, whole = 0;
  reg [3:0] first, vector_0, vector_1;
  reg [1:0] lanes;
  always @(posedge clk) begin
    if (out_valid && out_ready) whole <= 0;
    if (in_valid && in_ready) begin
      half <= !half;
      if (!half) first <= {in_1, in_0};
      else begin
        whole <= 1;
        lanes <= in_lanes;
        vector_0 <= {in_0, first[1:0]};
        vector_1 <= {in_1, first[3:2]};
      end
    end
    if (reset) {half, whole} <= 0;
  end

  always @(*) begin
    assume (in_ok);
    assert (out_ok);
    if (!reset) begin
      assert (out_valid == whole);
      if (out_valid) assert ({out_lanes, out_1, out_0} == {lanes, vector_1, vector_0});
      if (!whole || out_ready) assert (in_ready);
    end
  end
endmodule
