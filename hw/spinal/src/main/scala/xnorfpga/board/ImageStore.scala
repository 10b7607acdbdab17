// SPDX-License-Identifier: Apache-2.0
package xnorfpga.board

import spinal.core._
import spinal.lib._

/** Images of a batch, collected at the cable's pace and given to the accelerator at its own, once or many times over.
  *
  * So the lanes are full, and the cycles of a batch are the engine's. The last image of the last round flushes.
  *
  * @param wordBits bits of a word, @param imageWords words of an image, @param maxImages of a batch
  * @param depth words that there is room for, @param inLogic the memory is of MLABs, not of block RAM
  */
case class ImageStore(wordBits: Int, imageWords: Int, maxImages: Int, depth: Int, inLogic: Boolean, maxLogRounds: Int)
    extends Component {
  val io = new Bundle {

    /** Begin a batch: from now on `count` images come, and go 2^logRounds times. */
    val start = in Bool ()
    val count = in UInt (log2Up(maxImages + 1) bits)
    val logRounds = in UInt (log2Up(maxLogRounds + 1) bits)
    val words = slave(Stream(Bits(wordBits bits)))
    val images = master(Stream(Fragment(Bits(wordBits bits))))

    /** Images are being given. */
    val giving = out Bool ()
  }

  val memory = Mem(Bits(wordBits bits), depth)
  memory.addAttribute("ramstyle", s"${if (inLogic) "MLAB" else "M10K"}, no_rw_check")

  val collecting, giving = RegInit(False)
  val address = Reg(UInt(memory.addressWidth bits))
  val word = Counter(imageWords)
  val image = Reg(UInt(log2Up(maxImages max 2) bits))
  val round = Reg(UInt(maxLogRounds bits))
  val lastImage = (image +^ 1) === io.count
  val lastRound = (round +^ 1) === (U(1, maxLogRounds + 1 bits) |<< io.logRounds)

  val places = Stream(UInt(memory.addressWidth bits))
  places.valid := giving
  places.payload := address
  val read = memory.streamReadSync(places, lastImage && lastRound)
  io.images.arbitrationFrom(read)
  io.images.fragment := read.value
  io.images.last := read.linked
  io.giving := giving

  io.words.ready := collecting
  memory.write(address, io.words.payload, io.words.fire)

  when(io.words.fire || places.fire) {
    address := address + 1
    word.increment()
    when(word.willOverflowIfInc) {
      image := image + 1
      when(lastImage) {
        image := 0
        address := 0
        collecting := False
        giving := collecting || !lastRound
        when(giving) { round := round + 1 }
      }
    }
  }
  when(io.start) {
    collecting := True
    address := 0
    image := 0
    round := 0
  }
}
