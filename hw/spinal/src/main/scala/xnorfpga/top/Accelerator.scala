// SPDX-License-Identifier: Apache-2.0
package xnorfpga.top

import spinal.core._
import spinal.lib._
import xnorfpga.config.AcceleratorConfig
import xnorfpga.head.ArgMax
import xnorfpga.memory.LoadPort
import xnorfpga.mvu.{Layer, LayerPlan}
import xnorfpga.stream.{Beat, ImageCollector, Lanes}

/** The chain: images in, labels and scores out; all layers work at once on successive batches. */
case class Accelerator(config: AcceleratorConfig) extends Component {
  import config._
  val plans = LayerPlan.all(config)
  val shapes = plans.flatMap(_.shapes(memory))
  val loadWords = shapes.map(shape => shape.columns * shape.depth).sum
  val loadWordBits = LoadPort.wordBits(shapes)
  val io = AcceleratorIo(config, loadWordBits)
  noIoPrefix()

  val imageCollector = ImageCollector(inputWordBits, layers.head.mw, Lanes(copies, layers.head.planes), plans.head.collectedTransitionBits)
  imageCollector.io.input << io.images

  val stages = for (plan <- plans) yield Layer(plan, copies, memory).setName(s"layers_${plan.index}")
  val argMax = ArgMax(classes, scoreBits, copies)
  val last = stages.map(_.io).foldLeft(imageCollector.io.output) { (stream, layer) =>
    layer.input << stream
    layer.output
  }
  argMax.io.input << Beat.adapt(last, scoreBits)
  io.results << argMax.io.output

  // Load: the columns of all memories hang on one bus
  val loadPort = LoadPort(shapes)
  loadPort.io.words << io.load
  io.load_checksum := loadPort.io.checksum
  imageCollector.io.hold := loadPort.io.hold
  stages.foreach(_.io.loading := loadPort.io.running)
  stages.flatMap(_.io.load).zip(loadPort.io.buses).foreach { case (memory, bus) => memory := bus }

  // Images inside: at most a batch in every register and in every place of every buffer on their way
  val places = plans.map(plan => 3 + plan.fifoDepth).sum + 4
  val inside = CounterUpDown(1 << log2Up(copies * places + 1))
  when(imageCollector.io.imageStarts) { inside.increment() }
  when(io.results.fire) { inside.decrement() }
  loadPort.io.idle := RegNext(inside.value === 0 && !imageCollector.io.imageStarts) init False

  for ((probe, layer) <- io.probes.zip(stages)) probe := Probe.watch(layer.io.output, layer.plan.config.mh)
}
