// SPDX-License-Identifier: Apache-2.0
package xnorfpga

import spinal.core._
import spinal.lib._

/** Replaces the model in the memories, word by word, while no image is inside.
  *
  * Order of the words: memory by memory as in the manifest, row by row, column by column. The first word waits until
  * the last image has left; images wait from then until the last word is written. So no image is lost, and none meets
  * half a model.
  */
case class LoadPort(shapes: Seq[MemoryShape]) extends Component {
  val io = new Bundle {
    val words = slave(Stream(Bits(LoadPort.wordBits bits)))

    /** CRC-32 (IEEE 802.3, as zlib's) of the last load's words, five bytes each, lowest first, from the second cycle
      * after the last one; 0 before any load.
      */
    val checksum = out Bits (32 bits)

    /** True while no image is inside the accelerator. */
    val idle = in Bool ()

    /** True while a load waits or runs: no new image may enter. */
    val hold = out Bool ()

    /** True from the first word until the last: the memories hold parts of two models. */
    val running = out Bool ()
    val buses = shapes.map(shape => out(LoadBus(shape)))
  }

  val loading = RegInit(False)
  val memory = RegInit(B(1, shapes.size bits)) // one-hot
  val token = RegInit(B(1, shapes.map(_.columns).max bits)) // one-hot column: a shift, where a counter would need a decoder
  val address = Reg(UInt(shapes.map(_.addressBits).max bits)) init 0

  io.hold := io.words.valid || loading
  io.running := loading
  io.words.ready := loading || io.idle

  val lastColumn = shapes.zipWithIndex.map { case (shape, k) => memory(k) && token(shape.columns - 1) }.orR
  val lastRow = shapes.zipWithIndex
    .groupBy { case (shape, _) => shape.depth }
    .toSeq
    .sortBy { case (depth, _) => depth }
    .map { case (depth, same) => address === depth - 1 && same.map { case (_, k) => memory(k) }.orR }
    .orR

  when(io.words.fire) {
    loading := True
    token := token |<< 1
    when(lastColumn) {
      token := 1
      address := address + 1
      when(lastRow) {
        address := 0
        memory := memory.rotateLeft(1)
        loading.clearWhen(memory.msb)
      }
    }
  }
  val crc = RegInit(Crc32.start)
  when(RegNext(io.words.fire) init False) { crc := Crc32(crc, RegNext(io.words.payload)) }
  when(io.words.fire && !loading) { crc := Crc32.start }
  io.checksum := ~crc

  for ((bus, k) <- io.buses.zipWithIndex) {
    bus.enable := io.words.fire && memory(k)
    bus.token := token.resized
    bus.data := io.words.payload.resized
    bus.address := address.resized
  }
}

object LoadPort {

  /** Bits of a word at the port: the widest block-RAM column. */
  val wordBits = 40
}

/** One word's step of CRC-32, lowest bit first: each bit of the next state is an exclusive-or of bits of state and word. */
object Crc32 {
  def start: Bits = B(32 bits, default -> True)

  def apply(state: Bits, word: Bits): Bits = {
    val inputs = word ## state
    val effects = (0 until inputs.getWidth).map(k => step(BigInt(1) << k, word.getWidth))
    Cat((0 until 32).map(bit => inputs.asBools.zip(effects).collect { case (input, effect) if effect.testBit(bit) => input }.xorR))
  }

  /** The next state, for state and word as one number: linear, so the effects of single bits tell all. */
  private def step(stateAndWord: BigInt, wordBits: Int): BigInt = {
    val mask = (BigInt(1) << 32) - 1
    (0 until wordBits).foldLeft(stateAndWord & mask) { (state, k) =>
      val feedback = state.testBit(0) ^ stateAndWord.testBit(32 + k)
      if (feedback) (state >> 1) ^ BigInt("edb88320", 16) else state >> 1
    }
  }
}
