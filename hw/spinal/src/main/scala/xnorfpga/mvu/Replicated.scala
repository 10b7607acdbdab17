// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._

/** A further instance of a processing element: a black box of the same module, since a thousand equal components would
  * take a minute to elaborate.
  */
class Replicated[T <: ElementIo](ports: => T) extends BlackBox {
  val clk = in Bool ()
  val io = ports
  setDefinitionName(io.module)
  mapCurrentClockDomain(clk)
}
