// SPDX-License-Identifier: Apache-2.0
package xnorfpga.counting

import spinal.core._

/** Sizes of a popcount, shared with those who must know its latency. */
case class PopcountShape(size: Int, counting: Counting) {
  require(size >= 1 && size % counting.products == 0)
  val bits = size / counting.products
  val countBits = log2Up(bits + 1)

  /** Each leaf counts three bits, and each of the leaves − 1 adders takes one more; one or two bits need no leaf. Every
    * adder has its carry-in: synthesis would take those without for operands of one wide sum, in twice the logic.
    */
  val leaves = if (bits < 3) 0 else (bits + 1 + 3) / 4
  val carryIns = if (bits < 3) bits else leaves - 1
  private val depth = log2Up(leaves max 1)
  val latency = 1 + (depth + PopcountShape.levels - 1) / PopcountShape.levels

  /** Whether a register follows this level of the adder tree, counted from 1: the last, and every `levels`-th before it.
    * So the adders behind the carries are the fewest in a row.
    */
  def registered(level: Int): Boolean = (depth - level) % PopcountShape.levels == 0
}

object PopcountShape {

  /** LUT levels, or adders in a row, between registers. */
  val levels = 4
}
