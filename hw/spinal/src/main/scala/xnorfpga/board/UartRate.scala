// SPDX-License-Identifier: Apache-2.0
package xnorfpga.board

import xnorfpga.config.refuse

/** How a bit of the serial line is divided: `samples` a bit, a sample every `clocks` cycles. */
case class UartRate(samples: Int, clocks: Int)

object UartRate {
  val samplesOfBit = 5 to 16
  val tolerance = 0.01 // of what both ends together may be off, some 4 %

  /** The division that comes nearest; of equal ones that of about 8 samples. */
  def apply(clockMhz: Double, baud: Int): UartRate = {
    val cycles = clockMhz * 1e6 / baud
    val rate = samplesOfBit
      .map(samples => UartRate(samples, (cycles / samples).round.toInt max 1))
      .minBy(rate => ((rate.samples * rate.clocks - cycles).abs, (rate.samples - 8).abs))
    if ((rate.samples * rate.clocks - cycles).abs > tolerance * cycles)
      refuse(
        s"baud = $baud is not within 1 % of clock / (n · m), n = ${samplesOfBit.head} … ${samplesOfBit.last}, at " +
          f"$clockMhz%g MHz; the nearest: ${clockMhz * 1e6 / (rate.samples * rate.clocks)}%.0f"
      )
    rate
  }
}
