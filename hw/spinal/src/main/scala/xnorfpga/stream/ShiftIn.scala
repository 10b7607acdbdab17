// SPDX-License-Identifier: Apache-2.0
package xnorfpga.stream

import spinal.core._
import spinal.lib._

/** Words of `wordBits` bits shifted into wide registers, one a register and cycle, lowest element first.
  *
  * The registers, one a lane, are as wide as a whole number of words: after so many `push`es they are full.
  */
case class ShiftIn(registers: collection.Seq[Bits], wordBits: Int) extends Area {
  require(registers.forall(_.getWidth % wordBits == 0))
  val word = Counter(registers.head.getWidth / wordBits)

  /** This word is the last one of its vector. */
  def isLast: Bool = word.willOverflowIfInc

  /** Take a word for each register. */
  def push(words: collection.Seq[Bits]): Unit = {
    word.increment()
    fill(words)
  }

  /** The bits alone of a word for each register, which is counted at another time. */
  def fill(words: collection.Seq[Bits]): Unit =
    for ((register, bits) <- registers.zip(words)) shift(register, bits)

  /** Take a word for the register of the lane that is chosen, one-hot. */
  def push(bits: Bits, lane: Bits): Unit = {
    word.increment()
    for ((register, chosen) <- registers.zip(lane.asBools)) when(chosen) { shift(register, bits) }
  }

  private def shift(register: Bits, bits: Bits): Unit = register := (bits ## register) >> wordBits
}
