// SPDX-License-Identifier: Apache-2.0
package xnorfpga.stream

import spinal.core._
import spinal.lib._
import xnorfpga.counting.TransitionCounter

/** Input word Stream → beats of whole images: fills one lane after the other.
  *
  * A batch goes on when all lanes are full, or with the image whose words carried `last` (flush). While one batch is
  * worked on the next is collected: with the layer's own input register this is the double buffer.
  *
  * Takes copies · (imageBits / wordBits) cycles a batch.
  */
case class ImageCollector(wordBits: Int, imageBits: Int, copies: Int, transitionBits: Int = 0) extends Component {
  require(imageBits % wordBits == 0)
  val io = new Bundle {
    val input = slave(Stream(Fragment(Bits(wordBits bits))))
    val output = master(Stream(Beat(Lanes(copies), imageBits, transitionBits)))

    /** Take no new image, and pass on the batch that has begun without waiting for more. */
    val hold = in Bool ()

    /** True on the cycle that takes the first word of an image. */
    val imageStarts = out Bool ()
  }

  val full = RegInit(False)
  val first = RegInit(True) // word 0: a register, for it stands in the path to ready
  val lane = RegInit(B(1, copies bits)) // one-hot: the lane being filled
  val lanes = RegInit(B(0, copies bits))
  val images = Vec.fill(copies)(Reg(Bits(imageBits bits)))
  val shift = ShiftIn(images, wordBits)

  io.output.valid := full
  io.output.lanes := lanes
  io.output.data := images
  if (transitionBits > 0) for (c <- 0 until copies) {
    val transitions = TransitionCounter(wordBits, transitionBits)
    transitions.io.take := io.input.fire && lane(c)
    transitions.io.first := first
    transitions.io.word := io.input.fragment
    io.output.transitions(c) := transitions.io.count
  }
  val blocked = io.hold && first
  io.input.ready := (!full || io.output.ready) && !blocked
  io.imageStarts := io.input.fire && first

  when(io.output.fire) {
    full := False
    lanes := 0
  }
  when(blocked && !lane.lsb) {
    full := True
    lane := 1
  }
  when(io.input.fire) {
    shift.push(io.input.fragment, lane)
    first := shift.isLast
    when(shift.isLast) {
      lanes := Mux(io.output.fire, B(0, copies bits), lanes) | lane
      lane := lane.rotateLeft(1)
      when(lane.msb || io.input.last) {
        full := True
        lane := 1
      }
    }
  }
}
