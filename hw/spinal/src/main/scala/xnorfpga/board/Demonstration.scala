// SPDX-License-Identifier: Apache-2.0
package xnorfpga.board

import spinal.core._
import spinal.lib._
import xnorfpga.head.Result
import xnorfpga.memory.{Memory, MemoryShape}

/** Classifies an image that the board has stored, at the press of a key: a demonstration without a host.
  *
  * The image goes to the accelerator at full width, alone, so the cycles are the latency of a lone image. They are
  * counted in decimal, for a display. A key that bounces classifies the image again, to the same end.
  *
  * @param shape row `image · 2^k + word`, of 2^k rows for each image
  * @param choices images that it holds, a power of two
  */
case class Demonstration(shape: MemoryShape, choices: Int, imageWords: Int, classes: Int, scoreBits: Int) extends Component {
  val io = new Bundle {

    /** Begin, where the accelerator is free; else it is not heeded. */
    val start = in Bool ()
    val image = in UInt (log2Up(choices) bits)
    val images = master(Stream(Fragment(Bits(shape.width bits))))
    val results = slave(Stream(Result(classes, scoreBits)))

    /** The accelerator is at work for the demonstration. */
    val active = out Bool ()

    /** From the first word, as it enters the accelerator a cycle later, to the result: the lowest digit first; it stops
      * at 9,999.
      */
    val cycles = out Vec (UInt(4 bits), Demonstration.digits)
  }

  val active, giving, counting = RegInit(False)
  val begins = io.start && !active
  val image = RegNextWhen(io.image, begins)
  val word = Counter(imageWords)
  val memory = Memory(shape)
  memory.write_enable := 0
  memory.write_address := 0
  memory.write_data := 0
  // The next row is asked for as a word leaves, so one leaves a cycle; the first takes a cycle to come
  val row = if (imageWords == 1) image.asBits else image ## word.valueNext
  memory.read_address := row.asUInt
  io.images.valid := giving && (RegNext(giving) init False)
  io.images.fragment := memory.read_data
  io.images.last := word.willOverflowIfInc
  io.results.ready := active
  io.active := active

  val cycles = Vec.fill(Demonstration.digits)(Reg(UInt(4 bits)) init 0)
  io.cycles := cycles
  val entered = RegNext(io.images.fire) init False
  val counts = (entered || counting) && active && !io.results.fire && !cycles.map(_ === 9).andR
  val carries = cycles.scanLeft(counts)((carry, digit) => carry && digit === 9)
  for ((digit, carry) <- cycles.zip(carries)) when(carry) { digit := Mux(digit === 9, U(0), digit + 1) }

  when(io.images.fire) {
    word.increment()
    giving := !io.images.last
  }
  when(entered) { counting := True }
  when(io.results.fire) {
    active := False
    counting := False
  }
  when(begins) {
    active := True
    giving := True
    cycles.foreach(_ := 0)
  }
}

object Demonstration {
  val mostImages = 16 // SW has four switches
  val digits = 4

  /** Rows of the stored images' memory. */
  def depth(images: Int, imageWords: Int): Int = images << log2Up(imageWords)
}
