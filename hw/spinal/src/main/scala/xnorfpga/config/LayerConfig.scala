// SPDX-License-Identifier: Apache-2.0
package xnorfpga.config

import spinal.core._
import upickle.default._

/** One layer: an MH × MW matrix folded onto PE neurons × SIMD inputs a cycle.
  *
  * @param mw inputs, @param mh neurons, @param pe neurons at once (divides MH), @param simd inputs at once (divides MW)
  * @param coefficients of the bit planes of an input, the least first: powers of two, so that they are wires
  * @param convolution the map of whose windows the inputs are; a fully connected layer has none
  * @param windows neighbors in a row that share every weight read
  */
@upickle.implicits.allowUnknownKeys(false)
case class LayerConfig(
    mw: Int,
    mh: Int,
    routing: Routing,
    pe: Int,
    simd: Int,
    coefficients: Seq[Int],
    weights: Weights,
    convolution: Option[Convolution] = None,
    windows: Int = 1
) {
  private def check(key: String, part: Int, whole: String, size: Int): Unit =
    if (part < 1 || size % part != 0)
      refuse(s"$key = $part does not divide $whole = $size; choose one of ${divisors(size).mkString(", ")}")
  if (mw < 1 || mh < 1) refuse(s"mw = $mw, mh = $mh: a layer has at least one input and one neuron")
  check("pe", pe, "mh", mh)
  check("simd", simd, "mw", mw)
  if (routing == Routing.Stationary && simd != mw)
    refuse(s"simd = $simd with stationary routing must be mw = $mw: the whole input stands before every PE")
  for (map <- convolution if map.mw != mw)
    refuse(s"mw = $mw is not that of the convolution's windows, kernel² · channels = ${map.mw}")
  check("windows", windows, "the windows of a row", convolution.fold(1)(_.slide.outWidth))
  if (coefficients.isEmpty || !coefficients.forall(c => c >= 1 && c <= 128 && isPow2(c)))
    refuse(s"coefficients = [${coefficients.mkString(", ")}]: one of each bit plane, of 1, 2, 4, … 128")

  // Safely deducible parameters
  /** Input words of SIMD bits, steps of a row of weights (FINN's SF). */
  val synapseFold = mw / simd

  /** How many times PE neurons are worked, one after the other (FINN's NF). */
  val neuronFold = mh / pe

  /** Steps a batch takes, rows of the weight memory. */
  val steps = synapseFold * neuronFold

  /** Bit planes of an input. */
  val planes = coefficients.size

  /** The greatest sum of a whole row: of each plane its coefficient times its popcount. */
  val greatestSum = coefficients.sum * mw

  /** Bits of the sum of a whole row. */
  val scoreBits = log2Up(greatestSum + 1)

  /** Bits of sum − T in two's complement: T is 0 … greatest sum + 1, so the difference is −(that) … greatest sum. */
  val accumulatorBits = scoreBits + 1
}

object LayerConfig {
  implicit val rw: ReadWriter[LayerConfig] = macroRW
}
