// SPDX-License-Identifier: Apache-2.0
package xnorfpga.bench

import ujson.Obj
import xnorfpga.top.Elaborate

/** `ElaborateUnits DIR…`: reads DIR/unit.json, writes DIR/rtl and DIR/manifest.json: units alone, for their benches. */
object ElaborateUnits {
  def main(directories: Array[String]): Unit = Elaborate.each[UnitsConfig](directories, "unit.json") { (config, directory) =>
    val bench = Elaborate.verilog(directory)(UnitsBench(config))
    Elaborate.write(directory, Obj("unit" -> config.unit, "top" -> bench.definitionName, "units" -> bench.units.map(_.facts)))
  }
}
