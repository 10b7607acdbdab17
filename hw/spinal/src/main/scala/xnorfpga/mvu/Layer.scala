// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._
import spinal.lib._
import xnorfpga.config.BlockRam
import xnorfpga.memory.{LoadBus, Memory, MemoryShape}
import xnorfpga.stream.Beat

/** The layer engine: PE × SIMD × copies binary multiply-accumulates a cycle, one weight read for all copies.
  *
  * A step is issued when its input is there and, at the last step of a neuron fold, when a place for the results
  * is reserved (`credits`); from then on it flows without a stall: weights and input word meet after one cycle, the
  * popcount follows `PopcountShape.latency` later, the accumulator one after that (see ProcessingElement).
  */
case class Layer(plan: LayerPlan, copies: Int, ram: BlockRam) extends Component {
  import plan._
  import config._
  val outWidth = plan.outWidth
  val weightShape = MemoryShape(s"layers_${index}_weights", index, "weights", pe * simd, steps, ram)
  val thresholdShape = MemoryShape(s"layers_${index}_thresholds", index, "thresholds", thresholdBits, thresholdRows, ram)
  val shapes = weightShape +: (if (thresholded) Seq(thresholdShape) else Nil)
  val io = new Bundle {
    val input = slave(Stream(Beat(copies, arrivalWidth, if (index == 0) collectedTransitionBits else 0)))
    val output = master(Stream(Beat(copies, outWidth)))
    val load = shapes.map(shape => in(LoadBus(shape)))

    /** The memories are being loaded: thresholds that were entered are no longer right. */
    val loading = in Bool ()
  }

  // Issue
  val inputRegister = InputRegister(plan, copies)
  inputRegister.io.input << Beat.adapt(io.input, inputRegister.width, collectedTransitionBits)

  // Registers rather than comparisons of the counters: they stand in the path to the neighbour's ready
  val first = RegInit(True)
  val lastWord = if (synapseFold == 1) True else RegInit(False)
  val word = Counter(synapseFold)
  val fold = Counter(neuronFold)
  val address = Counter(steps)
  val serialThresholds = serial generate SerialThresholds(accumulatorBits)
  val credits = Reg(UInt(log2Up(fifoDepth + 1) bits)) init fifoDepth
  val ready = if (serial) !serialThresholds.active else True
  val step = inputRegister.io.available && ready && (!lastWord || credits =/= 0)
  inputRegister.io.step := step
  inputRegister.io.first := first
  when(step) {
    word.increment()
    address.increment()
    first := address.willOverflowIfInc
    if (synapseFold > 1) lastWord := word.value === synapseFold - 2
    when(lastWord) {
      fold.increment()
      if (serial) serialThresholds.start()
    }
  }

  if (serial) when(io.loading) { serialThresholds.start() }

  // Weights, and what the accumulators start from
  val weights = Memory(weightShape)
  weights.read_address := address.value.resized
  weights.load(io.load(0))
  val counted = 1 + popcount.latency // cycles from a step to its counts
  val thresholds = thresholded generate Memory(thresholdShape)
  if (thresholded) {
    thresholds.read_address := (if (serial) serialThresholds.row.value else Delay(fold.value, counted - 2)).resized
    thresholds.load(io.load(1))
  }

  // What the processing elements are told: one of the two
  val serialControl = serial generate new Area {
    val entering = RegNext(serialThresholds.active) init False
    val add = Delay(step || serialThresholds.active, counted, init = False)
    val clear = Delay(serialThresholds.active && serialThresholds.clear, counted)
    val digits = Delay(serialThresholds.mask, counted)
  }
  val presetControl = !serial generate new Area {
    val add = (synapseFold > 1) generate Delay(step, counted, init = False)
    val firstWord = (synapseFold > 1) generate Delay(word.value === 0, counted)
    val transitions = paired generate inputRegister.io.transitions.map(Delay(_, popcount.latency - inputRegister.transitionLatency))
  }

  // The processing elements
  val sums = Vec.tabulate(copies, pe) { (c, p) =>
    def instance[T <: ElementIo](first: => T, ports: => T): T =
      if (c + p == 0) first else new Replicated(ports).setName(s"element_${c}_$p").io
    val element: ElementIo =
      if (serial) {
        import serialControl._
        val io = instance(SerialProcessingElement(plan).setName("element").io, SerialProcessingElementIo(plan))
        io.threshold := thresholds.read_data(p)
        io.entering := entering
        io.add := add
        io.clear := clear
        io.digits := digits
        io
      } else {
        import presetControl._
        val io = instance(ProcessingElement(plan).setName("element").io, ProcessingElementIo(plan))
        if (thresholded) io.start := thresholds.read_data(p * accumulatorBits, accumulatorBits bits).asSInt
        if (paired) io.transitions := transitions(c)
        if (synapseFold > 1) {
          io.add := add
          io.first := firstWord
        }
        io
      }
    element.x := inputRegister.tap(c, p)
    element.w := weights.read_data(p * simd, simd bits)
    element.sum
  }

  // Results wait in a small buffer, whose places the credits count
  val fifo = StreamFifo(Beat(copies, outWidth), fifoDepth, latency = 1, forFMax = false)
  fifo.io.push.valid := Delay(step && lastWord, counted + 1, init = False)
  fifo.io.push.lanes := Delay(inputRegister.io.lanes, counted)
  for ((lane, results) <- fifo.io.push.data.zip(sums))
    lane := Cat(results.map(sum => if (thresholded) (!sum.msb).asBits else sum.asBits.resize(scoreBits)))
  io.output << fifo.io.pop

  val reserve = step && lastWord
  when(reserve =/= io.output.fire) { credits := Mux(reserve, credits - 1, credits + 1) }
}
