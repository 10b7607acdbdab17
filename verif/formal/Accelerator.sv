// SPDX-License-Identifier: Apache-2.0
// The whole accelerator: the results keep the contract, and no result is one too many. Memories may hold anything:
// they are cut off, so that what is proven holds for every network.

module AcceleratorProof (
  input clk, again,
  input images_valid, results_ready, load_valid,
  input [1:0] word, input last, input [39:0] load_word
);
  wire reset, images_ready, results_valid, load_ready, images_ok, load_ok, results_ok;
  wire [1:0] label;
  wire [8:0] scores;
  Reset start (.clk(clk), .again(again), .reset(reset));
  Accelerator accelerator (
    .clk(clk), .reset(reset),
    .images_valid(images_valid), .images_ready(images_ready), .images_payload_fragment(word), .images_payload_last(last),
    .load_valid(load_valid), .load_ready(load_ready), .load_payload(load_word),
    .results_valid(results_valid), .results_ready(results_ready),
    .results_payload_label(label), .results_payload_scores(scores)
  );
  Holds #(3) images (clk, reset, images_valid, images_ready, {last, word}, images_ok);
  Holds #(40) load (clk, reset, load_valid, load_ready, load_word, load_ok);
  Holds #(11) results (clk, reset, results_valid, results_ready, {label, scores}, results_ok);

  always @(*) begin
    assume (images_ok && load_ok);
    assert (results_ok);
  end
endmodule
