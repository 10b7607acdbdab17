// SPDX-License-Identifier: Apache-2.0
package xnorfpga.window

import spinal.core._
import spinal.lib._
import xnorfpga.config.Slide
import xnorfpga.stream.{Beat, Lanes}

/** Pixels of a map → of each square of them the greatest answer of each channel: for answers of one bit an OR.
  *
  * An answer of several planes is a number, how many thresholds are reached; a neuron whose answer falls with its sum
  * has its weights flipped when they are written, so a greater number is a greater answer, always.
  */
case class MaxPool(squares: Slide, planes: Int) extends Component {
  import squares.{channels, kernel}
  private val lanes = Lanes(1, planes)
  val io = new Bundle {
    val input = slave(Stream(Beat(lanes, channels)))
    val output = master(Stream(Beat(lanes, channels)))
  }
  val sliding = SlidingWindow(squares, planes)
  sliding.io.input << io.input

  /** Of each channel the greatest number in the square. */
  private val greatest = for (channel <- 0 until channels) yield {
    def number(pixel: Int): UInt = Cat(sliding.io.output.data.map(bits => bits(pixel * channels + channel))).asUInt
    Seq.tabulate(kernel * kernel)(number).reduceBalancedTree((a, b) => if (planes == 1) a | b else Mux(a > b, a, b))
  }
  io.output.arbitrationFrom(sliding.io.output)
  io.output.lanes := sliding.io.output.lanes
  for ((data, plane) <- io.output.data.zipWithIndex) data := Cat(greatest.map(_(plane)))
}
