// SPDX-License-Identifier: Apache-2.0
package xnorfpga.top

import spinal.core._
import spinal.lib._
import xnorfpga.stream.{Beat, Lanes, ShiftIn}

/** A hidden layer's bits, shown for one cycle when a batch is complete.
  *
  * @param payload of each copy the planes of `width` neurons, the least first, @param lanes which copies hold an image
  */
case class Probe(shape: Lanes, width: Int) extends Bundle {
  val valid = Bool()
  val payload = Bits(shape.count * width bits)
  val lanes = Bits(shape.copies bits)
}

object Probe {

  /** Watch a stream of beats without taking part in it. */
  def watch(stream: Stream[Beat], width: Int): Probe = new Composite(stream, "probe") {
    val vector = Reg(Beat(stream.payload.shape, width))
    val shift = ShiftIn(vector.data, stream.payload.width)
    val probe = Probe(stream.payload.shape, width)
    probe.valid := RegNext(stream.fire && shift.isLast) init False
    probe.payload := vector.data.asBits
    probe.lanes := vector.lanes
    when(stream.fire) {
      shift.push(stream.data)
      vector.lanes := stream.lanes
    }
  }.probe
}
