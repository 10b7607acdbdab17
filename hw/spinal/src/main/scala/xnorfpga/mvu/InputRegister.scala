// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._
import spinal.lib._
import xnorfpga.config.Convolution
import xnorfpga.counting.{Counting, XnorPopcount}
import xnorfpga.stream.{Beat, Lanes}

/** Holds the input of a layer in front of the processing elements; the routings differ in nothing but this unit (see
  * InputBuffer).
  *
  * The engine asserts `step` only under `available`. Lanes belong to a step from the cycle after it, taps from
  * `LayerPlan.readStage` on, when its weights are there.
  *
  * @param dataLag cycles by which the input's bits, and nothing else, come later than their handshake
  */
case class InputRegister(plan: LayerPlan, shape: Lanes, dataLag: Int = 0) extends Component {
  import plan.{collectedTransitionBits, transitionBits}
  import plan.config.{mw, simd}
  val buffer = plan.inputBuffer
  val io = new Bundle {
    val input = slave(Stream(Beat(shape, buffer.width, collectedTransitionBits)))
    val step, first = in Bool ()
    val available = out Bool ()
    val taps = out(Vec(Vec(Bits(simd bits), buffer.taps), shape.count))
    val lanes = out Bits (shape.copies bits)

    /** Transitions of each lane's vector, at the stage `transitionStage` of a step. */
    val transitions = (transitionBits > 0) generate out(Vec(UInt(transitionBits bits), shape.count))
  }

  val take = buffer.takes(io.step, io.first)
  io.available := buffer.available(io.input.valid, io.first)
  io.input.ready := take

  val lanes = RegNextWhen(io.input.lanes, take)

  /** As late as the weights that it meets. */
  private def withWeights(bits: Bits) = Delay(bits, plan.readStage - 1 - dataLag)
  private val Seq(turns, takes) = Seq(io.step, take).map(Delay(_, dataLag, init = False))
  val x = plan.neighbors match {
    case Some(map) => windows(map)
    case None =>
      for ((bits, lane) <- io.input.data.zipWithIndex) yield {
        val register = Reg(Bits(buffer.width bits)).setName(s"taken_$lane")
        when(turns) { buffer.turn(register) }
        when(takes) { register := bits }
        withWeights(register).setName(s"x_$lane")
      }
  }

  /** Windows that stand still beside each other: pixels that the one to the left has too stand in its registers. */
  private def windows(map: Convolution): Seq[Bits] =
    (0 until shape.count).foldLeft(Seq.empty[Bits]) { (before, lane) =>
      val pixels = io.input.data(lane).subdivideIn(map.channels bits)
      before :+ Cat(for ((pixel, k) <- pixels.zipWithIndex) yield {
        val kx = k % map.kernel + map.stride // in the window to the left
        if (lane < shape.planes || kx >= map.kernel) withWeights(RegNextWhen(pixel, take))
        else before(lane - shape.planes)((k + map.stride) * map.channels, map.channels bits)
      })
    }
  io.lanes := lanes
  for ((taps, register) <- io.taps.zip(x); (tap, p) <- taps.zipWithIndex) tap := register(p * simd, simd bits)

  /** The word that PE p meets. */
  def tap(lane: Int, p: Int): Bits = io.taps(lane)(p % buffer.taps)

  /** How many cycles after a step its vector's transitions are there. */
  val transitionStage =
    if (collectedTransitionBits > 0) { // counted already: they come with the vector
      for ((transitions, counted) <- io.transitions.zip(io.input.transitions)) transitions := RegNextWhen(counted, take)
      1
    } else if (transitionBits > 0) { // counted here, all at once
      val counters = for (bits <- io.input.data) yield {
        val counter = XnorPopcount(mw / 2, Counting.Plain) // counts the pairs that are alike, which needs no inverters
        val pairs = bits.subdivideIn(2 bits)
        counter.io.x := Cat(pairs.map(_(0)))
        counter.io.w := Cat(pairs.map(_(1)))
        counter
      }
      val latency = counters.head.shape.latency
      val taken = Delay(take, latency, init = False)
      for ((transitions, counter) <- io.transitions.zip(counters)) {
        val count = U(mw / 2) - counter.io.count
        transitions := Mux(taken, count, RegNextWhen(count, taken))
      }
      latency
    } else 0
  require(transitionStage <= plan.startStage, "an image's transitions are known before its first neuron's count")
}
