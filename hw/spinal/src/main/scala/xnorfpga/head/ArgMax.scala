// SPDX-License-Identifier: Apache-2.0
package xnorfpga.head

import spinal.core._
import spinal.lib._
import xnorfpga.stream.{Beat, Lanes, ShiftIn}

/** Scores → results: one score a cycle and lane is compared with the best so far, then the lanes leave one by one.
  *
  * Takes `classes` cycles and one for each image of a batch.
  */
case class ArgMax(classes: Int, scoreBits: Int, copies: Int) extends Component {
  val io = new Bundle {
    val input = slave(Stream(Beat(Lanes(copies), scoreBits)))
    val output = master(Stream(Result(classes, scoreBits)))
  }

  val lanes = RegInit(B(0, copies bits)) // images of a finished batch that have not left yet
  val results = Vec.fill(copies)(Reg(Result(classes, scoreBits)))
  val best = Vec.fill(copies)(Reg(UInt(scoreBits bits)))
  val leaving = lanes.orR
  val shift = ShiftIn(results.map(_.scores), scoreBits)
  val index = shift.word.value

  io.input.ready := !leaving
  when(io.input.fire) {
    shift.push(io.input.data)
    for (((result, best), bits) <- results.zip(best).zip(io.input.data)) {
      val score = bits.asUInt
      when(index === 0 || score > best) {
        best := score
        result.label := index.resized
      }
    }
    when(shift.isLast) { lanes := io.input.lanes }
  }

  // Lanes fill from the lowest up, so the next one is always in front of a shift.
  io.output.valid := lanes.lsb
  io.output.payload := results.head
  when(io.output.fire) {
    lanes := lanes |>> 1
    for ((result, next) <- results.zip(results.drop(1))) result := next
  }
}
