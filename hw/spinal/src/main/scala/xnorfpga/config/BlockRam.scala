// SPDX-License-Identifier: Apache-2.0
package xnorfpga.config

import spinal.core._
import upickle.default._
import upickle.implicits.key

/** Geometry of the board's block RAM.
  *
  * @param blockBits bits of a block (10,240 for an M10K), @param maxWidth widest read of a block (40)
  * @param readCycles from an address to its row: 1, or 2 with the register behind a block's output, for a fast clock
  */
@upickle.implicits.allowUnknownKeys(false)
case class BlockRam(
    @key("block_bits") blockBits: Int,
    @key("max_width") maxWidth: Int,
    @key("read_cycles") readCycles: Int = 1
) {
  if (readCycles != 1 && readCycles != 2) refuse(s"memory.read_cycles = $readCycles: 1, or 2 with its output register")

  /** Widest word that one block can hold `depth` of: 256 × 40, 512 × 20, 1024 × 10, 2048 × 5, 4096 × 2, 8192 × 1. */
  def width(depth: Int): Int = {
    val addresses = 1 << log2Up(depth)
    (blockBits / addresses) min maxWidth max 1
  }
}

object BlockRam {
  implicit val rw: ReadWriter[BlockRam] = macroRW
}
