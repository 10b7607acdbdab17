// SPDX-License-Identifier: Apache-2.0
package xnorfpga.memory

import spinal.core._
import spinal.lib._
import xnorfpga.stream.WasReset

/** Replaces the model in the memories, word by word, while no image is inside.
  *
  * Order of the words: memory by memory as in the manifest, row by row, column by column. The first word waits until
  * the last image has left; images wait from then until the last word is written. So no image is lost, and none meets
  * half a model.
  */
case class LoadPort(shapes: Seq[MemoryShape]) extends Component {
  val wordBits = LoadPort.wordBits(shapes)
  val io = new Bundle {
    val words = slave(Stream(Bits(wordBits bits)))

    /** CRC-32 (IEEE 802.3, as zlib's) of the last load's bytes, each word's lowest first, from the second cycle
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

  // The accelerator is wide: a word goes through a register before it is decided where it is written
  val word = io.words.haltWhen(!loading && !io.idle).toFlow.stage()
  io.hold := io.words.valid || word.valid || loading
  io.running := loading

  val lastColumn = shapes.zipWithIndex.map { case (shape, k) => memory(k) && token(shape.columns - 1) }.orR

  /** The word is for a memory's last row: a register, for many memories are many depths. */
  val lastRow = RegInit(Bool(shapes.head.depth == 1))
  private val beforeLastRow = shapes.zipWithIndex
    .groupBy { case (shape, _) => shape.depth }
    .toSeq
    .collect { case (depth, same) if depth > 1 => address === depth - 2 && same.map { case (_, k) => memory(k) }.orR }
    .foldLeft(False)(_ || _)
  private val nextHasOneRow = shapes.indices.filter(k => shapes((k + 1) % shapes.size).depth == 1).map(memory(_)).foldLeft(False)(_ || _)

  when(word.valid) {
    loading := True
    token := token |<< 1
    when(lastColumn) {
      token := 1
      address := address + 1
      lastRow := Mux(lastRow, nextHasOneRow, beforeLastRow)
      when(lastRow) {
        address := 0
        memory := memory.rotateLeft(1)
        loading.clearWhen(memory.msb)
      }
    }
  }
  val crc = RegInit(Crc32.start)
  val effect = RegNext(Crc32.ofWord(io.words.payload)) // in a cycle of its own: half the depth of both together
  when(word.valid) { crc := Crc32.ofState(Mux(loading, crc, Crc32.start), wordBits) ^ effect }
  io.checksum := ~crc

  // The memories already hold the initial content when the registers still hold anything: nothing is written before the
  // first reset, nor during one
  val wasReset = WasReset()
  val write = word.valid && wasReset && !ClockDomain.current.isResetActive
  for ((bus, k) <- io.buses.zipWithIndex) {
    bus.enable := write && memory(k)
    bus.token := token.resized
    bus.data := word.payload.resized
    bus.address := address.resized
  }
}

object LoadPort {

  /** Bits of a word at the port: the widest block-RAM column, in whole bytes. */
  def wordBits(shapes: Seq[MemoryShape]): Int = 8 * ((shapes.map(_.columnWidth).max + 7) / 8)
}
