// SPDX-License-Identifier: Apache-2.0
package xnorfpga.board

import spinal.core._
import spinal.lib._
import xnorfpga.memory.Crc32

/** An answer's bytes → a frame in memory, ready to be sent: appends the CRC-32, applies COBS, adds the delimiter.
  *
  * A zero gives its place to the length of the block behind it, so a block's length is written when the block ends.
  */
case class FrameWriter(addressBits: Int) extends Component {
  val io = new Bundle {

    /** Begin a frame at `base`. */
    val start = in Bool ()
    val base = in UInt (addressBits bits)
    val bytes = slave(Stream(Fragment(Bits(8 bits))))
    val write = master(Flow(MemoryByte(addressBits)))

    /** For one cycle: the frame is complete, up to, not including, `end`. */
    val done = out Bool ()
    val end = out UInt (addressBits bits)
  }

  object Phase extends SpinalEnum { val Data, Crc, Close, Delimiter = newElement() }
  val phase = RegInit(Phase.Data)
  val place = Reg(UInt(addressBits bits)) // of the next byte
  val blockPlace = Reg(UInt(addressBits bits)) // of the block's length
  val block = Reg(UInt(8 bits)) // 1 + bytes of the block
  val state = Reg(Bits(32 bits)) // of the CRC; then what of it is still to be written
  val crcByte = Counter(LinkPlan.crcBytes)

  val byte = Mux(phase === Phase.Data, io.bytes.fragment, ~state(7 downto 0))
  val offered = Mux(phase === Phase.Data, io.bytes.valid, phase === Phase.Crc)
  val blockFull = block.andR
  val blockEnds = offered && (blockFull || byte === 0) || phase === Phase.Close
  val taken = offered && !blockFull

  io.bytes.ready := phase === Phase.Data && !blockFull
  io.write.valid := offered || phase === Phase.Close || phase === Phase.Delimiter
  io.write.address := Mux(blockEnds, blockPlace, place)
  io.write.data := phase.mux(Phase.Delimiter -> B(0, 8 bits), default -> Mux(blockEnds, block.asBits, byte))
  io.done := RegNext(phase === Phase.Delimiter) init False
  io.end := place

  when(offered) {
    place := place + 1
    block := block + 1
    when(blockEnds) {
      blockPlace := place
      block := 1
    }
  }
  when(taken) {
    state := Mux(phase === Phase.Data, Crc32.ofState(state, 8) ^ Crc32.ofWord(byte), state |>> 8)
  }
  switch(phase) {
    is(Phase.Data) { when(io.bytes.fire && io.bytes.last) { phase := Phase.Crc } }
    is(Phase.Crc) {
      when(taken) {
        crcByte.increment()
        when(crcByte.willOverflowIfInc) { phase := Phase.Close }
      }
    }
    is(Phase.Close) { phase := Phase.Delimiter }
    is(Phase.Delimiter) {
      phase := Phase.Data
      place := place + 1
    }
  }
  when(io.start) {
    blockPlace := io.base
    place := io.base + 1
    block := 1
    state := Crc32.start
  }
}
