// SPDX-License-Identifier: Apache-2.0
package xnorfpga.board

import spinal.core._
import spinal.lib.ResetCtrl
import xnorfpga.config.refuse

/** Cyclone V's PLL as one that multiplies by whole numbers: Quartus has the module `altera_pll` of its own, and finds the
  * counters. Its clock runs before it is locked, and may stand still or be of any frequency then.
  */
case class Pll(referenceMhz: Double, outputMhz: Double) extends BlackBox {
  setDefinitionName("altera_pll")
  addGeneric("fractional_vco_multiplier", "false")
  addGeneric("reference_clock_frequency", Pll.frequency(referenceMhz))
  addGeneric("operation_mode", "direct") // no board has a clock behind it to be in phase with
  addGeneric("number_of_clocks", 1)
  addGeneric("output_clock_frequency0", Pll.frequency(outputMhz))
  addGeneric("phase_shift0", "0 ps")
  addGeneric("duty_cycle0", 50)
  addGeneric("pll_type", "General")
  addGeneric("pll_subtype", "General")
  val refclk, rst, fbclk = in Bool ()
  val outclk = out Bits (1 bits)
  val locked = out Bool ()
}

object Pll {

  /** A clock of `outputMhz` made of an oscillator's. Its reset is up while the PLL is not locked: it rises at once, clock or
    * no clock, and falls with the clock.
    */
  def domain(oscillator: Bool, referenceMhz: Double, outputMhz: Double): ClockDomain = {
    val pll = Pll(referenceMhz, outputMhz).setName("pll")
    pll.refclk := oscillator
    pll.rst := False // it locks again by itself
    pll.fbclk := False
    val clock = Bool().setName("clock")
    clock := pll.outclk(0)
    val unlocked = ResetCtrl.asyncAssertSyncDeassert(
      pll.locked,
      ClockDomain(clock),
      inputPolarity = LOW,
      outputPolarity = HIGH
    )
    ClockDomain(clock, reset = unlocked.setName("unlocked"), config = ClockDomainConfig(resetKind = ASYNC))
  }

  /** A frequency in Quartus' words; what those cannot say exactly is refused. */
  private def frequency(mhz: Double): String = {
    val exact = BigDecimal(mhz)
    if (exact * 1000 % 1 != 0) refuse(s"$mhz MHz is no whole number of kHz")
    f"$exact%.6f MHz"
  }
}
