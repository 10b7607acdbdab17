// SPDX-License-Identifier: Apache-2.0
package xnorfpga.counting

import spinal.core._
import spinal.lib._

/** Σ coefficient · value, of the bit planes of one thing: coefficients are powers of two, so they cost no logic. */
object WeightedSum {
  def apply(coefficients: Seq[Int], values: Seq[UInt]): UInt = {
    require(coefficients.size == values.size)
    values.zip(coefficients).map { case (value, c) => if (c == 1) value else value << log2Up(c) }.reduceBalancedTree(_ +^ _)
  }
}
