// SPDX-License-Identifier: Apache-2.0
package xnorfpga.config

import spinal.core._
import upickle.default._
import upickle.implicits.key

/** The whole accelerator, as `hardware.json` states it.
  *
  * @param inputWordBits bits of an image a cycle at the input port, divides the first layer's MW; bit planes come one
  *   after the other, the least first
  * @param copies images that share every weight read
  * @param baud bits a second of the board's serial port
  * @param oscillatorMhz of the board; a PLL makes another clock of it
  */
@upickle.implicits.allowUnknownKeys(false)
case class AcceleratorConfig(
    design: String,
    @key("clock_mhz") clockMhz: Double,
    @key("input_word_bits") inputWordBits: Int,
    copies: Int,
    layers: Seq[LayerConfig],
    memory: BlockRam,
    baud: Int = 1000000,
    @key("oscillator_mhz") oscillatorMhz: Double = 50
) {
  if (layers.isEmpty) refuse("layers = []: at least one layer is needed")
  if (copies < 1) refuse(s"copies = $copies: at least 1")
  private val map = layers.head.convolution
  map match {
    case Some(convolution) =>
      val pixelBits = convolution.channels * layers.head.planes
      if (inputWordBits != pixelBits)
        refuse(s"input_word_bits = $inputWordBits: a word is a pixel of ${convolution.channels} × ${layers.head.planes} = $pixelBits bits")
      if (copies != 1) refuse(s"copies = $copies: with convolutions 1; the windows of an image share the weights")
    case None =>
      if (inputWordBits < 1 || layers.head.mw % inputWordBits != 0)
        refuse(
          s"input_word_bits = $inputWordBits does not divide layers[0].mw = ${layers.head.mw}; " +
            s"choose one of ${divisors(layers.head.mw).mkString(", ")}"
        )
  }
  if (layers.last.convolution.nonEmpty) refuse("the last layer is a convolution: its sums are the scores, of a fully connected one")
  for (((left, right), k) <- layers.zip(layers.drop(1)).zipWithIndex) {
    val pooled = left.convolution.map(_.pooling(left.mh))
    right.convolution match {
      case Some(next) if !pooled.exists(map => (map.outHeight, map.outWidth, left.mh) == (next.height, next.width, next.channels)) =>
        refuse(s"layers[${k + 1}].convolution takes ${next.height} × ${next.width} × ${next.channels}, which is not what layers[$k] gives")
      case None if left.mh * pooled.fold(1)(map => map.outHeight * map.outWidth) != right.mw =>
        refuse(s"layers[${k + 1}].mw = ${right.mw} is not ${if (pooled.isEmpty) s"layers[$k].mh = ${left.mh}" else s"the map that layers[$k] gives"}")
      case _ =>
    }
  }
  if (layers.last.weights != Weights.Binary)
    refuse(s"weights = \"${layers.last.weights.name}\" in the last layer: its sums are the scores, which only binary weights compare")

  // Safely deducible parameters
  val hasPll = clockMhz != oscillatorMhz
  val inputWords = map.fold(layers.head.planes * (layers.head.mw / inputWordBits))(image => image.height * image.width)
  val classes = layers.last.mh
  val classBits = log2Up(classes) max 1
  val scoreBits = layers.last.scoreBits
}

object AcceleratorConfig {
  implicit val rw: ReadWriter[AcceleratorConfig] = macroRW
}
