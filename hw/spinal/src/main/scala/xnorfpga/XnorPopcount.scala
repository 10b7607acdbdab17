// SPDX-License-Identifier: Apache-2.0
package xnorfpga

import spinal.core._

/** Popcount of xnor(x, w) over `size` pairs, pipelined: `count` belongs to the inputs of `XnorPopcount.latency` cycles
  * before.
  */
case class XnorPopcount(size: Int) extends Component {
  val io = new Bundle {
    val x, w = in Bits (size bits)
    val count = out UInt (log2Up(size + 1) bits)
  }

  /** Two products and a carried-in bit in one ALM: both outputs are functions of the same five inputs. */
  private def fullAdder(a: Bool, b: Bool, c: Bool): (Bool, Bool) = (a ^ b ^ c, (a && b) || (c && (a || b)))

  private val products = io.x.asBools.zip(io.w.asBools).map { case (x, w) => !(x ^ w) }

  /** A number that is at most `max`. */
  private case class Term(value: UInt, max: Int)

  private val leaves = products
    .grouped(XnorPopcount.leaf)
    .map { group =>
      var sum: Bool = group.head
      val carries = for (pair <- group.tail.grouped(2).toSeq) yield {
        val (s, c) = fullAdder(pair.head, pair.lift(1).getOrElse(False), sum)
        sum = s
        c
      }
      val value = carries.map(_.asUInt.resize(3)).foldLeft(U(0, 3 bits))(_ + _)
      Term(((value ## sum).asUInt).resize(log2Up(group.size + 1)), group.size)
    }
    .toSeq

  private def tree(terms: Seq[Term], level: Int): UInt =
    if (terms.size == 1) terms.head.value
    else {
      val next = terms.grouped(2).toSeq.map {
        case Seq(a, b) =>
          val max = a.max + b.max
          val bits = log2Up(max + 1)
          Term((a.value.resize(bits) + b.value.resize(bits)), max)
        case Seq(a) => a
      }
      tree(if (level % 2 == 1) next.map(t => Term(RegNext(t.value), t.max)) else next, level + 1)
    }

  io.count := tree(leaves.map(t => Term(RegNext(t.value), t.max)), 0).resized
}

object XnorPopcount {
  val leaf = 7

  /** Cycles from inputs to count. */
  def latency(size: Int): Int = {
    val levels = log2Up((size + leaf - 1) / leaf)
    1 + levels / 2
  }
}
