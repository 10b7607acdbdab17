// SPDX-License-Identifier: Apache-2.0
package xnorfpga.config

import spinal.core._
import upickle.default._

/** One layer: an MH × MW binary matrix folded onto PE neurons × SIMD inputs a cycle.
  *
  * @param mw inputs, @param mh neurons, @param pe neurons at once (divides MH), @param simd inputs at once (divides MW)
  */
@upickle.implicits.allowUnknownKeys(false)
case class LayerConfig(mw: Int, mh: Int, routing: Routing, pe: Int, simd: Int) {
  private def check(key: String, part: Int, whole: String, size: Int): Unit =
    if (part < 1 || size % part != 0)
      refuse(s"$key = $part does not divide $whole = $size; choose one of ${divisors(size).mkString(", ")}")
  if (mw < 1 || mh < 1) refuse(s"mw = $mw, mh = $mh: a layer has at least one input and one neuron")
  check("pe", pe, "mh", mh)
  check("simd", simd, "mw", mw)
  if (routing == Routing.Stationary && simd != mw)
    refuse(s"simd = $simd with stationary routing must be mw = $mw: the whole input stands before every PE")

  // Safely deducible parameters
  /** Input words of SIMD bits, steps of a row of weights (FINN's SF). */
  val synapseFold = mw / simd

  /** How many times PE neurons are worked, one after the other (FINN's NF). */
  val neuronFold = mh / pe

  /** Steps a batch takes, rows of the weight memory. */
  val steps = synapseFold * neuronFold

  /** Bits of a popcount of the whole row, 0 … MW. */
  val scoreBits = log2Up(mw + 1)

  /** Bits of popcount − T in two's complement: T is 0 … MW+1, so the difference is −(MW+1) … MW. */
  val accumulatorBits = log2Up(mw + 1) + 1
}

object LayerConfig {
  implicit val rw: ReadWriter[LayerConfig] = macroRW
}
