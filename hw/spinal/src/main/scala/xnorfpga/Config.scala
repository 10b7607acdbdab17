// SPDX-License-Identifier: Apache-2.0
package xnorfpga

import spinal.core._
import upickle.default._

/** How the input of a layer reaches its processing elements. */
sealed abstract class Routing(val name: String)

object Routing {

  /** The whole input stands still before every PE: SIMD = MW, no accumulator, PEs walk through the neurons. */
  case object Stationary extends Routing("stationary")

  /** Input words rotate in a ring and PE p meets the word in front of it: elementwise, no multiplexer, no fan-out. */
  case object Diagonal extends Routing("diagonal")

  /** One input word a cycle goes to all PEs. */
  case object Broadcast extends Routing("broadcast")

  val all = Seq(Stationary, Diagonal, Broadcast)

  implicit val rw: ReadWriter[Routing] = readwriter[String].bimap[Routing](
    _.name,
    text =>
      all.find(_.name == text).getOrElse(refuse(s"routing = \"$text\" is unknown; choose ${all.map(_.name).mkString(", ")}"))
  )
}

/** A configuration that cannot be elaborated; the message is one line that says what would be accepted. */
case class ConfigError(message: String) extends Exception(message)

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
  /** Input words of SIMD bits: steps of one group of neurons. */
  val words = mw / simd

  /** Groups of PE neurons that are worked one after the other. */
  val groups = mh / pe

  /** Steps a group of images takes, rows of the weight memory. */
  val steps = words * groups

  /** Bits of a popcount of the whole row, 0 … MW. */
  val scoreBits = log2Up(mw + 1)

  /** Bits of popcount − T in two's complement: T is 0 … MW+1, so the difference is −(MW+1) … MW. */
  val marginBits = log2Up(mw + 1) + 1
}

object LayerConfig {
  implicit val rw: ReadWriter[LayerConfig] = macroRW
}

/** Geometry of the board's block RAM.
  *
  * @param blockBits bits of a block (10,240 for an M10K), @param maxWidth widest read of a block (40)
  */
@upickle.implicits.allowUnknownKeys(false)
case class BlockRam(block_bits: Int, max_width: Int) {

  /** Widest word that one block can hold `depth` of: 256 × 40, 512 × 20, 1024 × 10, 2048 × 5, 4096 × 2, 8192 × 1. */
  def width(depth: Int): Int = {
    val addresses = 1 << log2Up(depth)
    (block_bits / addresses) min max_width max 1
  }
}

object BlockRam {
  implicit val rw: ReadWriter[BlockRam] = macroRW
}

/** The whole accelerator, as `hardware.json` states it.
  *
  * @param input_word_bits bits of an image a cycle at the input port, divides the first layer's MW
  * @param copies images that share every weight read
  */
@upickle.implicits.allowUnknownKeys(false)
case class AcceleratorConfig(
    design: String,
    clock_mhz: Double,
    input_word_bits: Int,
    copies: Int,
    layers: Seq[LayerConfig],
    memory: BlockRam
) {
  if (layers.isEmpty) refuse("layers = []: at least one layer is needed")
  if (copies < 1) refuse(s"copies = $copies: at least 1")
  if (input_word_bits < 1 || layers.head.mw % input_word_bits != 0)
    refuse(
      s"input_word_bits = $input_word_bits does not divide layers[0].mw = ${layers.head.mw}; " +
        s"choose one of ${divisors(layers.head.mw).mkString(", ")}"
    )
  for (((left, right), k) <- layers.zip(layers.drop(1)).zipWithIndex)
    if (left.mh != right.mw) refuse(s"layers[${k + 1}].mw = ${right.mw} is not layers[$k].mh = ${left.mh}")

  // Safely deducible parameters
  val inputWords = layers.head.mw / input_word_bits
  val classes = layers.last.mh
  val classBits = log2Up(classes) max 1
  val scoreBits = layers.last.scoreBits
}

object AcceleratorConfig {
  implicit val rw: ReadWriter[AcceleratorConfig] = macroRW
}
