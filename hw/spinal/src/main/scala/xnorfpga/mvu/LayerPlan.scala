// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._
import xnorfpga.config.{AcceleratorConfig, LayerConfig, Routing}
import xnorfpga.counting.{PopcountShape, TransitionCounter}

/** What follows from a layer's place in the chain: known before elaboration, and predicted alike by the folding model
  * in Python.
  *
  * @param wordWidth bits a lane of the words in which its input is first seen, where transitions are counted
  * @param arrivalWidth bits a lane of the beats that reach it: for layer 0 a whole image
  * @param thresholded true: a bit a neuron; false: the popcount itself (last layer)
  */
case class LayerPlan(config: LayerConfig, index: Int, wordWidth: Int, arrivalWidth: Int, thresholded: Boolean) {
  import config._

  /** Words are used as they come and need not be kept: every neuron is worked on at once. */
  val streamed = routing == Routing.Broadcast && neuronFold == 1 &&
    (simd % arrivalWidth == 0 || arrivalWidth % simd == 0)

  /** The image's transitions are counted word by word while its words are collected … */
  val transitionsByWord = TransitionCounter.possible(wordWidth) && wordWidth < mw

  /** … or, where whole vectors arrive and stand still, all at once beside the neurons' own popcounts. */
  val transitionsAtOnce = !transitionsByWord && routing == Routing.Stationary && arrivalWidth == mw

  /** Neighbouring inputs are counted as pairs, in half the logic (see XnorPopcount). The image's transitions must be
    * known before the first neuron's count, so the input must be held whole; a layer that gives scores stays plain.
    */
  val paired = thresholded && !streamed && simd % 2 == 0 && (transitionsByWord || transitionsAtOnce) &&
    PopcountShape(simd, paired = true).latency > TransitionCounter.lag

  /** The accumulators are preset bit by bit before the first word (see SerialProcessingElement). */
  val serial = thresholded && neuronFold == 1 && simd == 1 && synapseFold >= SerialThresholds.rows(accumulatorBits)
  val thresholdBits = if (serial) pe else pe * accumulatorBits
  val thresholdRows = if (serial) SerialThresholds.rows(accumulatorBits) else neuronFold

  /** Cycles a batch takes in this layer. */
  val cycles = steps + (if (serial) thresholdRows else 0)

  val transitionBits = if (paired) log2Up(mw / 2 + 1) else 0

  /** Bits of the count that comes with the vector. */
  val collectedTransitionBits = if (transitionsByWord) transitionBits else 0
  val outWidth = if (thresholded) pe else pe * scoreBits
  val popcount = PopcountShape(simd, paired)

  /** Cycles from a step to its result at the output: memory, popcount, accumulator, buffer. */
  val stepToOutput = 1 + popcount.latency + 1 + 1

  /** Places for results, so that their way through the pipeline and back never stalls an unhindered layer. */
  val fifoDepth = (stepToOutput + 1 + synapseFold - 1) / synapseFold
}

object LayerPlan {

  /** All layers of an accelerator. */
  def all(config: AcceleratorConfig): Seq[LayerPlan] =
    for ((layer, k) <- config.layers.zipWithIndex) yield {
      val previous = config.layers.lift(k - 1).map(_.pe)
      val thresholded = k < config.layers.size - 1
      LayerPlan(layer, k, previous.getOrElse(config.inputWordBits), previous.getOrElse(layer.mw), thresholded)
    }
}
