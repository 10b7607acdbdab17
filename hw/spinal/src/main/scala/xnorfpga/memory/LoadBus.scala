// SPDX-License-Identifier: Apache-2.0
package xnorfpga.memory

import spinal.core._
import spinal.lib._
import xnorfpga.stream.WasReset

/** What the load port says to a memory.
  *
  * @param token one-hot: the column that the word is for
  */
case class LoadBus(shape: MemoryShape) extends Bundle {
  val enable = Bool()
  val token = Bits(shape.columns bits)
  val data = Bits(shape.columnWidth bits)
  val address = UInt(shape.addressBits bits)

  /** The same some cycles later. A fast clock does not reach every block of the accelerator in one, so each memory has
    * registers of its own, which synthesis shall not merge. What they hold before the first reset is never written, nor
    * is what a reset interrupts.
    */
  def later(cycles: Int): LoadBus =
    if (cycles == 0) this
    else {
      val delayed = Delay(this, cycles)
      delayed.addAttribute("dont_merge")
      val arriving = LoadBus(shape)
      arriving.token := delayed.token
      arriving.data := delayed.data
      arriving.address := delayed.address
      arriving.enable := delayed.enable && WasReset() && !ClockDomain.current.isResetActive
      arriving
    }
}
