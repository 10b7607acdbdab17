// SPDX-License-Identifier: Apache-2.0
package xnorfpga

import spinal.core._
import spinal.lib._

/** Pipelined popcount over `size` pairs of input and weight: `count` belongs to the inputs of `latency` cycles before.
  *
  * Two forms:
  *   - plain: count = popcount(xnor(x, w)).
  *   - paired: neighbours go through a full adder whose third input is x₀ ^ x₁. With p = xnor(x, w) its sum bit is then
  *     w₀ ^ w₁, known to whoever wrote the weights:
  *
  *     p₀ + p₁ = 2·maj(p₀, p₁, x₀ ^ x₁) − (x₀ ^ x₁) + (w₀ ^ w₁)
  *
  *     so only the majorities are counted, one LUT of four inputs for two products:
  *
  *     popcount(xnor(x, w)) = 2·count − unlike(x) + unlike(w), unlike(v) = the number of pairs with v₀ ≠ v₁
  *
  *     unlike(w) goes into the stored threshold, unlike(x) is counted once an image and shared by all neurons.
  *
  * Cost, with a LUT of five inputs or fewer as half an ALM: three bits are chained (t₀ = a, t₁ = t₀ ^ b, t₂ = t₁ ^ c,
  * each made in the LUT that makes the bit), t₂ is their sum and a function of the three their carry; an adder tree sums
  * the two-bit numbers, and each adder takes one more bit as its carry-in: 0.62 ALM a product paired, 1.2 plain.
  *
  * Each kind of LUT is a component of its own, all of a kind in one: synthesis keeps module borders where it would
  * otherwise trade area for depth that nobody needs.
  */
case class XnorPopcount(size: Int, paired: Boolean) extends Component {
  val shape = PopcountShape(size, paired)
  val io = new Bundle {
    val x, w = in Bits (size bits)
    val count = out UInt (shape.countBits bits)
  }
  import shape._

  // Bits to be counted, padded with x = 0, w = 1, which counts nothing
  private val padding = (3 * leaves + carryIns - bits) * products
  private val x = B(0, padding bits) ## io.x
  private val w = ~B(0, padding bits) ## io.w
  private var taken = 0
  private def next(kind: => ChainLink, count: Int, previous: Option[Bits]): Bits = {
    val link = kind
    link.io.x := x(taken, count * products bits)
    link.io.w := w(taken, count * products bits)
    previous.foreach(link.io.previous := _)
    taken += count * products
    link.io.chain
  }

  // Stage 1: numbers 0 … 3, and single bits
  private val singles =
    if (carryIns > 0) RegNext(next(ChainLink(carryIns, paired, first = true), carryIns, None)).asBools.toSeq else Nil
  private val numbers = if (leaves == 0) Nil
  else {
    val t0 = next(ChainLink(leaves, paired, first = true), leaves, None)
    val t1 = next(ChainLink(leaves, paired, first = false), leaves, Some(t0))
    val t2 = next(ChainLink(leaves, paired, first = false), leaves, Some(t1))
    val carries = ChainCarry(leaves)
    carries.io.chain := Vec(t0, t1, t2)
    RegNext(carries.io.carry).asBools.zip(RegNext(t2).asBools).map { case (c, s) => Number((c ## s).asUInt, 3) }.toSeq
  }

  /** A number that is at most `max`. */
  private case class Number(value: UInt, max: Int)

  /** Add neighbours until one number is left; a register after every `PopcountShape.levels` adders. */
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
      if (level % PopcountShape.levels == 0 || sums.size == 1)
        sum(sums.map(n => Number(RegNext(n.value), n.max)), left.map(RegNext(_)), level + 1)
      else sum(sums, left, level + 1)
    }
  io.count := (if (leaves == 0) CountOne(singles) else sum(numbers, singles, 1)).resized
}

/** Sizes of a popcount, shared with those who must know its latency. */
case class PopcountShape(size: Int, paired: Boolean) {
  require(size >= 1 && (!paired || size % 2 == 0))

  /** Products a counted bit stands for. */
  val products = if (paired) 2 else 1
  val bits = size / products
  val countBits = log2Up(bits + 1)

  /** Each leaf counts three bits, and each of the leaves − 1 adders takes one more; one or two bits need no leaf. Every
    * adder has its carry-in: synthesis would take those without for operands of one wide sum, in twice the logic.
    */
  val leaves = if (bits < 3) 0 else (bits + 1 + 3) / 4
  val carryIns = if (bits < 3) bits else leaves - 1
  val latency = 1 + (log2Up(leaves max 1) + PopcountShape.levels - 1) / PopcountShape.levels
}

object PopcountShape {

  /** LUT levels, or adders in a row, between registers. */
  val levels = 4
}

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
        val (a, b, unlike) = (agree(2 * i), agree(2 * i + 1), io.x(2 * i) ^ io.x(2 * i + 1))
        a && b || unlike && (a || b)
      })
  io.chain := (if (first) bits else bits ^ io.previous)
}

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

/** Counts the unlike pairs of an image while its words come in: what all neurons of a paired layer subtract.
  *
  * @param width bits a word: even, and few enough that a word is counted within a cycle
  */
case class UnlikePairs(width: Int, totalBits: Int) extends Component {
  require(UnlikePairs.possible(width))
  val io = new Bundle {
    val take, first = in Bool ()
    val word = in Bits (width bits)

    /** The count over the words taken up to `UnlikePairs.lag` cycles before. */
    val count = out UInt (totalBits bits)
  }
  private val pairs = io.word.asBools.grouped(2).map(pair => pair(0) ^ pair(1))
  private val threes = pairs.grouped(3).map(CountOne(_)).toSeq // a LUT of six inputs for each bit
  val inWord = RegNext(threes.reduceBalancedTree(_ +^ _))
  val count = Reg(UInt(totalBits bits))
  when(RegNext(io.take) init False) { count := Mux(RegNext(io.first), U(0), count) + inWord }
  io.count := count
}

object UnlikePairs {

  /** Cycles by which the count is later than the register that collects the words. */
  val lag = 1

  def possible(width: Int): Boolean = width % 2 == 0 && width <= 32
}
