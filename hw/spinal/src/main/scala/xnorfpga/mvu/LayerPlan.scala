// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import xnorfpga.config.{AcceleratorConfig, BlockRam, LayerConfig}
import xnorfpga.counting.{Counting, PopcountShape, TransitionCounter}
import xnorfpga.memory.MemoryShape

/** What follows from a layer's place in the chain: known before elaboration, and predicted alike by the folding model
  * in Python. Each of its parts that may be built in several ways is chosen here, once, and named in the manifest.
  *
  * @param wordWidth bits a lane of the words in which its input is first seen, where transitions are counted
  * @param arrivalWidth bits a lane of the beats that reach it: for layer 0 a whole image
  * @param last its popcounts are the scores
  */
case class LayerPlan(config: LayerConfig, index: Int, wordWidth: Int, arrivalWidth: Int, last: Boolean) {
  import config.{mw, simd, steps, synapseFold}

  val weights: Weights = Weights.Binary
  val inputBuffer = InputBuffer(config, arrivalWidth)
  val threshold = Threshold(config, last)

  /** An image's transitions can be counted word by word while its words are collected … */
  private val byWord = TransitionCounter.possible(wordWidth) && wordWidth < mw

  /** … or, where whole vectors arrive and stand still, all at once beside the neurons' own counts. */
  private val atOnce = arrivalWidth == mw && inputBuffer == InputBuffer.Stationary(mw)

  /** Pairs are counted where that saves logic and the image's transitions are known before the first neuron's count; a
    * layer that gives scores stays plain.
    */
  val counting: Counting = {
    val pairs = simd % 2 == 0 && simd >= Counting.Paired.leastInputs
    if (!last && inputBuffer.holds && pairs && (byWord || atOnce)) Counting.Paired else Counting.Plain
  }
  val popcount = PopcountShape(simd, counting)

  /** Bits of an image's transitions; of those that come with the vector. */
  val transitionBits = counting.transitionBits(mw)
  val collectedTransitionBits = if (byWord) transitionBits else 0

  // Memories
  def weightShape(ram: BlockRam): MemoryShape =
    MemoryShape(s"layers_${index}_weights", index, "weights", config.pe * simd * weights.bits, steps, ram)
  def thresholdShape(ram: BlockRam): Option[MemoryShape] = threshold.memory.map { case (width, depth) =>
    MemoryShape(s"layers_${index}_thresholds", index, "thresholds", width, depth, ram)
  }

  /** All of them, as they are loaded. */
  def shapes(ram: BlockRam): Seq[MemoryShape] = weightShape(ram) +: thresholdShape(ram).toSeq

  // Stages of a step: stage k is k cycles after the step is issued
  /** Input word and weights stand before the PEs. */
  val readStage = 1

  /** The word is counted. */
  val countedStage = readStage + popcount.latency

  /** What the accumulator starts from is given to the PEs, which have a register for it. */
  val startStage = countedStage - 1

  /** The word is in the accumulator, whose sign answers after the last one. */
  val summedStage = countedStage + 1

  /** The result can leave: the buffer's own register. */
  val outputStage = summedStage + 1

  /** Cycles a batch takes in this layer. */
  val cycles = steps + threshold.presetCycles

  /** Bits a lane of an output beat. */
  val outWidth = config.pe * threshold.answerBits

  /** Places for results, so that their way through the pipeline and back never stalls an unhindered layer. */
  val fifoDepth = (outputStage + 1 + synapseFold - 1) / synapseFold
}

object LayerPlan {

  /** All layers of an accelerator. */
  def all(config: AcceleratorConfig): Seq[LayerPlan] =
    for ((layer, k) <- config.layers.zipWithIndex) yield {
      val previous = config.layers.lift(k - 1).map(_.pe)
      val last = k == config.layers.size - 1
      LayerPlan(layer, k, previous.getOrElse(config.inputWordBits), previous.getOrElse(layer.mw), last)
    }
}
