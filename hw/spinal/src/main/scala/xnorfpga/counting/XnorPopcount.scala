// SPDX-License-Identifier: Apache-2.0
package xnorfpga.counting

import spinal.core._
import spinal.lib._

/** Pipelined popcount over `size` pairs of input and weight: `count` belongs to the inputs of `latency` cycles before.
  *
  * What is counted of x and w, and what a counted bit stands for, says `Counting`.
  *
  * Cost, with a LUT of five inputs or fewer as half an ALM: three bits are chained (t₀ = a, t₁ = t₀ ^ b, t₂ = t₁ ^ c,
  * each made in the LUT that makes the bit), t₂ is their sum and a function of the three their carry; an adder tree sums
  * the two-bit numbers, and each adder takes one more bit as its carry-in: 0.62 ALM a product paired, 1.2 plain.
  *
  * The carry is made behind the registers of the three: in front of them synthesis sees that t₀ ^ t₁ is the bit b, makes
  * b once more beside the chain and takes half as much logic again. Each kind of LUT is a component of its own, all of a
  * kind in one, so that a synthesis that keeps module borders maps it once.
  */
case class XnorPopcount(size: Int, counting: Counting) extends Component {
  val shape = PopcountShape(size, counting)
  val io = new Bundle {
    val x = in Bits (size bits)
    val w = in Bits (size * counting.weightBits bits)
    val count = out UInt (shape.countBits bits)
  }
  import counting.{products, weightBits}
  import shape.{bits, carryIns, leaves}

  // Bits to be counted, padded with x = 0, w = 1, which counts nothing
  private val padding = (3 * leaves + carryIns - bits) * products
  private val x = B(0, padding bits) ## io.x
  private val w = ~B(0, padding * weightBits bits) ## io.w
  private var taken = 0
  private def next(kind: => ChainLink, count: Int, previous: Option[Bits]): Bits = {
    val link = kind
    link.io.x := x(taken, count * products bits)
    link.io.w := w(taken * weightBits, count * products * weightBits bits)
    previous.foreach(link.io.previous := _)
    taken += count * products
    link.io.chain
  }

  // Stage 1: chains, and single bits; behind it numbers 0 … 3
  private val singles =
    if (carryIns > 0) RegNext(next(ChainLink(carryIns, counting, first = true), carryIns, None)).asBools.toSeq else Nil
  private val numbers = if (leaves == 0) Nil
  else {
    val t0 = next(ChainLink(leaves, counting, first = true), leaves, None)
    val t1 = next(ChainLink(leaves, counting, first = false), leaves, Some(t0))
    val t2 = next(ChainLink(leaves, counting, first = false), leaves, Some(t1))
    val carries = ChainCarry(leaves)
    val chain = Vec(t0, t1, t2).map(RegNext(_))
    carries.io.chain := Vec(chain)
    carries.io.carry.asBools.zip(chain.last.asBools).map { case (c, s) => Number((c ## s).asUInt, 3) }.toSeq
  }

  /** A number that is at most `max`. */
  private case class Number(value: UInt, max: Int)

  /** Add neighbours until one number is left, with registers where the shape has them. */
  private def sum(numbers: Seq[Number], singles: Seq[Bool], level: Int): UInt =
    if (numbers.size == 1) numbers.head.value
    else {
      var left = singles
      val sums = numbers.grouped(2).toSeq.map {
        case Seq(a, b) =>
          val carryIn = left.head
          left = left.tail
          val max = a.max + b.max + 1
          def operand(n: Number, low: Bool) = (n.value ## low).asUInt.resize(log2Up(max + 1) + 1)
          // A carry-in of its own would cost a second adder; as a bit below the lowest it costs one cell.
          Number((operand(a, True) + operand(b, carryIn)) >> 1, max)
        case Seq(a) => a
      }
      if (shape.registered(level))
        sum(sums.map(n => Number(RegNext(n.value), n.max)), left.map(RegNext(_)), level + 1)
      else sum(sums, left, level + 1)
    }
  io.count := (if (leaves == 0) CountOne(singles) else sum(numbers, singles, 1)).resized
}
