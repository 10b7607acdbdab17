// SPDX-License-Identifier: Apache-2.0
package xnorfpga.stream

import spinal.core._
import spinal.lib._
import xnorfpga.counting.TransitionCounter

/** Narrow beats → whole vectors: shifts `inWidth` bits a lane and cycle into a register of `outWidth`, lowest element
  * first. The next vector is collected while the last one stands in the layer's input register.
  *
  * @param dataLag cycles by which the vector's bits, and nothing else, come later than their handshake. Here they wait
  *   as narrow beats; behind, every bit of the vector would need a register for each cycle.
  */
case class Collector(inWidth: Int, outWidth: Int, lanes: Lanes, transitionBits: Int = 0, dataLag: Int = 0) extends Component {
  require(outWidth % inWidth == 0)
  val io = new Bundle {
    val input = slave(Stream(Beat(lanes, inWidth)))
    val output = master(Stream(Beat(lanes, outWidth, transitionBits)))
  }

  val full = RegInit(False)
  val vector = Reg(Beat(lanes, outWidth))
  val shift = ShiftIn(vector.data, inWidth)

  io.output.valid := full
  io.output.lanes := vector.lanes
  io.output.data := vector.data
  if (transitionBits > 0) for (k <- 0 until lanes.count) {
    val transitions = TransitionCounter(inWidth, transitionBits)
    transitions.io.take := io.input.fire
    transitions.io.first := shift.word.value === 0
    transitions.io.word := io.input.data(k)
    io.output.transitions(k) := transitions.io.count
  }
  io.input.ready := !full || io.output.ready

  when(io.output.fire) { full := False }
  when(Delay(io.input.fire, dataLag, init = False)) { shift.fill(Delay(io.input.data, dataLag)) }
  when(io.input.fire) {
    shift.word.increment()
    vector.lanes := io.input.lanes
    when(shift.isLast) { full := True }
  }
}
