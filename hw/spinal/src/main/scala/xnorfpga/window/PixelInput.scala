// SPDX-License-Identifier: Apache-2.0
package xnorfpga.window

import spinal.core._
import spinal.lib._
import xnorfpga.stream.{Beat, Lanes}

/** Input word Stream → pixels: a word is a pixel, its channels side by side, bit plane above bit plane.
  *
  * @param pixels of an image
  */
case class PixelInput(pixels: Int, channels: Int, planes: Int) extends Component {
  val io = new Bundle {
    val input = slave(Stream(Fragment(Bits(channels * planes bits))))
    val output = master(Stream(Beat(Lanes(1, planes), channels)))

    /** Take no new image; the offer of its first pixel is withdrawn. */
    val hold = in Bool ()

    /** True on the cycle that takes the first word of an image. */
    val imageStarts = out Bool ()
  }

  val pixel = Counter(pixels)
  val first = RegInit(True) // of an image: a register, for it stands in the path to ready
  val words = io.input.haltWhen(io.hold && first)
  io.output.arbitrationFrom(words)
  io.output.lanes := 1
  io.output.data.assignFromBits(words.fragment)
  io.imageStarts := io.input.fire && first
  when(io.input.fire) {
    pixel.increment()
    first := pixel.willOverflowIfInc
  }
}
