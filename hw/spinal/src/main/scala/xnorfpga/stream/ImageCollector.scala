// SPDX-License-Identifier: Apache-2.0
package xnorfpga.stream

import spinal.core._
import spinal.lib._
import xnorfpga.counting.TransitionCounter

/** Input word Stream → beats of whole images: fills one lane after the other, an image's bit planes the least first.
  *
  * A batch goes on when all lanes are full, or with the image whose words carried `last` (flush). While one batch is
  * worked on the next is collected: with the layer's own input register this is the double buffer.
  *
  * Takes lanes · (imageBits / wordBits) cycles a batch.
  *
  * @param imageBits bits of an image in one bit plane
  */
case class ImageCollector(wordBits: Int, imageBits: Int, shape: Lanes, transitionBits: Int = 0) extends Component {
  import shape.{copies, planes}
  require(imageBits % wordBits == 0)
  val io = new Bundle {
    val input = slave(Stream(Fragment(Bits(wordBits bits))))
    val output = master(Stream(Beat(shape, imageBits, transitionBits)))

    /** Take no new image, and pass on the batch that has begun without waiting for more. */
    val hold = in Bool ()

    /** True on the cycle that takes the first word of an image. */
    val imageStarts = out Bool ()
  }

  val full = RegInit(False)
  val first = RegInit(True) // word 0 of a lane: a register, for it stands in the path to ready
  val lane = RegInit(B(1, shape.count bits)) // one-hot: the lane being filled
  val lanes = RegInit(B(0, copies bits))
  val images = Vec.fill(shape.count)(Reg(Bits(imageBits bits)))
  val shift = ShiftIn(images, wordBits)

  io.output.valid := full
  io.output.lanes := lanes
  io.output.data := images
  if (transitionBits > 0) for (k <- 0 until shape.count) {
    val transitions = TransitionCounter(wordBits, transitionBits)
    transitions.io.take := io.input.fire && lane(k)
    transitions.io.first := first
    transitions.io.word := io.input.fragment
    io.output.transitions(k) := transitions.io.count
  }

  /** Of each copy: the lane being filled holds this plane of it. */
  private def filling(plane: Int) = if (planes == 1) lane else Cat((0 until copies).map(copy => lane(shape(copy, plane))))
  val imageFirst = if (planes == 1) first else first && filling(0).orR
  val flush = if (planes == 1) io.input.last else io.input.last && filling(planes - 1).orR
  val blocked = io.hold && imageFirst
  io.input.ready := (!full || io.output.ready) && !blocked
  io.imageStarts := io.input.fire && imageFirst

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
      lanes := Mux(io.output.fire, B(0, copies bits), lanes) | filling(planes - 1)
      lane := lane.rotateLeft(1)
      when(lane.msb || flush) {
        full := True
        lane := 1
      }
    }
  }
}
