// SPDX-License-Identifier: Apache-2.0
package xnorfpga.top

import spinal.core._
import spinal.lib._
import xnorfpga.config.AcceleratorConfig
import xnorfpga.head.ArgMax
import xnorfpga.memory.LoadPort
import xnorfpga.mvu.{Layer, LayerPlan}
import xnorfpga.stream.{Beat, ImageCollector, Lanes}
import xnorfpga.window.{Maps, PixelInput}

/** The chain: images in, labels and scores out; all layers work at once on successive batches. */
case class Accelerator(config: AcceleratorConfig) extends Component {
  import config._
  val plans = LayerPlan.all(config)
  val shapes = plans.flatMap(_.shapes)
  val loadWords = shapes.map(shape => shape.columns * shape.depth).sum
  val loadWordBits = LoadPort.wordBits(shapes)
  val io = AcceleratorIo(config, loadWordBits)
  noIoPrefix()

  /** How images come in: whole ones into lanes, or for a convolution pixel by pixel. */
  private case class Entry(images: Stream[Beat], hold: Bool, imageStarts: Bool)
  private val entry = layers.head.convolution match {
    case Some(map) =>
      val pixels = PixelInput(inputWords, map.channels, layers.head.planes).setName("pixelInput")
      pixels.io.input << io.images
      Entry(pixels.io.output, pixels.io.hold, pixels.io.imageStarts)
    case None =>
      val shape = Lanes(copies, layers.head.planes)
      val collector = ImageCollector(inputWordBits, layers.head.mw, shape, plans.head.collectedTransitionBits).setName("imageCollector")
      collector.io.input << io.images
      Entry(collector.io.output, collector.io.hold, collector.io.imageStarts)
  }

  val stages = for (plan <- plans) yield Layer(plan).setName(s"layers_${plan.index}")
  val argMax = ArgMax(classes, scoreBits, copies)
  val last = stages.foldLeft(entry.images) { (stream, layer) =>
    layer.io.input << Maps.windows(stream, layer.plan)
    Maps.pixels(layer.io.output, layer.plan)
  }
  argMax.io.input << Beat.adapt(last, scoreBits)
  io.results << argMax.io.output

  // Load: the columns of all memories hang on one bus
  val loadPort = LoadPort(shapes)
  loadPort.io.words << io.load
  io.load_checksum := loadPort.io.checksum
  entry.hold := loadPort.io.hold
  stages.foreach(_.io.loading := loadPort.io.running)
  stages.flatMap(_.io.load).zip(loadPort.io.buses).foreach { case (memory, bus) => memory := bus }

  // Images inside: at most a batch in every register and in every place of every buffer on their way; a map has seven
  // registers more, and as many images wait before it as its backlog has room for
  val places = plans.map { plan =>
    3 + plan.fifoDepth + plan.config.convolution.fold(0)(map => 7 + plan.backlog / (map.height * map.width) + 1)
  }.sum + 4
  val inside = CounterUpDown(1 << log2Up(copies * places + 1))
  val started, gone = RegInit(False) // a cycle later: streams' ready comes late enough in theirs
  started := entry.imageStarts
  gone := io.results.fire
  when(started) { inside.increment() }
  when(gone) { inside.decrement() }

  /** Of each map all windows have left their layer: a result needs not wait for those that no later window sees. */
  val mapsComplete = for (layer <- stages; map <- layer.plan.config.convolution) yield {
    val groups = Counter(map.windows / layer.plan.copies, layer.io.output.fire)
    groups.value === 0
  }
  private val empty = mapsComplete.foldLeft(inside.value === 0)(_ && _)
  loadPort.io.idle := RegNext(empty && !started && !entry.imageStarts) init False

  for ((probe, layer) <- io.probes.zip(stages)) probe := Probe.watch(layer.io.output, layer.plan.config.mh)
}
