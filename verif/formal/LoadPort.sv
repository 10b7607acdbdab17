// SPDX-License-Identifier: Apache-2.0
// LoadPort: each word that is taken is written once, unchanged, in the next cycle, to its place, and in order: memory by
// memory, row by row. The first waits until no image is inside, and images wait until the last is written. Nothing else
// is ever written, not even before the first reset: then the registers hold anything, the memories their initial content.

module LoadPortProof (
  input clk, reset,
  input valid, idle,
  input [39:0] word
);
  wire ready, hold, word_ok;
  wire [4:0] enable, token;
  wire [39:0] data_0, data_1, data_2, data_3, data_4;
  wire [1:0] address_0;
  wire address_1, address_2, address_3, address_4;
  LoadPort unit (
    .clk(clk), .reset(reset), .io_idle(idle), .io_hold(hold),
    .io_words_valid(valid), .io_words_ready(ready), .io_words_payload(word),
    .io_buses_0_enable(enable[0]), .io_buses_0_token(token[0]), .io_buses_0_data(data_0), .io_buses_0_address(address_0),
    .io_buses_1_enable(enable[1]), .io_buses_1_token(token[1]), .io_buses_1_data(data_1), .io_buses_1_address(address_1),
    .io_buses_2_enable(enable[2]), .io_buses_2_token(token[2]), .io_buses_2_data(data_2), .io_buses_2_address(address_2),
    .io_buses_3_enable(enable[3]), .io_buses_3_token(token[3]), .io_buses_3_data(data_3), .io_buses_3_address(address_3),
    .io_buses_4_enable(enable[4]), .io_buses_4_token(token[4]), .io_buses_4_data(data_4), .io_buses_4_address(address_4)
  );
  Holds #(40) given (clk, reset, valid, ready, word, word_ok);

  // The memory and row of the next write; rows are 4, 2, 1, 1, 2
  reg [4:0] memory = 1; // one-hot
  reg [1:0] row = 0;
  wire last_row = row == (memory[0] ? 3 : memory[1] || memory[4] ? 1 : 0);
  reg pending = 0; // a word was taken in the cycle before
  reg awake = 0; // after a reset
  reg [39:0] taken;
  wire begun = !memory[0] || row != 0;
  always @(posedge clk) begin
    pending <= valid && ready;
    taken <= word;
    if (pending) begin
      row <= last_row ? 0 : row + 1;
      if (last_row) memory <= {memory[3:0], memory[4]};
    end
    if (reset) {memory, row, pending, awake} <= {5'd1, 2'd0, 1'b0, 1'b1};
  end

  always @(*) begin
    assume (word_ok);
    if (pending || begun) assume (idle); // images are held off
    assert (enable == (pending && awake && !reset ? memory : 0));
    if (awake && !reset) begin
      assert (ready == (idle || begun));
      assert (hold == (valid || pending || begun));
      if (enable[0]) assert (token[0] && data_0 == taken && address_0 == row);
      if (enable[1]) assert (token[1] && data_1 == taken && address_1 == row);
      if (enable[2]) assert (token[2] && data_2 == taken && address_2 == row);
      if (enable[3]) assert (token[3] && data_3 == taken && address_3 == row);
      if (enable[4]) assert (token[4] && data_4 == taken && address_4 == row);
    end
  end
endmodule
