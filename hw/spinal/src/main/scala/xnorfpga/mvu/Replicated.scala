// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._

/** A further instance of a component: a black box of its module, since a thousand equal components would take a minute to
  * elaborate.
  *
  * The component's definition name must be its own alone: SpinalHDL renames a second module of the same name and other
  * logic. It must have a register, for then it has a clock and a reset. `Replicated.check` looks at what became of both.
  *
  * @param ports the component's `io`, built anew
  */
class Replicated[Ports <: Bundle](val original: Component, ports: => Ports) extends BlackBox {
  val clk, reset = in Bool ()
  val io = ports
  setDefinitionName(original.definitionName)
  mapCurrentClockDomain(clk, reset)
}

object Replicated {

  /** After generation: every further instance has the module's name and all of its ports, the clock's included. */
  def check(top: Component): Unit = {
    def ports(component: Component) =
      component.getAllIo.map(port => (port.getName(), port.isInput, port.getBitsWidth)).toSet
    top.walkComponents {
      case again: Replicated[_] =>
        val (name, found) = (again.definitionName, again.original.definitionName)
        val missing = ports(again).diff(ports(again.original)) ++ ports(again.original).diff(ports(again))
        if (name != found)
          throw new IllegalStateException(s"$name is replicated, but became $found: its name must tell all of its logic")
        if (missing.nonEmpty)
          throw new IllegalStateException(s"$name is replicated with other ports: ${missing.mkString(", ")}")
      case _ =>
    }
  }
}
