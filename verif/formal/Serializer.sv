// SPDX-License-Identifier: Apache-2.0
// Serializer: a wide vector becomes N narrow beats, lowest element first; none lost, none twice, none changed.

module SerializerProof (
  input clk, again,
  input in_valid, out_ready,
  input [1:0] in_lanes, input [3:0] in_0, in_1
);
  wire reset, in_ready, out_valid, in_ok, out_ok;
  wire [1:0] out_lanes, out_0, out_1;
  Reset start (.clk(clk), .again(again), .reset(reset));
  Serializer unit (
    .clk(clk), .reset(reset),
    .io_input_valid(in_valid), .io_input_ready(in_ready), .io_input_payload_lanes(in_lanes),
    .io_input_payload_data_0(in_0), .io_input_payload_data_1(in_1),
    .io_output_valid(out_valid), .io_output_ready(out_ready), .io_output_payload_lanes(out_lanes),
    .io_output_payload_data_0(out_0), .io_output_payload_data_1(out_1)
  );
  Holds #(10) given (clk, reset, in_valid, in_ready, {in_lanes, in_0, in_1}, in_ok);
  Holds #(6) shown (clk, reset, out_valid, out_ready, {out_lanes, out_0, out_1}, out_ok);

  reg whole = 0, second = 0;
  reg [3:0] vector_0, vector_1;
  reg [1:0] lanes;
  always @(posedge clk) begin
    if (out_valid && out_ready) begin
      second <= !second;
      if (second) whole <= 0;
    end
    if (in_valid && in_ready) begin
      whole <= 1;
      lanes <= in_lanes;
      vector_0 <= in_0;
      vector_1 <= in_1;
    end
    if (reset) {whole, second} <= 0;
  end
  wire [3:0] expected = second ? {vector_1[3:2], vector_0[3:2]} : {vector_1[1:0], vector_0[1:0]};

  always @(*) begin
    assume (in_ok);
    assert (out_ok);
    if (!reset) begin
      assert (out_valid == whole);
      if (out_valid) assert ({out_lanes, out_1, out_0} == {lanes, expected});
      assert (in_ready == (!whole || (second && out_ready)));
    end
  end
endmodule
