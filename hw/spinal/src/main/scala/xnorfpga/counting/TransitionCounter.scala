// SPDX-License-Identifier: Apache-2.0
package xnorfpga.counting

import spinal.core._
import spinal.lib._

/** Counts the transitions of an image, the pairs of neighbours 2i and 2i + 1 that differ, while its words come in: what all neurons of a paired layer subtract.
  *
  * @param width bits a word: even, and few enough that a word is counted within a cycle
  */
case class TransitionCounter(width: Int, totalBits: Int) extends Component {
  require(TransitionCounter.possible(width))
  val io = new Bundle {
    val take, first = in Bool ()
    val word = in Bits (width bits)

    /** The count over the words taken up to `TransitionCounter.lag` cycles before. */
    val count = out UInt (totalBits bits)
  }
  private val pairs = io.word.asBools.grouped(2).map(pair => pair(0) ^ pair(1))
  private val threes = pairs.grouped(3).map(CountOne(_)).toSeq // a LUT of six inputs for each bit
  val inWord = RegNext(threes.reduceBalancedTree(_ +^ _))
  val count = Reg(UInt(totalBits bits))
  when(RegNext(io.take) init False) { count := Mux(RegNext(io.first), U(0), count) + inWord }
  io.count := count
}

object TransitionCounter {

  /** Cycles by which the count is later than the register that collects the words. */
  val lag = 1

  def possible(width: Int): Boolean = width % 2 == 0 && width <= 32
}
