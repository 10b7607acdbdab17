// SPDX-License-Identifier: Apache-2.0
package xnorfpga.config

import upickle.default._

/** The map that a convolutional layer's windows slide over, and what becomes of the map of its answers.
  *
  * @param height of the map that comes in, @param width of it, pixels, @param channels bits of a pixel in each bit plane
  * @param kernel side of the square windows, @param stride from window to window
  * @param padding rows and columns of −1, bit 0, around the map
  * @param pool side of the squares of answers of which the greatest goes on, square beside square; 1: all go on
  */
@upickle.implicits.allowUnknownKeys(false)
case class Convolution(height: Int, width: Int, channels: Int, kernel: Int, stride: Int, padding: Int, pool: Int) {
  if (Seq(height, width, channels, kernel, stride, pool).min < 1 || padding < 0)
    refuse(s"convolution = $this: sizes are at least 1, padding at least 0")
  if (padding >= kernel) refuse(s"padding = $padding: less than kernel = $kernel, or a window would see nothing of the map")
  if (kernel > (height min width) + 2 * padding)
    refuse(s"kernel = $kernel is larger than the map of $height × $width pixels with padding = $padding")

  /** What the windows slide over. */
  val slide = Slide(height, width, channels, kernel, stride, padding, whole = pool)
  if ((slide.outHeight min slide.outWidth) < 1) refuse(s"pool = $pool is larger than the map of answers")

  /** Windows of an image. */
  val windows = slide.outHeight * slide.outWidth

  /** Elements of a window. */
  val mw = slide.elements

  /** What the squares of answers slide over, `filters` bits a pixel. */
  def pooling(filters: Int): Slide = Slide(slide.outHeight, slide.outWidth, filters, pool, pool, padding = 0)
}

object Convolution {
  implicit val rw: ReadWriter[Convolution] = macroRW
}

/** A square of `kernel` × `kernel` pixels that slides over a map by `stride`, with a frame of `padding` zeros around it.
  *
  * @param whole rows and columns of places are a multiple of it: where no square of the pool would see an answer, none
  *   is given
  */
case class Slide(height: Int, width: Int, channels: Int, kernel: Int, stride: Int, padding: Int, whole: Int = 1) {
  val paddedHeight = height + 2 * padding
  val paddedWidth = width + 2 * padding
  private def places(size: Int) = ((size - kernel) / stride + 1) / whole * whole
  val outHeight = places(paddedHeight)
  val outWidth = places(paddedWidth)

  /** Bits of a square in each bit plane: row by row, pixel by pixel, the channels of a pixel side by side. */
  val elements = kernel * kernel * channels
}
