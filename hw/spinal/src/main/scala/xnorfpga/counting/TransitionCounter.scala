// SPDX-License-Identifier: Apache-2.0
package xnorfpga.counting

import spinal.core._
import spinal.lib._

/** Counts the transitions of an image, the pairs of neighbours 2i and 2i + 1 that differ, while its words come in: what
  * all neurons of a paired layer subtract.
  *
  * The count goes with the register that collects the words: it is that of all words taken before this cycle, and
  * stands still while none is taken.
  *
  * @param width bits a word: even, and few enough that a word is counted within a cycle
  */
case class TransitionCounter(width: Int, countBits: Int) extends Component {
  require(TransitionCounter.possible(width))
  val io = new Bundle {
    val take, first = in Bool ()
    val word = in Bits (width bits)
    val count = out UInt (countBits bits)
  }
  private val threes = TransitionCounter.threes(io.word)

  // A word is counted in one cycle and added in the next; what is shown has it already
  val inWord = RegNext(threes.reduceBalancedTree(_ +^ _))
  val fresh = RegNext(io.take) init False
  val restart = RegNext(io.take && io.first) init False
  val before = Reg(UInt(countBits bits))
  val count = Mux(restart, U(0), before) + Mux(fresh, inWord, U(0)).resize(countBits)
  before := count
  io.count := count
}

object TransitionCounter {

  /** Bits of a word whose transitions are counted within a cycle, at most. */
  val widest = 32

  /** Transitions of a word, of three pairs each: a LUT of six inputs for each bit. */
  private def threes(word: Bits): Seq[UInt] = word.asBools.grouped(2).map(pair => pair(0) ^ pair(1)).grouped(3).map(CountOne(_)).toSeq

  /** Transitions of a word. */
  def ofWord(word: Bits): UInt = threes(word).reduceBalancedTree(_ +^ _)
  def possible(width: Int): Boolean = width % 2 == 0 && width <= widest
}
