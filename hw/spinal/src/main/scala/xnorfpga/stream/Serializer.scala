// SPDX-License-Identifier: Apache-2.0
package xnorfpga.stream

import spinal.core._
import spinal.lib._

/** Wide beats → narrow ones, lowest element first, without a bubble between vectors. */
case class Serializer(inWidth: Int, outWidth: Int, copies: Int) extends Component {
  require(inWidth % outWidth == 0 && inWidth > outWidth)
  val io = new Bundle {
    val input = slave(Stream(Beat(copies, inWidth)))
    val output = master(Stream(Beat(copies, outWidth)))
  }

  val busy = RegInit(False)
  val count = Counter(inWidth / outWidth)
  val held = Reg(Beat(copies, inWidth))

  io.output.valid := busy
  io.output.lanes := held.lanes
  for ((out, register) <- io.output.data.zip(held.data)) out := register.resized
  io.input.ready := !busy || (io.output.ready && count.willOverflowIfInc)

  when(io.output.fire) {
    count.increment()
    for (register <- held.data) register := (register >> outWidth).resized
    busy.clearWhen(count.willOverflowIfInc)
  }
  when(io.input.fire) {
    busy := True
    held := io.input.payload
  }
}
