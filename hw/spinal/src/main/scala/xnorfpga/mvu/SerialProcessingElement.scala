// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._

/** The PE of a layer with serial thresholds: one product a cycle, and before them the bits that make up −T.
  *
  * Where every neuron is worked at once and takes one input a cycle, an accumulator is all there is of a PE. A start
  * value beside it would cost as much again, and so many bits at once come out of no block RAM. Instead the accumulator
  * is cleared and the start counted up (see Threshold.Serial).
  */
case class SerialProcessingElement(plan: LayerPlan, threshold: Threshold.Serial)
    extends Element[SerialProcessingElementIo] {
  import threshold.{accumulatorBits, digitBits}
  val io = SerialProcessingElementIo(plan, threshold)
  setDefinitionName(s"SerialProcessingElement_$accumulatorBits")

  val count = RegNext(Mux(io.preset, io.threshold, !(io.x ^ io.w).lsb))
  val increment = B(0, accumulatorBits bits)
  increment(0) := count
  for ((enabled, k) <- io.digits.asBools.zipWithIndex) increment((k + 1) * digitBits) := count && enabled
  val accumulator = Reg(SInt(accumulatorBits bits))
  when(io.add) { accumulator := Mux(io.clear, S(0, accumulatorBits bits), accumulator + increment.asSInt) }
  io.sum := accumulator
}

case class SerialProcessingElementIo(plan: LayerPlan, serial: Threshold.Serial) extends ElementIo(plan) {

  /** At `LayerPlan.readStage`: a bit of the threshold, and whether it counts instead of the product. */
  val threshold, preset = in Bool ()

  /** At `LayerPlan.countedStage`: the count is added, or the accumulator cleared; which digits beside the lowest it is
    * added to.
    */
  val add, clear = in Bool ()
  val digits = in Bits (serial.digits - 1 bits)
}
