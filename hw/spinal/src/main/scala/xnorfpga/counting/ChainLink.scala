// SPDX-License-Identifier: Apache-2.0
package xnorfpga.counting

import spinal.core._

/** One link of the chains: previous ^ bit, the bit being xnor(x, w) or the majority of a pair; the first has no previous. */
case class ChainLink(count: Int, paired: Boolean, first: Boolean) extends Component {
  setDefinitionName(s"XnorPopcount${if (first) "First" else "Next"}${if (paired) "Paired" else ""}_$count")
  val products = if (paired) 2 else 1
  val io = new Bundle {
    val x, w = in Bits (count * products bits)
    val previous = (!first) generate in(Bits(count bits))
    val chain = out Bits (count bits)
  }
  private val agree = ~(io.x ^ io.w)
  private val bits =
    if (!paired) agree
    else
      Cat((0 until count).map { i =>
        val (a, b, transition) = (agree(2 * i), agree(2 * i + 1), io.x(2 * i) ^ io.x(2 * i + 1))
        a && b || transition && (a || b)
      })
  io.chain := (if (first) bits else bits ^ io.previous)
}
