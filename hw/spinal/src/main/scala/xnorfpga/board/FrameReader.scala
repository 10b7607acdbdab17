// SPDX-License-Identifier: Apache-2.0
package xnorfpga.board

import spinal.core._
import spinal.lib._
import xnorfpga.memory.Crc32

/** Bytes of the line → a frame in memory, from address 0 on: undoes COBS and checks the CRC-32.
  *
  * A frame is good where its blocks end with it, it is no longer than `requestBytes`, no shorter than a header, and its
  * CRC fits. Nothing between two delimiters is no frame.
  */
case class FrameReader(requestBytes: Int, addressBits: Int) extends Component {
  val io = new Bundle {
    val bytes = slave(Flow(Bits(8 bits)))

    /** The last frame is still worked on: what comes is dropped, up to the next delimiter. */
    val busy = in Bool ()
    val write = master(Flow(MemoryByte(addressBits)))

    /** For one cycle each; what follows stands from then until the next frame begins. */
    val good, bad = out Bool ()
    val header = out Vec (Bits(8 bits), LinkPlan.headerBytes)

    /** Bytes of header and data, without the CRC. */
    val length = out UInt (addressBits bits)
    val crc = out Bits (32 bits)
  }

  val skipping = RegInit(False)
  val begun = RegInit(False)
  val block = Reg(UInt(8 bits)) init 0 // bytes of the block that are still to come; at 0 the next one begins a block
  val zero = RegInit(False) // between the last block and the next one stood a zero
  val tooLong = RegInit(False)
  val length = Reg(UInt(addressBits bits)) init 0
  val state = RegInit(Crc32.start)
  val tail = Reg(Bits(32 bits)) // the last four bytes: a whole frame's CRC
  val header = Vec.fill(LinkPlan.headerBytes)(Reg(Bits(8 bits)))

  val delimiter = io.bytes.valid && io.bytes.payload === 0
  val taken = io.bytes.valid && !delimiter && !io.busy && !skipping
  val blockStarts = block === 0
  val byte = Mux(blockStarts, B(0, 8 bits), io.bytes.payload)
  val decoded = taken && (!blockStarts || zero)
  val fits = length =/= requestBytes

  when(io.bytes.valid) { skipping := !delimiter && (skipping || io.busy) }
  when(taken) {
    begun := True
    block := Mux(blockStarts, io.bytes.payload.asUInt, block) - 1
    when(blockStarts) { zero := io.bytes.payload =/= 255 }
  }
  when(decoded) {
    state := Crc32.ofState(state, 8) ^ Crc32.ofWord(byte)
    tail := byte ## tail(31 downto 8)
    for ((register, k) <- header.zipWithIndex) when(length === k) { register := byte }
    when(fits) { length := length + 1 } otherwise { tooLong := True }
  }
  io.write.valid := decoded && fits
  io.write.address := length
  io.write.data := byte

  val longEnough = length >= LinkPlan.headerBytes + LinkPlan.crcBytes
  val whole = blockStarts && !tooLong && longEnough && state === FrameReader.residue
  io.good := RegNext(delimiter && begun && whole) init False
  io.bad := RegNext(delimiter && begun && !whole) init False
  io.length := RegNextWhen(length - LinkPlan.crcBytes, delimiter && begun)
  io.header := header
  io.crc := tail
  when(delimiter) {
    begun := False
    block := 0
    zero := False
    tooLong := False
    length := 0
    state := Crc32.start
  }
}

object FrameReader {

  /** What the CRC's register holds after any bytes and their own CRC-32. */
  def residue: Bits = B(BigInt("debb20e3", 16), 32 bits)
}
