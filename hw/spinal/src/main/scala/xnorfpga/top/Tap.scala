// SPDX-License-Identifier: Apache-2.0
package xnorfpga.top

import spinal.core._
import spinal.lib._
import xnorfpga.stream.Beat

/** A hidden layer's bits, shown for one cycle when a group is complete.
  *
  * @param payload copy c's neuron n at bit c · width + n, @param lanes which copies hold an image
  */
case class Tap(copies: Int, width: Int) extends Bundle {
  val valid = Bool()
  val payload = Bits(copies * width bits)
  val lanes = Bits(copies bits)
}

object Tap {

  /** Watch a stream of beats without taking part in it. */
  def watch(stream: Stream[Beat], width: Int): Tap = new Composite(stream, "tap") {
    val from = stream.payload.width
    val count = Counter(width / from)
    val vector = Reg(Beat(stream.payload.copies, width))
    val tap = Tap(stream.payload.copies, width)
    tap.valid := RegNext(stream.fire && count.willOverflowIfInc) init False
    tap.payload := vector.data.asBits
    tap.lanes := vector.lanes
    when(stream.fire) {
      count.increment()
      vector.lanes := stream.lanes
      for ((register, bits) <- vector.data.zip(stream.data)) register := ((bits ## register) >> from).resized
    }
  }.tap
}
