// SPDX-License-Identifier: Apache-2.0
package xnorfpga.stream

import spinal.core._

/** False from power-up until the first reset: until then registers may hold anything. */
object WasReset {
  def apply(): Bool = ClockDomain.current.withBootReset()(RegInit(False)) setWhen ClockDomain.current.isResetActive
}
