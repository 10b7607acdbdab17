// SPDX-License-Identifier: Apache-2.0
package xnorfpga.bench

import spinal.core._

/** Configurations of one unit side by side, so that one simulator serves them all: port x of number k is `u{k}_x`. */
case class UnitsBench(config: UnitsConfig) extends Component {
  setDefinitionName(s"${config.unit}Bench")
  val units = config.configurations.map(UnitUnderTest(config.unit, _))
  for {
    (unit, k) <- units.zipWithIndex
    port <- unit.component.getOrdredNodeIo
    name <- port.getName().split("^io_").lift(1) // not the clock
  } {
    val outer = cloneOf(port).setName(s"u${k}_$name")
    if (port.isInput) port.assignFrom(in(outer)) else out(outer).assignFrom(port)
  }
}
