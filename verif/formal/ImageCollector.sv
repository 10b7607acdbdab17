// SPDX-License-Identifier: Apache-2.0
// ImageCollector: words of images become groups of two; `last` and `hold` send an incomplete one on. Every word that
// was taken is in the group in its place, and every group leaves once. What an unused lane holds is nobody's business.

module ImageCollectorProof (
  input clk, again,
  input in_valid, out_ready, hold,
  input in_last, input [1:0] in_word
);
  wire reset, in_ready, out_valid, starts, in_ok, out_ok;
  wire [1:0] out_lanes;
  wire [3:0] out_0, out_1;
  Reset start (.clk(clk), .again(again), .reset(reset));
  ImageCollector unit (
    .clk(clk), .reset(reset), .io_hold(hold), .io_imageStarts(starts),
    .io_input_valid(in_valid), .io_input_ready(in_ready), .io_input_payload_last(in_last),
    .io_input_payload_fragment(in_word),
    .io_output_valid(out_valid), .io_output_ready(out_ready), .io_output_payload_lanes(out_lanes),
    .io_output_payload_data_0(out_0), .io_output_payload_data_1(out_1)
  );
  Holds #(3) given (clk, reset, in_valid, in_ready, {in_last, in_word}, in_ok);
  wire [3:0] lane_0 = out_lanes[0] ? out_0 : 0, lane_1 = out_lanes[1] ? out_1 : 0;
  Holds #(10) shown (clk, reset, out_valid, out_ready, {out_lanes, lane_0, lane_1}, out_ok);

  reg second_word = 0, leaving = 0; // of the image; the group is complete
  reg [1:0] images = 0; // whole ones in the group
  reg [3:0] image_0, image_1;
  wire take = in_valid && in_ready, gone = out_valid && out_ready;
  wire [1:0] before = gone ? 0 : images;
  always @(posedge clk) begin
    if (gone) begin
      images <= 0;
      leaving <= 0;
    end
    if (hold && !second_word && !leaving && images != 0) leaving <= 1;
    if (take) begin
      second_word <= !second_word;
      if (before == 0) image_0 <= {in_word, image_0[3:2]};
      else image_1 <= {in_word, image_1[3:2]};
      if (second_word) begin
        images <= before + 1;
        if (in_last || before == 1) leaving <= 1;
      end
    end
    if (reset) {second_word, leaving, images} <= 0;
  end

  always @(*) begin
    assume (in_ok);
    assert (out_ok);
    if (!reset) begin
      assert (out_valid == leaving);
      if (out_valid) begin
        assert (images != 0 && out_lanes == (images == 2 ? 2'b11 : 2'b01));
        assert (out_0 == image_0);
        if (images == 2) assert (out_1 == image_1);
      end
      assert (starts == (take && !second_word));
      assert (in_ready == ((!leaving || out_ready) && !(hold && !second_word)));
    end
  end
endmodule
