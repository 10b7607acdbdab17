// SPDX-License-Identifier: Apache-2.0
package xnorfpga.stream

import spinal.core._
import spinal.lib._
import xnorfpga.counting.UnlikePairs

/** Narrow beats → whole vectors: shifts `inWidth` bits a lane and cycle into a register of `outWidth`, lowest element
  * first. The next vector is collected while the last one stands in the layer's input register.
  */
case class Collector(inWidth: Int, outWidth: Int, copies: Int, unlikeBits: Int = 0) extends Component {
  require(outWidth % inWidth == 0)
  val io = new Bundle {
    val input = slave(Stream(Beat(copies, inWidth)))
    val output = master(Stream(Beat(copies, outWidth, unlikeBits)))
  }

  val full = RegInit(False)
  val count = Counter(outWidth / inWidth)
  val held = Reg(Beat(copies, outWidth))

  io.output.valid := full
  io.output.lanes := held.lanes
  io.output.data := held.data
  if (unlikeBits > 0) for (c <- 0 until copies) {
    val unlike = UnlikePairs(inWidth, unlikeBits)
    unlike.io.take := io.input.fire
    unlike.io.first := count.value === 0
    unlike.io.word := io.input.data(c)
    io.output.unlike(c) := unlike.io.count
  }
  io.input.ready := !full || io.output.ready

  when(io.output.fire) { full := False }
  when(io.input.fire) {
    count.increment()
    held.lanes := io.input.lanes
    for ((register, bits) <- held.data.zip(io.input.data)) register := (bits ## register) >> inWidth
    when(count.willOverflowIfInc) { full := True }
  }
}
