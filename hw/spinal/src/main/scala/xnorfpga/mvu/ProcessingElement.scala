// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._
import xnorfpga.counting.XnorPopcount

/** One PE of one copy: SIMD binary multiply-accumulates a cycle, summed over a row of weights.
  *
  * The accumulator starts from −T, so that its sign is the neuron's answer and no comparator is left. In a paired layer
  * (see Counting) it starts from −T', the stored T' = T − transitions(w), less the image's own.
  *
  * A component of its own, because it occurs PE · copies times: elaborated once, synthesized once.
  */
case class ProcessingElement(plan: LayerPlan) extends Element[ProcessingElementIo] {
  import plan.config.{accumulatorBits, neuronFold, simd, synapseFold}
  val io = ProcessingElementIo(plan)
  setDefinitionName(
    s"ProcessingElement_${simd}_${plan.counting.name}_${plan.transitionBits}_${plan.threshold.name}_$accumulatorBits" +
      (if (neuronFold == 1) "_fixed" else "") + (if (synapseFold > 1) "_words" else "")
  )

  val counter = XnorPopcount(simd, plan.counting)
  counter.io.x := io.x
  counter.io.w := io.w
  val count = (counter.io.count << log2Up(plan.counting.products)).resize(accumulatorBits).asSInt
  val start =
    if (!io.hasStart) S(0, accumulatorBits bits)
    else if (io.hasTransitions) RegNext(io.start - io.transitions.resize(accumulatorBits).asSInt)
    else if (neuronFold == 1) io.start // out of registers, and always the same
    else RegNext(io.start)

  val accumulator = Reg(SInt(accumulatorBits bits))
  if (synapseFold == 1) accumulator := start + count
  else when(io.add) { accumulator := Mux(io.first, start, accumulator) + count }
  io.sum := accumulator
}

case class ProcessingElementIo(plan: LayerPlan) extends ElementIo(plan) {
  val hasStart = plan.threshold.memory.nonEmpty
  val hasTransitions = plan.transitionBits > 0

  /** At `LayerPlan.startStage`: what a row starts from, and the image's transitions. */
  val start = hasStart generate in(SInt(plan.config.accumulatorBits bits))
  val transitions = hasTransitions generate in(UInt(plan.transitionBits bits))

  /** At `LayerPlan.countedStage`, of a row in several words: the word counts, and is the row's first. */
  val add, first = (plan.config.synapseFold > 1) generate in(Bool())
}
