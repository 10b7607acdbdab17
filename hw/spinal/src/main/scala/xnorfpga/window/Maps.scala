// SPDX-License-Identifier: Apache-2.0
package xnorfpga.window

import spinal.core._
import spinal.lib._
import xnorfpga.mvu.LayerPlan
import xnorfpga.stream.Beat

/** The way of a map through a convolutional layer: its engine sees windows in lanes, as a fully connected one images. */
object Maps {

  /** Pixels → what the layer's engine takes; a fully connected layer takes them as they are. */
  def windows(pixels: Stream[Beat], plan: LayerPlan): Stream[Beat] = plan.config.convolution.fold(pixels) { convolution =>
    import plan.config.planes
    val transitionBits = plan.collectedTransitionBits
    val sliding = SlidingWindow(convolution.slide, planes, plan.copies, transitionBits).setName(s"layers_${plan.index}_window")
    val ready = if (plan.backlog > 0) backlog(pixels, plan) else pixels
    if (transitionBits == 0) sliding.io.input << ready
    else {
      val counter = PixelTransitions(convolution.channels, planes).setName(s"layers_${plan.index}_transitions")
      counter.io.input << ready
      sliding.io.input << counter.io.output
    }
    sliding.io.output
  }

  /** A later map waits in block RAM for its windows: the layer before works on while they finish the image before. */
  private def backlog(pixels: Stream[Beat], plan: LayerPlan): Stream[Beat] = {
    val bits = pixels.map(_.data.asBits)
    val fifo = StreamFifo(bits.payloadType, plan.backlog).setName(s"layers_${plan.index}_backlog")
    fifo.logic.ram.addAttribute("ramstyle", "M10K, no_rw_check")
    fifo.io.push << bits
    fifo.io.pop.map { bits =>
      val beat = cloneOf(pixels.payload)
      beat.lanes := 1
      beat.data.assignFromBits(bits)
      beat
    }
  }

  /** What the layer's engine gives → pixels of the map that goes on. */
  def pixels(answers: Stream[Beat], plan: LayerPlan): Stream[Beat] = plan.config.convolution.fold(answers) { convolution =>
    import plan.config.mh
    val whole = Beat.adapt(answers, mh)
    val single = if (plan.copies == 1) whole
    else {
      val serializer = LaneSerializer(mh, plan.copies, plan.outPlanes).setName(s"layers_${plan.index}_pixels")
      serializer.io.input << whole
      serializer.io.output
    }
    if (convolution.pool == 1) single
    else {
      val pool = MaxPool(convolution.pooling(mh), plan.outPlanes).setName(s"layers_${plan.index}_pool")
      pool.io.input << single
      pool.io.output
    }
  }
}
