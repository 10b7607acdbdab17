// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._
import xnorfpga.config.{LayerConfig, Weights}

/** How sums become answers, and where the thresholds come from.
  *
  * @param name what the manifest says, and whoever writes the memories goes by
  */
sealed abstract class Threshold(val name: String) {

  /** Kind, width and depth of each memory that holds thresholds. */
  def memories: Seq[(String, Int, Int)]

  /** Cycles before each batch in which the accumulators are preset. */
  def presetCycles: Int = 0

  /** Bits of the digits by which thresholds are entered; 0 where each enters whole. */
  def digitBits: Int = 0

  /** Bits of what a level is more, or less, than the middle one; 0 where there is but one. */
  def levelBits: Int = 0

  /** Bits of a neuron's answer in each bit plane, out of its accumulator. */
  def answerBits: Int = 1

  /** Cycles from the accumulator to the answer. */
  def latency: Int = 0

  /** The accumulator started from −T: its sign answers, and no comparator is left. */
  def answer(sum: SInt): Bits = (!sum.msb).asBits
}

object Threshold {

  /** The sum itself is the answer. */
  case class NoThreshold(scoreBits: Int) extends Threshold("none") {
    def memories: Seq[(String, Int, Int)] = Nil
    override def answerBits: Int = scoreBits
    override def answer(sum: SInt): Bits = sum.asBits.resize(scoreBits)
  }

  /** A row of the memory holds −T of PE neurons, and each row of weights starts from it. */
  case class Preset(pe: Int, neuronFold: Int, accumulatorBits: Int) extends Threshold("preset") {
    def memories: Seq[(String, Int, Int)] = Seq(("thresholds", pe * accumulatorBits, neuronFold))
  }

  /** An answer of several bit planes says how many of 2^planes − 1 ascending thresholds the sum reaches.
    *
    * The accumulator starts from the middle one, so that its sign is the highest plane's bit; LevelSearch finds the
    * others. A row of a second memory holds the others less the middle one, ascending, PE neurons one after the other.
    *
    * @param levelBits bits of such a difference, as of one more than the greatest sum, with a sign
    */
  case class Levels(start: Preset, override val levelBits: Int, planes: Int) extends Threshold("levels") {
    require(planes > 1)

    /** Thresholds beside the middle one. */
    val others = (1 << planes) - 2
    def memories: Seq[(String, Int, Int)] = start.memories :+ (("levels", start.pe * others * levelBits, start.neuronFold))
    override def latency: Int = 1
  }

  /** The accumulators count up to −T before the first word of a batch, by bits that come out of a narrow memory as
    * weights do (see SerialElement).
    *
    * Row 0 of the memory clears, then `rowsPerDigit` rows a digit of `digitBits` bits follow. A bit in a row of digit k
    * adds 1 + 16 + … + 16^k: a count in digit k also goes to all lower ones, which saves a gate a neuron and still
    * reaches every number.
    */
  case class Serial(pe: Int, accumulatorBits: Int) extends Threshold("serial") {
    override val digitBits = 4
    val rowsPerDigit = 1 << digitBits
    val digits = (accumulatorBits + digitBits - 1) / digitBits
    val rows = 1 + digits * rowsPerDigit
    def memories: Seq[(String, Int, Int)] = Seq(("thresholds", pe, rows))
    override def presetCycles: Int = rows
  }

  /** The thresholds of a layer: serial where all neurons are worked at once, an input of one bit a cycle, and it costs
    * less time than the words do.
    *
    * @param last its sums are the scores
    * @param outPlanes bit planes of an answer
    */
  def apply(config: LayerConfig, last: Boolean, outPlanes: Int): Threshold = {
    import config._
    val serial = Serial(pe, accumulatorBits)
    val preset = Preset(pe, neuronFold, accumulatorBits)
    val oneBit = planes == 1 && weights == Weights.Binary && outPlanes == 1
    if (last) NoThreshold(scoreBits)
    else if (outPlanes > 1) Levels(preset, log2Up(greatestSum + 2) + 1, outPlanes)
    else if (oneBit && neuronFold == 1 && simd == 1 && synapseFold >= serial.rows) serial
    else preset
  }
}
