// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core.log2Up
import xnorfpga.config.{AcceleratorConfig, BlockRam, LayerConfig, Weights}
import xnorfpga.counting.{Counting, PopcountShape, TransitionCounter}
import xnorfpga.memory.MemoryShape
import xnorfpga.window.PixelTransitions

/** What follows from a layer's place in the chain: known before elaboration, and predicted alike by the folding model
  * in Python. Each of its parts that may be built in several ways is chosen here, once, and named in the manifest.
  *
  * @param wordWidth bits a lane of the words in which its input is first seen, where transitions are counted
  * @param arrivalWidth bits a lane of the beats that reach it: for layer 0 a whole image
  * @param last its sums are the scores
  * @param outPlanes bit planes of an answer: those that the next layer takes
  * @param copies what shares a weight read: images, or windows of one
  * @param ram where weights and thresholds are
  */
case class LayerPlan(
    config: LayerConfig,
    index: Int,
    wordWidth: Int,
    arrivalWidth: Int,
    last: Boolean,
    outPlanes: Int,
    copies: Int,
    ram: BlockRam
) {
  import config.{coefficients, mw, planes, simd, steps, synapseFold, weights}

  val inputBuffer = InputBuffer(config, arrivalWidth)
  val threshold = Threshold(config, last, outPlanes)

  /** An image's transitions can be counted word by word while its words are collected, a window's pixel by pixel … */
  private val byWord = config.convolution.fold(TransitionCounter.possible(wordWidth) && wordWidth < mw)(_.channels % 2 == 0)

  /** … or, where whole vectors arrive and stand still, all at once beside the neurons' own counts. */
  private val atOnce = arrivalWidth == mw && inputBuffer == InputBuffer.Stationary(mw)

  /** Pairs are counted where that saves logic and the image's transitions are known before the first neuron's count; a
    * layer that gives scores stays plain, and one with zeros counts what its mask says.
    */
  val counting: Counting = {
    val pairs = simd % 2 == 0 && simd >= Counting.Paired.leastInputs
    if (weights == Weights.Ternary) Counting.Masked
    else if (!last && inputBuffer.holds && pairs && (byWord || atOnce)) Counting.Paired
    else Counting.Plain
  }
  val popcount = PopcountShape(simd, counting)

  /** Bits of the transitions of an image's bit plane; of those that come with the vector; of what they take off a
    * neuron's sum together.
    */
  val transitionBits = counting.transitionBits(mw)
  val collectedTransitionBits = if (byWord) transitionBits else 0
  val allTransitionBits = counting.transitionBits(coefficients.sum * mw)

  // Memories
  val weightShape =
    MemoryShape(s"layers_${index}_weights", index, "weights", config.pe * simd * weights.bits, steps, ram)
  val thresholdShapes = threshold.memories.map { case (kind, width, depth) =>
    MemoryShape(s"layers_${index}_$kind", index, kind, width, depth, ram)
  }

  /** All of them, as they are loaded. */
  val shapes: Seq[MemoryShape] = weightShape +: thresholdShapes

  /** The map whose windows stand still beside each other, and so share pixels. */
  val neighbors = config.convolution.filter(_ => copies > 1 && inputBuffer == InputBuffer.Stationary(mw))

  /** The vectors come with their transitions: of whole images, and of windows. */
  val arrivesCounted = collectedTransitionBits > 0 && (index == 0 || config.convolution.nonEmpty)

  /** Pixels of a later map that can wait for its windows: the rows of one. */
  val backlog = config.convolution.filter(_ => index > 0).fold(0)(map => (1 << log2Up(map.kernel * map.width)) max 4)

  /** Width and depth of the memories of its maps, which no load reaches: pixels that wait, and the last rows. */
  val mapMemories: Seq[(Int, Int)] = config.convolution.toSeq.flatMap { map =>
    val countBits = if (collectedTransitionBits > 0) PixelTransitions.countBits(map.channels) else 0
    val (windows, squares) = (map.slide, map.pooling(config.mh))
    val waiting = Option.when(backlog > 0)((planes * map.channels, backlog))
    waiting ++: Seq((windows, planes * (map.channels + countBits)), (squares, outPlanes * config.mh)).collect {
      case (slide, pixelBits) if slide.kernel > 1 => ((slide.kernel - 1) * pixelBits, slide.paddedWidth)
    }
  }

  // Stages of a step: stage k is k cycles after the step is issued
  /** Input word and weights stand before the PEs. */
  val readStage = ram.readCycles

  /** Cycles by which a vector's bits come later than their handshake: those that its weights take more than one, where
    * the vector is collected in front of the input register.
    */
  val dataLag = if (inputBuffer.width > arrivalWidth) readStage - 1 else 0

  /** The word is counted; the counts of several bit planes are added in a cycle of their own. */
  val countedStage = readStage + popcount.latency + (if (planes > 1) 1 else 0)

  /** What the accumulator starts from is given to the PEs, which have a register for it. */
  val startStage = countedStage - 1

  /** The word is in the accumulator, whose sign answers after the last one. */
  val summedStage = countedStage + 1

  /** The answer is there. */
  val answerStage = summedStage + threshold.latency

  /** The result can leave: the buffer's own register. */
  val outputStage = answerStage + 1

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
      val previous = config.layers.lift(k - 1).map(layer => if (layer.convolution.isEmpty) layer.pe else layer.mh) // of a map: a pixel
      val last = k == config.layers.size - 1
      val outPlanes = config.layers.lift(k + 1).map(_.planes).getOrElse(1)
      if (layer.convolution.nonEmpty) LayerPlan(layer, k, layer.mw, layer.mw, last, outPlanes, layer.windows, config.memory) // a window at once
      else LayerPlan(layer, k, previous.getOrElse(config.inputWordBits), previous.getOrElse(layer.mw), last, outPlanes, config.copies, config.memory)
    }
}
