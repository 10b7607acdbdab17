// SPDX-License-Identifier: Apache-2.0
package xnorfpga.memory

import spinal.core._
import spinal.lib._

/** A word's step of CRC-32, lowest bit first. It is linear: the next state is the exclusive-or of what the word does to
  * it and of what the state does.
  */
object Crc32 {
  def start: Bits = B(32 bits, default -> True)

  /** Of the next state what comes from the word. */
  def ofWord(word: Bits): Bits = combine(word, k => step(0, BigInt(1) << k, word.getWidth))

  /** Of the next state, `bits` bits on, what comes from the state. */
  def ofState(state: Bits, bits: Int): Bits = combine(state, k => step(BigInt(1) << k, 0, bits))

  /** Each of 32 bits is the exclusive-or of those inputs whose effect has it. */
  private def combine(inputs: Bits, effect: Int => BigInt): Bits = {
    val effects = (0 until inputs.getWidth).map(effect)
    Cat((0 until 32).map(bit => inputs.asBools.zip(effects).collect { case (input, effect) if effect.testBit(bit) => input }.xorR))
  }

  private def step(state: BigInt, word: BigInt, bits: Int): BigInt =
    (0 until bits).foldLeft(state) { (state, k) =>
      val feedback = state.testBit(0) ^ word.testBit(k)
      if (feedback) (state >> 1) ^ BigInt("edb88320", 16) else state >> 1
    }
}
