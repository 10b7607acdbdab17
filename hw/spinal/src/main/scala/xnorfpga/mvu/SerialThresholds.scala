// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._
import spinal.lib._

/** Enters the start values of a layer's accumulators by counting: row 0 of the memory clears, then 16 rows a digit of
  * four bits follow. A bit in a row of digit k adds 1 + 16 + … + 16^k: a count in digit k also goes to all lower ones,
  * which saves a gate a neuron and still reaches every number.
  */
case class SerialThresholds(accumulatorBits: Int) extends Area {
  import SerialThresholds._
  val row = Counter(rows(accumulatorBits))
  val active = RegInit(True)
  val clear = row.value === 0

  /** Digits beside the lowest that a bit of this row is added to. */
  val mask = Reg(Bits(digits(accumulatorBits) - 1 bits)) init 0
  when(active) {
    row.increment()
    for (k <- 1 until digits(accumulatorBits)) when(row.value === k * rowsPerDigit) { mask(k - 1) := True }
    when(row.willOverflowIfInc) {
      active := False
      mask := 0
    }
  }

  /** Enter all thresholds, from the next cycle on. */
  def start(): Unit = {
    row.clear()
    active := True
    mask := 0
  }
}

object SerialThresholds {
  val digitBits = 4
  val rowsPerDigit = 1 << digitBits
  def digits(accumulatorBits: Int): Int = (accumulatorBits + digitBits - 1) / digitBits

  /** Rows of the threshold memory, which are also the cycles that it takes. */
  def rows(accumulatorBits: Int): Int = 1 + digits(accumulatorBits) * rowsPerDigit
}
