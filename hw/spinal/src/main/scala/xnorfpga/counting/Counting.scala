// SPDX-License-Identifier: Apache-2.0
package xnorfpga.counting

import spinal.core._

/** How a layer counts products: a bit is counted for every `products` pairs of input and weight, and weighs as much.
  *
  * @param name what the manifest says, and whoever writes the memories goes by
  */
sealed abstract class Counting(val name: String, val products: Int) {

  /** Bits of a weight in w. */
  def weightBits: Int = 1

  /** The bits to be counted of as many pairs of input and weight as there are bits in x. */
  def bits(x: Bits, w: Bits): Bits

  /** Bits of what each image takes off every neuron's count; 0 where it takes nothing off.
    *
    * @param mw inputs of the layer, each as often as the coefficients of its bit planes say
    */
  def transitionBits(mw: Int): Int
}

object Counting {

  /** popcount(xnor(x, w)) = count */
  case object Plain extends Counting("plain", products = 1) {
    def bits(x: Bits, w: Bits): Bits = ~(x ^ w)
    def transitionBits(mw: Int): Int = 0
  }

  /** popcount(mask & xnor(x, sign)) = count; a weight is its sign and, above it, its mask. No pairs: the sum bit of a
    * full adder would depend on the inputs wherever one of two neighbours is masked.
    */
  case object Masked extends Counting("masked", products = 1) {
    override def weightBits: Int = 2
    def bits(x: Bits, w: Bits): Bits = {
      val weights = w.subdivideIn(2 bits)
      val (signs, masks) = (Cat(weights.map(_(0))), Cat(weights.map(_(1))))
      masks & ~(x ^ signs)
    }
    def transitionBits(mw: Int): Int = 0
  }

  /** Neighbours go through a full adder whose third input is x₀ ^ x₁. With p = xnor(x, w) its sum bit is then w₀ ^ w₁,
    * known to whoever wrote the weights:
    *
    * p₀ + p₁ = 2·maj(p₀, p₁, x₀ ^ x₁) − (x₀ ^ x₁) + (w₀ ^ w₁)
    *
    * so only the majorities are counted, one LUT of four inputs for two products:
    *
    * popcount(xnor(x, w)) = 2·count − transitions(x) + transitions(w), transitions(v) = the number of pairs with v₀ ≠ v₁
    *
    * transitions(w) goes into the stored threshold, transitions(x) is counted once an image and shared by all neurons.
    */
  case object Paired extends Counting("paired", products = 2) {

    /** Fewer inputs at once save less than the subtraction of an image's transitions costs each PE. */
    val leastInputs = 8

    def bits(x: Bits, w: Bits): Bits = {
      val (pairs, agree) = (x.subdivideIn(2 bits), (~(x ^ w)).subdivideIn(2 bits))
      Cat(pairs.zip(agree).map { case (x, p) => p(0) && p(1) || (x(0) ^ x(1)) && (p(0) || p(1)) })
    }
    def transitionBits(mw: Int): Int = log2Up(mw / 2 + 1)
  }

  val all = Seq(Plain, Paired, Masked)
}
