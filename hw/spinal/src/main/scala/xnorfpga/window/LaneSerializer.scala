// SPDX-License-Identifier: Apache-2.0
package xnorfpga.window

import spinal.core._
import spinal.lib._
import xnorfpga.stream.{Beat, Lanes}

/** Beats of `copies` → beats of one copy, the lowest first, without a bubble: the answers to windows become pixels. */
case class LaneSerializer(width: Int, copies: Int, planes: Int) extends Component {
  require(copies > 1)
  val io = new Bundle {
    val input = slave(Stream(Beat(Lanes(copies, planes), width)))
    val output = master(Stream(Beat(Lanes(1, planes), width)))
  }

  val busy = RegInit(False)
  val count = Counter(copies)
  val waiting = Vec.fill(copies)(Reg(Vec(Bits(width bits), planes)))
  io.output.valid := busy
  io.output.lanes := 1
  io.output.data := waiting.head
  io.input.ready := !busy || (io.output.ready && count.willOverflowIfInc)
  when(io.output.fire) {
    count.increment()
    for ((to, from) <- waiting.zip(waiting.tail)) to := from
    busy.clearWhen(count.willOverflowIfInc)
  }
  when(io.input.fire) {
    busy := True
    for ((to, from) <- waiting.flatMap(_.toSeq).zip(io.input.data)) to := from
  }
}
