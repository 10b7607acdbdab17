// SPDX-License-Identifier: Apache-2.0
package xnorfpga.top

import spinal.core._
import xnorfpga.config.AcceleratorConfig

/** The accelerator's Verilog inside a board's top level. */
case class AcceleratorBlackBox(config: AcceleratorConfig, loadWordBits: Int) extends BlackBox {
  setDefinitionName("Accelerator")
  val clk, reset = in Bool ()
  val io = AcceleratorIo(config, loadWordBits)
  noIoPrefix()
  mapCurrentClockDomain(clk, reset)
}
