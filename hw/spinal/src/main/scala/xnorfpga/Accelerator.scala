// SPDX-License-Identifier: Apache-2.0
package xnorfpga

import spinal.core._
import spinal.lib._

/** The ports of the accelerator. */
case class AcceleratorIo(config: AcceleratorConfig) extends Bundle {
  import config._
  val images = slave(Stream(Fragment(Bits(input_word_bits bits))))
  val results = master(Stream(Result(classes, scoreBits)))
  val load = slave(Stream(Bits(LoadPort.wordBits bits)))
  val load_checksum = out Bits (32 bits)

  /** Hidden layers' bits as they are complete, for tests; left open, synthesis removes what feeds them. */
  val taps = layers.init.map(layer => out(Tap(copies, layer.mh)))
}

/** The chain: images in, labels and scores out; all layers work at once on successive groups of images. */
case class Accelerator(config: AcceleratorConfig) extends Component {
  import config._
  val io = AcceleratorIo(config)
  noIoPrefix()

  val plans = LayerPlan.all(config)
  val imageCollector = ImageCollector(input_word_bits, layers.head.mw, copies, plans.head.collectedUnlikeBits)
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
  val shapes = stages.flatMap(_.shapes)
  val loadWords = shapes.map(shape => shape.columns * shape.depth).sum
  val loadPort = LoadPort(shapes)
  loadPort.io.words << io.load
  io.load_checksum := loadPort.io.checksum
  imageCollector.io.hold := loadPort.io.hold
  stages.foreach(_.io.loading := loadPort.io.running)
  stages.flatMap(_.io.load).zip(loadPort.io.buses).foreach { case (memory, bus) => memory := bus }

  // Images inside: at most a group in every register and in every place of every buffer on their way
  val places = plans.map(plan => 3 + plan.fifoDepth).sum + 4
  val inside = CounterUpDown(1 << log2Up(copies * places + 1))
  when(imageCollector.io.imageStarts) { inside.increment() }
  when(io.results.fire) { inside.decrement() }
  loadPort.io.idle := RegNext(inside.value === 0 && !imageCollector.io.imageStarts) init False

  for ((tap, layer) <- io.taps.zip(stages)) tap := Tap.watch(layer.io.output, layer.plan.config.mh)
}

/** The accelerator's Verilog inside a board's top level. */
case class AcceleratorBlackBox(config: AcceleratorConfig) extends BlackBox {
  setDefinitionName("Accelerator")
  val clk, reset = in Bool ()
  val io = AcceleratorIo(config)
  noIoPrefix()
  mapCurrentClockDomain(clk, reset)
}

/** A hidden layer's bits, shown for one cycle when a group is complete.
  *
  * @param payload copy c's neuron n at bit c · width + n, @param lanes which copies hold an image
  */
case class Tap(copies: Int, width: Int) extends Bundle {
  val valid = Bool()
  val payload = Bits(copies * width bits)
  val lanes = Bits(copies bits)
}

object Tap {

  /** Watch a stream of beats without taking part in it. */
  def watch(stream: Stream[Beat], width: Int): Tap = new Composite(stream, "tap") {
    val from = stream.payload.width
    val count = Counter(width / from)
    val vector = Reg(Beat(stream.payload.copies, width))
    val tap = Tap(stream.payload.copies, width)
    tap.valid := RegNext(stream.fire && count.willOverflowIfInc) init False
    tap.payload := vector.data.asBits
    tap.lanes := vector.lanes
    when(stream.fire) {
      count.increment()
      vector.lanes := stream.lanes
      for ((register, bits) <- vector.data.zip(stream.data)) register := ((bits ## register) >> from).resized
    }
  }.tap
}
