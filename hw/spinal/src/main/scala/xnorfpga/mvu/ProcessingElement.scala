// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._
import xnorfpga.counting.{WeightedSum, XnorPopcount}

/** One PE of one copy: SIMD multiply-accumulates a cycle, summed over a row of weights.
  *
  * The accumulator starts from −T, so that its sign is the neuron's answer and no comparator is left. In a paired layer
  * (see Counting) it starts from −T', the stored T' = T − transitions(w), less the image's own; where the answer has
  * levels, T is the middle one.
  *
  * A component of its own, because it occurs PE · copies times: elaborated once, synthesized once.
  */
case class ProcessingElement(plan: LayerPlan) extends Element[ProcessingElementIo] {
  import plan.config.{accumulatorBits, coefficients, neuronFold, planes, simd, synapseFold}
  val io = ProcessingElementIo(plan)
  setDefinitionName(
    s"ProcessingElement_${simd}_${plan.counting.name}_${plan.allTransitionBits}_${plan.threshold.name}_$accumulatorBits" +
      (if (neuronFold == 1) "_fixed" else "") + (if (synapseFold > 1) "_words" else "") +
      (if (planes > 1) coefficients.mkString("_planes_", "_", "") else "")
  )

  // Every bit plane of the inputs meets the same weights
  val counters = for (plane <- 0 until planes) yield {
    val counter = XnorPopcount(simd, plan.counting).setName(if (planes == 1) "counter" else s"counter_$plane")
    counter.io.x := io.x(plane * simd, simd bits)
    counter.io.w := io.w
    counter
  }
  private val counted = WeightedSum(coefficients, counters.map(_.io.count))
  private val weighted = if (planes == 1) counted else RegNext(counted).setName("weighted")
  val count = (weighted << log2Up(plan.counting.products)).resize(accumulatorBits).asSInt
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
  val hasStart = plan.threshold.memories.nonEmpty
  val hasTransitions = plan.transitionBits > 0

  /** At `LayerPlan.startStage`: what a row starts from, and the image's transitions. */
  val start = hasStart generate in(SInt(plan.config.accumulatorBits bits))
  val transitions = hasTransitions generate in(UInt(plan.allTransitionBits bits))

  /** At `LayerPlan.countedStage`, of a row in several words: the word counts, and is the row's first. */
  val add, first = (plan.config.synapseFold > 1) generate in(Bool())
}
