// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._

/** A neuron's answer in several bit planes: how many of its ascending thresholds the sum reaches.
  *
  * A binary search from the highest plane down, a comparison a plane: the sum already is less the middle threshold, so
  * the first comparison is its sign. The answer is there a cycle later.
  */
case class LevelSearch(threshold: Threshold.Levels) extends Component {
  import threshold.{levelBits, others, planes}
  val io = LevelSearchIo(threshold)
  setDefinitionName(s"LevelSearch_${planes}_${threshold.start.accumulatorBits}_$levelBits")

  private val middle = others / 2
  private val levels = io.levels.subdivideIn(levelBits bits).map(_.asSInt)

  /** The threshold of this number less the middle one. */
  private def level(number: Int): SInt = levels(if (number < middle) number else number - 1)

  private var code = (!io.sum.msb).asBits // the planes found so far
  for (open <- (0 until planes - 1).reverse) {
    val candidates = (0 until (1 << code.getWidth)).map(found => level(((2 * found + 1) << open) - 1))
    code = code ## (io.sum.resize(levelBits) >= Vec(candidates)(code.asUInt))
  }
  io.code := RegNext(code)
}

case class LevelSearchIo(threshold: Threshold.Levels) extends Bundle {

  /** The accumulator, and the neuron's thresholds beside the middle one, less that, ascending. */
  val sum = in SInt (threshold.start.accumulatorBits bits)
  val levels = in Bits (threshold.others * threshold.levelBits bits)

  /** Plane k at bit k. */
  val code = out Bits (threshold.planes bits)
}
