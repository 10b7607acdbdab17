// SPDX-License-Identifier: Apache-2.0
package xnorfpga.stream

import spinal.core._
import spinal.lib._

/** Wide beats → narrow ones, lowest element first, without a bubble between vectors. */
case class Serializer(inWidth: Int, outWidth: Int, lanes: Lanes) extends Component {
  require(inWidth % outWidth == 0 && inWidth > outWidth)
  val io = new Bundle {
    val input = slave(Stream(Beat(lanes, inWidth)))
    val output = master(Stream(Beat(lanes, outWidth)))
  }

  val busy = RegInit(False)
  val count = Counter(inWidth / outWidth)
  val vector = Reg(Beat(lanes, inWidth))

  io.output.valid := busy
  io.output.lanes := vector.lanes
  for ((out, register) <- io.output.data.zip(vector.data)) out := register.resized
  io.input.ready := !busy || (io.output.ready && count.willOverflowIfInc)

  when(io.output.fire) {
    count.increment()
    for (register <- vector.data) register := (register >> outWidth).resized
    busy.clearWhen(count.willOverflowIfInc)
  }
  when(io.input.fire) {
    busy := True
    vector := io.input.payload
  }
}
