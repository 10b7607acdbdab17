// SPDX-License-Identifier: Apache-2.0
package xnorfpga.memory

import spinal.core._

/** A wide memory of block-RAM columns: a row is read every cycle, `BlockRam.readCycles` after its address; a column's
  * word a cycle is loaded. A memory of a single row is registers, and that row always there.
  *
  * A black box with its own Verilog rather than a SpinalHDL `Mem`, because its initial content is a file that a later
  * stage writes: weights are data, never Verilog text. With the macro NO_MEMORY_CONTENT no file is read. Synthesis for
  * area defines it: content costs nothing there, and a newly trained model of the same shape needs no new synthesis.
  */
case class Memory(shape: MemoryShape) extends BlackBox {
  import shape.{addressBits, bits, columnWidth, columns, depth, file, inLogic, ram, width}
  private def moduleName = s"Memory_${shape.name}"
  val clk = in Bool ()
  val write_enable = in Bits (columns bits)
  val write_address = in UInt (addressBits bits)
  val write_data = in Bits (columnWidth bits)
  val read_address = in UInt (addressBits bits)
  val read_data = out Bits (width bits)
  mapCurrentClockDomain(clk)
  setBlackBoxName(moduleName)
  setInlineVerilog(verilog)

  def load(bus: LoadBus): Unit = {
    write_enable := bus.token.andMask(bus.enable)
    write_address := bus.address
    write_data := bus.data
  }

  private def verilog: String = {
    def lines(line: Int => String) = (0 until columns).map(line).mkString("\n")
    def range(high: Int, low: Int) = s"[$high:$low]"
    val style = if (depth == 1) "logic" else s"${if (inLogic) "MLAB" else "M10K"}, no_rw_check"
    val read = if (depth == 1) "assign" else "always @(posedge clk)"
    val becomes = if (depth == 1) "=" else "<="
    val registered = depth > 1 && ram.readCycles == 2
    val row = if (registered) "row" else "read_data"
    s"""
module $moduleName (
  input clk,
  input ${range(columns - 1, 0)} write_enable,
  input ${range(addressBits - 1, 0)} write_address,
  input ${range(columnWidth - 1, 0)} write_data,
  input ${range(addressBits - 1, 0)} read_address,
  output ${if (depth == 1) "" else "reg "}${range(width - 1, 0)} read_data
);
${lines(c => s"""  (* ramstyle = "$style" *) reg ${range(bits(c).size - 1, 0)} column_$c [0:${depth - 1}];""")}
`ifndef NO_MEMORY_CONTENT
  initial begin
${lines(c => s"""    $$readmemb("${file(c)}", column_$c);""")}
  end
`endif
  always @(posedge clk) begin
${lines(c => s"    if (write_enable[$c]) column_$c[write_address] <= write_data${range(bits(c).size - 1, 0)};")}
  end
${lines(c => s"  $read $row${range(bits(c).last, bits(c).head)} $becomes column_$c[${if (depth == 1) "0" else "read_address"}];")}
${if (registered) s"  reg ${range(width - 1, 0)} row;\n  always @(posedge clk) read_data <= row;\n" else ""}endmodule
"""
  }
}
