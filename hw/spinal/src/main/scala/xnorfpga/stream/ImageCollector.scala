// SPDX-License-Identifier: Apache-2.0
package xnorfpga.stream

import spinal.core._
import spinal.lib._
import xnorfpga.counting.UnlikePairs

/** Input word Stream → beats of whole images: fills one lane after the other.
  *
  * A group goes on when all lanes are full, or with the image whose words carried `last` (flush). While one group is
  * worked on the next is collected: with the layer's own input register this is the double buffer.
  *
  * Takes copies · (imageBits / wordBits) cycles a group.
  */
case class ImageCollector(wordBits: Int, imageBits: Int, copies: Int, unlikeBits: Int = 0) extends Component {
  require(imageBits % wordBits == 0)
  val io = new Bundle {
    val input = slave(Stream(Fragment(Bits(wordBits bits))))
    val output = master(Stream(Beat(copies, imageBits, unlikeBits)))

    /** Take no new image, and pass on the group that has begun without waiting for more. */
    val hold = in Bool ()

    /** True on the cycle that takes the first word of an image. */
    val imageStarts = out Bool ()
  }

  val full = RegInit(False)
  val word = Counter(imageBits / wordBits)
  val first = RegInit(True) // word 0: a register, for it stands in the path to ready
  val lane = RegInit(B(1, copies bits)) // one-hot: the lane being filled
  val lanes = RegInit(B(0, copies bits))
  val images = Vec.fill(copies)(Reg(Bits(imageBits bits)))

  io.output.valid := full
  io.output.lanes := lanes
  io.output.data := images
  if (unlikeBits > 0) for (c <- 0 until copies) {
    val unlike = UnlikePairs(wordBits, unlikeBits)
    unlike.io.take := io.input.fire && lane(c)
    unlike.io.first := first
    unlike.io.word := io.input.fragment
    io.output.unlike(c) := unlike.io.count
  }
  val held = io.hold && first
  io.input.ready := (!full || io.output.ready) && !held
  io.imageStarts := io.input.fire && first

  when(io.output.fire) {
    full := False
    lanes := 0
  }
  when(held && !lane.lsb) {
    full := True
    lane := 1
  }
  when(io.input.fire) {
    word.increment()
    first := word.willOverflowIfInc
    for (c <- 0 until copies) when(lane(c)) {
      images(c) := (io.input.fragment ## images(c)) >> wordBits
    }
    when(word.willOverflowIfInc) {
      lanes := Mux(io.output.fire, B(0, copies bits), lanes) | lane
      lane := lane.rotateLeft(1)
      when(lane.msb || io.input.last) {
        full := True
        lane := 1
      }
    }
  }
}
