// SPDX-License-Identifier: Apache-2.0
package xnorfpga

import spinal.core._
import spinal.lib._

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
