// SPDX-License-Identifier: Apache-2.0
package xnorfpga.head

import spinal.core._

/** What is known of an image at the end.
  *
  * @param label index of the largest score, the lowest one at a tie
  * @param scores score k at bits k · scoreBits …, the popcounts of the last layer
  */
case class Result(classes: Int, scoreBits: Int) extends Bundle {
  val label = UInt(log2Up(classes) max 1 bits)
  val scores = Bits(classes * scoreBits bits)
}
