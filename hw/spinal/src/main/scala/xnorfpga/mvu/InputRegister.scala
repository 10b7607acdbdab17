// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._
import spinal.lib._
import xnorfpga.config.Routing
import xnorfpga.counting.{TransitionCounter, XnorPopcount}
import xnorfpga.stream.Beat

/** Holds the input of a layer in front of the processing elements; the routings differ in nothing but this unit.
  *
  *   - stationary: the whole vector stands still.
  *   - diagonal: a ring of words that moves by one word a step; PE p looks at position p mod words, so that at step t
  *     it meets word (t + p) mod words. The weights are rearranged by diagonal to match.
  *   - broadcast: all PEs look at one word: position 0 of the ring, or, where all neurons are worked at once, simply
  *     the word that comes in.
  *
  * The engine asserts `step` only under `available`; taps and lanes belong to a step from the cycle after it.
  */
case class InputRegister(plan: LayerPlan, copies: Int) extends Component {
  import plan.{collectedTransitionBits, config, streamed, transitionBits}
  val width = if (streamed) config.simd else config.mw
  val tapCount = if (config.routing == Routing.Diagonal) config.pe min config.synapseFold else 1
  val io = new Bundle {
    val input = slave(Stream(Beat(copies, width, collectedTransitionBits)))
    val step, first = in Bool ()
    val available = out Bool ()
    val taps = out(Vec(Vec(Bits(config.simd bits), tapCount), copies))
    val lanes = out Bits (copies bits)

    /** Transitions of the vector, `transitionLatency` cycles after the step that loads it. */
    val transitions = plan.paired generate out(Vec(UInt(transitionBits bits), copies))
  }

  /** Cycles from the step that loads a vector to the count of its transitions. */
  val transitionLatency = if (plan.transitionsByWord) TransitionCounter.lag + 1 else plan.popcount.latency

  val take = if (streamed) io.step else io.step && io.first
  io.available := (if (streamed) io.input.valid else io.input.valid || !io.first)
  io.input.ready := take

  val lanes = RegNextWhen(io.input.lanes, take)
  val x = Vec.fill(copies)(Reg(Bits(width bits)))
  for ((register, bits) <- x.zip(io.input.data)) {
    when(io.step) {
      if (!streamed && config.synapseFold > 1) register := register.rotateRight(config.simd)
    }
    when(take) { register := bits }
  }

  io.lanes := lanes
  if (plan.paired) for ((transitions, c) <- io.transitions.zipWithIndex) {
    if (plan.transitionsByWord) transitions := RegNextWhen(io.input.transitions(c), Delay(take, TransitionCounter.lag, init = False))
    else {
      val pairs = io.input.data(c).subdivideIn(2 bits)
      val counter = XnorPopcount(width / 2, paired = false) // counts the like ones
      counter.io.x := Cat(pairs.map(_(0)))
      counter.io.w := Cat(pairs.map(_(1)))
      val loaded = Delay(take, transitionLatency, init = False)
      val count = U(width / 2) - counter.io.count
      transitions := Mux(loaded, count, RegNextWhen(count, loaded))
    }
  }
  for ((taps, register) <- io.taps.zip(x); (tap, p) <- taps.zipWithIndex) tap := register(p * config.simd, config.simd bits)

  /** The word that PE p meets. */
  def tap(copy: Int, p: Int): Bits = io.taps(copy)(p % tapCount)
}
