// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._
import xnorfpga.counting.XnorPopcount

/** One PE of one copy: SIMD binary multiply-accumulates a cycle, summed over a row of weights.
  *
  * The accumulator starts from −T, so that its sign is the neuron's answer and no comparator is left. In a paired layer
  * (see XnorPopcount) it starts from −T', the stored T' = T − transitions(w), less the image's own.
  *
  * A component of its own, because it occurs PE · copies times: elaborated once, synthesized once.
  */
case class ProcessingElement(plan: LayerPlan) extends Component {
  import plan._
  import config._
  val io = ProcessingElementIo(plan)
  setDefinitionName(io.module)

  val counter = XnorPopcount(simd, paired)
  counter.io.x := io.x
  counter.io.w := io.w
  val count = (if (paired) counter.io.count << 1 else counter.io.count).resize(accumulatorBits).asSInt
  val start =
    if (!thresholded) S(0, accumulatorBits bits)
    else if (paired) RegNext(io.start - io.transitions.resize(accumulatorBits).asSInt)
    else if (neuronFold == 1) io.start // out of registers, and always the same
    else RegNext(io.start)

  val accumulator = Reg(SInt(accumulatorBits bits))
  if (synapseFold == 1) accumulator := start + count
  else when(io.add) { accumulator := Mux(io.first, start, accumulator) + count }
  io.sum := accumulator
}

case class ProcessingElementIo(plan: LayerPlan) extends ElementIo(plan) {
  import plan._
  import config._

  /** What the row starts from, and the image's transitions: `popcount.latency − 1` cycles after the row's first word. */
  val start = thresholded generate in(SInt(accumulatorBits bits))
  val transitions = paired generate in(UInt(transitionBits bits))

  /** Of a row in several words: the word of `popcount.latency` cycles before counts, and is the row's first. */
  val add, first = (synapseFold > 1) generate in(Bool())

  def module: String = (
    Seq(s"ProcessingElement_$simd") ++ (if (!thresholded) Nil else if (neuronFold == 1) Seq("fixed") else Seq("thresholded")) ++
      (if (paired) Seq(s"paired_$transitionBits") else Nil) ++ (if (synapseFold > 1) Seq("words") else Nil) :+ s"$accumulatorBits"
  ).mkString("_")
}
