// SPDX-License-Identifier: Apache-2.0
package xnorfpga.memory

import spinal.core._

/** What the load port says to a memory.
  *
  * @param token one-hot: the column that the word is for
  */
case class LoadBus(shape: MemoryShape) extends Bundle {
  val enable = Bool()
  val token = Bits(shape.columns bits)
  val data = Bits(shape.columnWidth bits)
  val address = UInt(shape.addressBits bits)
}
