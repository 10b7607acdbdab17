// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._

/** What all processing elements have at their ports, and the name of their module: it tells all that the logic depends on. */
abstract class ElementIo(plan: LayerPlan) extends Bundle {
  val x, w = in Bits (plan.config.simd bits)
  val sum = out SInt (plan.config.accumulatorBits bits)
  def module: String
}
