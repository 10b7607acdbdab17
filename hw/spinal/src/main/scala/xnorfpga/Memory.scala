// SPDX-License-Identifier: Apache-2.0
package xnorfpga

import spinal.core._

/** One block-RAM column, written by the load port and read every cycle.
  *
  * A black box rather than a SpinalHDL `Mem`, because its initial content is a file that a later stage writes: weights
  * are data, never Verilog text. Read data comes one cycle after the address. Yosys leaves the content out: it costs
  * nothing in area, and a newly trained model of the same shape then needs no new synthesis.
  */
case class Ram(width: Int, depth: Int, file: String) extends BlackBox {
  val addressBits = log2Up(depth) max 1
  addGeneric("WIDTH", width)
  addGeneric("DEPTH", depth)
  addGeneric("ADDRESS_BITS", addressBits)
  addGeneric("FILE", file)
  val clk = in Bool ()
  val write_enable = in Bool ()
  val write_address = in UInt (addressBits bits)
  val write_data = in Bits (width bits)
  val read_address = in UInt (addressBits bits)
  val read_data = out Bits (width bits)
  mapCurrentClockDomain(clk)
  setInlineVerilog("""
module Ram #(parameter WIDTH = 1, DEPTH = 1, ADDRESS_BITS = 1, FILE = "") (
  input                         clk,
  input                         write_enable,
  input      [ADDRESS_BITS-1:0] write_address,
  input      [WIDTH-1:0]        write_data,
  input      [ADDRESS_BITS-1:0] read_address,
  output reg [WIDTH-1:0]        read_data
);
  (* ramstyle = "M10K, no_rw_check" *) reg [WIDTH-1:0] words [0:DEPTH-1];
`ifndef YOSYS
  initial $readmemb(FILE, words);
`endif
  always @(posedge clk) begin
    if (write_enable) words[write_address] <= write_data;
    read_data <= words[read_address];
  end
endmodule
""")
}

/** Geometry of a memory of `depth` rows of `width` bits, spread over columns that are each a whole number of blocks. */
case class MemoryShape(name: String, layer: Int, kind: String, width: Int, depth: Int, ram: BlockRam) {
  val bankWidth = ram.width(depth)
  val banks = (width + bankWidth - 1) / bankWidth
  def bankBits(bank: Int): Int = bankWidth min (width - bank * bankWidth)
  def bankName(bank: Int): String = s"${name}_$bank"
}

/** What the load port says to a memory.
  *
  * @param token one-hot: the column that the word is for
  */
case class LoadBus(banks: Int) extends Bundle {
  val enable = Bool()
  val token = Bits(banks bits)
  val data = Bits(LoadPort.wordBits bits)
  val address = UInt(LoadPort.addressBits bits)
}

/** A wide memory of block-RAM columns: a row a cycle is read, a column's word a cycle is loaded. */
case class BankedMemory(shape: MemoryShape) extends Component {
  val io = new Bundle {
    val address = in UInt (log2Up(shape.depth) max 1 bits)
    val row = out Bits (shape.width bits)
    val load = in(LoadBus(shape.banks))
  }
  val columns = for (bank <- 0 until shape.banks) yield {
    val ram = Ram(shape.bankBits(bank), shape.depth, s"${shape.bankName(bank)}.bin").setPartialName(s"bank_$bank")
    ram.write_enable := io.load.enable && io.load.token(bank)
    ram.write_address := io.load.address.resized
    ram.write_data := io.load.data.resized
    ram.read_address := io.address
    ram.read_data
  }
  io.row := Cat(columns)
}
