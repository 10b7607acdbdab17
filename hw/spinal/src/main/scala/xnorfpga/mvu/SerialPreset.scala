// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._
import spinal.lib._

/** Walks through the rows of serial thresholds, after reset and whenever it is started. */
case class SerialPreset(threshold: Threshold.Serial) extends Area {
  import threshold.{digits, rows, rowsPerDigit}
  val row = Counter(rows)
  val active = RegInit(True)
  val clear = row.value === 0

  /** Digits beside the lowest that a bit of this row is added to. */
  val mask = Reg(Bits(digits - 1 bits)) init 0
  when(active) {
    row.increment()
    for (k <- 1 until digits) when(row.value === k * rowsPerDigit) { mask(k - 1) := True }
    when(row.willOverflowIfInc) {
      active := False
      mask := 0
    }
  }

  /** Preset all accumulators, from the next cycle on. */
  def start(): Unit = {
    row.clear()
    active := True
    mask := 0
  }
}
