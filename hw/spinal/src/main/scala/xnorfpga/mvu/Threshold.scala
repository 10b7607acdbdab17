// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._
import xnorfpga.config.LayerConfig

/** How popcounts become answers, and where the thresholds come from.
  *
  * @param name what the manifest says, and whoever writes the memories goes by
  */
sealed abstract class Threshold(val name: String) {

  /** Width and depth of the memory that holds the thresholds. */
  def memory: Option[(Int, Int)]

  /** Cycles before each batch in which the accumulators are preset. */
  def presetCycles: Int = 0

  /** Bits of the digits by which thresholds are entered; 0 where each enters whole. */
  def digitBits: Int = 0

  /** Bits of a neuron's answer, out of its accumulator. */
  def answerBits: Int = 1

  /** The accumulator started from −T: its sign answers, and no comparator is left. */
  def answer(sum: SInt): Bits = (!sum.msb).asBits
}

object Threshold {

  /** The popcount itself is the answer. */
  case class NoThreshold(scoreBits: Int) extends Threshold("none") {
    def memory: Option[(Int, Int)] = None
    override def answerBits: Int = scoreBits
    override def answer(sum: SInt): Bits = sum.asBits.resize(scoreBits)
  }

  /** A row of the memory holds −T of PE neurons, and each row of weights starts from it. */
  case class Preset(pe: Int, neuronFold: Int, accumulatorBits: Int) extends Threshold("preset") {
    def memory: Option[(Int, Int)] = Some((pe * accumulatorBits, neuronFold))
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
    def memory: Option[(Int, Int)] = Some((pe, rows))
    override def presetCycles: Int = rows
  }

  /** The thresholds of a layer: serial where all neurons are worked at once, an input a cycle, and it costs less time
    * than the words do.
    *
    * @param last its popcounts are the scores
    */
  def apply(config: LayerConfig, last: Boolean): Threshold = {
    import config._
    val serial = Serial(pe, accumulatorBits)
    if (last) NoThreshold(scoreBits)
    else if (neuronFold == 1 && simd == 1 && synapseFold >= serial.rows) serial
    else Preset(pe, neuronFold, accumulatorBits)
  }
}
