// SPDX-License-Identifier: Apache-2.0
package xnorfpga.config

import upickle.default._

/** What a weight is, and how many bits of the weight memory's rows it takes.
  *
  * @param name what the manifest says, and whoever writes the memories goes by
  */
sealed abstract class Weights(val name: String, val bits: Int)

object Weights {

  /** +1 is bit 1, −1 bit 0. */
  case object Binary extends Weights("binary", bits = 1)

  /** ±1 or 0: the sign as of a binary weight, and above it 1 where the weight counts at all. */
  case object Ternary extends Weights("ternary", bits = 2)

  val all = Seq(Binary, Ternary)

  implicit val rw: ReadWriter[Weights] = readwriter[String].bimap[Weights](
    _.name,
    text =>
      all.find(_.name == text).getOrElse(refuse(s"weights = \"$text\" is unknown; choose ${all.map(_.name).mkString(", ")}"))
  )
}
