// SPDX-License-Identifier: Apache-2.0
package xnorfpga.counting

import spinal.core._

/** One link of the chains: previous ^ bit, the bit being what is counted of x and w; the first has no previous. */
case class ChainLink(count: Int, counting: Counting, first: Boolean) extends Component {
  setDefinitionName(s"XnorPopcount${if (first) "First" else "Next"}_${counting.name}_$count")
  val io = new Bundle {
    val x = in Bits (count * counting.products bits)
    val w = in Bits (count * counting.products * counting.weightBits bits)
    val previous = (!first) generate in(Bits(count bits))
    val chain = out Bits (count bits)
  }
  private val bits = counting.bits(io.x, io.w)
  io.chain := (if (first) bits else bits ^ io.previous)
}
