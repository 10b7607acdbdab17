// SPDX-License-Identifier: Apache-2.0
package xnorfpga.board

import spinal.core._

/** A byte and where it goes in the memory of frames. */
case class MemoryByte(addressBits: Int) extends Bundle {
  val address = UInt(addressBits bits)
  val data = Bits(8 bits)
}
