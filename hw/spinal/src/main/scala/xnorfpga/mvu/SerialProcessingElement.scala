// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._

/** The PE of a layer with serial thresholds: one product a cycle, and before them the bits that make up −T.
  *
  * Where every neuron is worked at once and takes one input a cycle, an accumulator is all there is of a PE. A start
  * value beside it would cost as much again, and so many bits at once come out of no block RAM. Instead the accumulator
  * is cleared and the start counted up, by bits that come out of a narrow memory as weights do (`SerialThresholds`).
  */
case class SerialProcessingElement(plan: LayerPlan) extends Component {
  import plan.config.accumulatorBits
  val io = SerialProcessingElementIo(plan)
  setDefinitionName(io.module)

  val count = RegNext(Mux(io.entering, io.threshold, !(io.x ^ io.w).lsb))
  val increment = B(0, accumulatorBits bits)
  increment(0) := count
  for ((enabled, k) <- io.digits.asBools.zipWithIndex) increment((k + 1) * SerialThresholds.digitBits) := count && enabled
  val accumulator = Reg(SInt(accumulatorBits bits))
  when(io.add) { accumulator := Mux(io.clear, S(0, accumulatorBits bits), accumulator + increment.asSInt) }
  io.sum := accumulator
}

case class SerialProcessingElementIo(plan: LayerPlan) extends ElementIo(plan) {
  import plan.config.accumulatorBits
  val threshold = in Bool ()

  /** Count the threshold's bit instead of the product. */
  val entering = in Bool ()

  /** One cycle later: the count is added, or the accumulator cleared; which digits beside the lowest it is added to. */
  val add, clear = in Bool ()
  val digits = in Bits (SerialThresholds.digits(accumulatorBits) - 1 bits)

  def module: String = s"SerialProcessingElement_$accumulatorBits"
}
