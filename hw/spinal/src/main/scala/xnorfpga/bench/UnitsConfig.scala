// SPDX-License-Identifier: Apache-2.0
package xnorfpga.bench

import ujson.Value
import upickle.default._

/** @param unit name of a component, @param configurations parameters of each instance of it */
@upickle.implicits.allowUnknownKeys(false)
case class UnitsConfig(unit: String, configurations: Seq[Value])

object UnitsConfig {
  implicit val reader: Reader[UnitsConfig] = macroR
}
