// SPDX-License-Identifier: Apache-2.0
package xnorfpga.window

import spinal.core._
import spinal.lib._
import xnorfpga.stream.{Beat, Lanes}

/** Beats of one copy → beats of `copies`, the first in the lowest: windows that then share every weight read.
  *
  * The last one is not stored: it goes on straight from the input, and the others with it.
  */
case class LaneCollector(width: Int, copies: Int, planes: Int) extends Component {
  require(copies > 1)
  val io = new Bundle {
    val input = slave(Stream(Beat(Lanes(1, planes), width)))
    val output = master(Stream(Beat(Lanes(copies, planes), width)))
  }

  val stored = Vec.fill(copies - 1)(Reg(Vec(Bits(width bits), planes)))
  val count = Counter(copies)
  val last = count.willOverflowIfInc
  io.output.valid := io.input.valid && last
  io.input.ready := !last || io.output.ready
  io.output.lanes.setAll()
  for ((data, bits) <- io.output.data.zip((stored :+ io.input.data).flatMap(_.toSeq))) data := bits
  when(io.input.fire) {
    count.increment()
    for ((to, from) <- stored.zip(stored.tail :+ io.input.data)) to := from
  }
}
