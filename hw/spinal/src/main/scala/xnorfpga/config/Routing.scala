// SPDX-License-Identifier: Apache-2.0
package xnorfpga.config

import upickle.default._

/** How the input of a layer reaches its processing elements. */
sealed abstract class Routing(val name: String)

object Routing {

  /** The whole input stands still before every PE: SIMD = MW, no accumulator, PEs walk through the neurons. */
  case object Stationary extends Routing("stationary")

  /** Input words rotate in a ring and PE p meets the word in front of it: elementwise, no multiplexer, no fan-out. */
  case object Diagonal extends Routing("diagonal")

  /** One input word a cycle goes to all PEs. */
  case object Broadcast extends Routing("broadcast")

  val all = Seq(Stationary, Diagonal, Broadcast)

  implicit val rw: ReadWriter[Routing] = readwriter[String].bimap[Routing](
    _.name,
    text =>
      all.find(_.name == text).getOrElse(refuse(s"routing = \"$text\" is unknown; choose ${all.map(_.name).mkString(", ")}"))
  )
}
