// SPDX-License-Identifier: Apache-2.0
package xnorfpga.counting

import spinal.core._

/** The carry of three chained bits, out of the chain: a = t₀, b = t₀ ^ t₁, c = t₁ ^ t₂. */
case class ChainCarry(count: Int) extends Component {
  setDefinitionName(s"XnorPopcountCarry_$count")
  val io = new Bundle {
    val chain = in(Vec(Bits(count bits), 3))
    val carry = out Bits (count bits)
  }
  private val Seq(a, b, c) = Seq(io.chain(0), io.chain(0) ^ io.chain(1), io.chain(1) ^ io.chain(2))
  io.carry := a & b | c & (a | b)
}
