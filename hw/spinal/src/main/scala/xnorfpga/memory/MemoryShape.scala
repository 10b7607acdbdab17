// SPDX-License-Identifier: Apache-2.0
package xnorfpga.memory

import spinal.core._
import xnorfpga.config.BlockRam

/** Geometry of a memory of `depth` rows of `width` bits, spread over columns that are each a whole number of blocks.
  *
  * @param inLogic it is of MLABs, not of block RAM
  */
case class MemoryShape(
    name: String,
    layer: Int,
    kind: String,
    width: Int,
    depth: Int,
    ram: BlockRam,
    inLogic: Boolean = false
) {
  val columnWidth = ram.width(depth)
  val columns = (width + columnWidth - 1) / columnWidth
  val addressBits = log2Up(depth) max 1

  /** Bits of a row in this column. */
  def bits(column: Int): Range = column * columnWidth until (width min (column + 1) * columnWidth)

  /** Initial content of a column, resolved in the working directory of whoever reads the Verilog. */
  def file(column: Int) = s"${name}_$column.bin"
}
