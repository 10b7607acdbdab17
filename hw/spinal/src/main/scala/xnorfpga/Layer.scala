// SPDX-License-Identifier: Apache-2.0
package xnorfpga

import spinal.core._
import spinal.lib._

/** The layer engine: PE × SIMD × copies binary multiply-accumulates a cycle, one weight read for all copies.
  *
  * A step is issued when its input is there and, at the last step of a group of neurons, when a place for the results
  * is reserved (`credits`); from then on it flows without a stall: weights and input word meet after one cycle, the
  * popcount follows `XnorPopcount.latency` later, the accumulator one after that.
  *
  * The accumulator starts from −T, so that its sign is the neuron's answer and no comparator is left.
  *
  * @param inWidth bits a lane of a beat at the input
  * @param thresholded true: a bit a neuron; false: the popcount itself (last layer)
  */
case class Layer(config: LayerConfig, index: Int, copies: Int, inWidth: Int, thresholded: Boolean, ram: BlockRam)
    extends Component {
  import config._
  val timing = LayerTiming(config)
  val outWidth = if (thresholded) pe else pe * scoreBits
  val weightShape = MemoryShape(s"layers_${index}_weights", index, "weights", pe * simd, cycles, ram)
  val thresholdShape = MemoryShape(s"layers_${index}_thresholds", index, "thresholds", pe * marginBits, groups, ram)
  val shapes = weightShape +: (if (thresholded) Seq(thresholdShape) else Nil)
  val io = new Bundle {
    val input = slave(Stream(Beat(copies, inWidth)))
    val output = master(Stream(Beat(copies, outWidth)))
    val load = shapes.map(shape => in(LoadBus(shape.columns)))
  }

  // Issue
  val inputRegister = InputRegister(config, copies, inWidth)
  inputRegister.io.input << Beat.adapt(io.input, inputRegister.width)

  val word = Counter(words)
  val group = Counter(groups)
  val address = Counter(cycles)
  val credits = Reg(UInt(log2Up(timing.fifoDepth + 1) bits)) init timing.fifoDepth
  val lastWord = word.willOverflowIfInc
  val step = inputRegister.io.available && (!lastWord || credits =/= 0)
  inputRegister.io.step := step
  inputRegister.io.first := address.value === 0
  when(step) {
    word.increment()
    address.increment()
    when(lastWord) { group.increment() }
  }

  // Weights meet the input word
  val weights = Memory(weightShape)
  weights.read_address := address.value.resized
  weights.load(io.load(0))

  // Popcount − T
  val margins = Vec.tabulate(copies, pe) { (c, p) =>
    val popcount = XnorPopcount(simd)
    popcount.setPartialName(s"popcount_${c}_$p")
    popcount.io.x := inputRegister.tap(c, p)
    popcount.io.w := weights.read_data(p * simd, simd bits)
    popcount.io.count.resize(marginBits).asSInt
  }
  val counted = 1 + timing.popcount // cycles from a step to its count
  val preload = Vec(SInt(marginBits bits), pe)
  if (thresholded) {
    val thresholds = Memory(thresholdShape)
    thresholds.read_address := Delay(group.value, counted - 1).resized
    thresholds.load(io.load(1))
    preload.assignFromBits(thresholds.read_data)
  } else preload.foreach(_ := 0)
  val stepCounted = if (words == 1) True else Delay(step, counted, init = False)
  val firstCounted = if (words == 1) True else Delay(word.value === 0, counted)
  val accumulators = Vec.tabulate(copies, pe) { (c, p) =>
    val accumulator = Reg(SInt(marginBits bits)).setPartialName(s"accumulator_${c}_$p")
    when(stepCounted) { accumulator := Mux(firstCounted, preload(p), accumulator) + margins(c)(p) }
    accumulator
  }

  // Results wait in a small buffer, whose places the credits count
  val fifo = StreamFifo(Beat(copies, outWidth), timing.fifoDepth, latency = 1, forFMax = false)
  fifo.io.push.valid := Delay(step && lastWord, counted + 1, init = False)
  fifo.io.push.lanes := Delay(inputRegister.io.lanes, timing.popcount + 1)
  for ((lane, results) <- fifo.io.push.data.zip(accumulators))
    lane := Cat(results.map(sum => if (thresholded) (!sum.msb).asBits else sum.asBits.resize(scoreBits)))
  io.output << fifo.io.pop

  val reserve = step && lastWord
  when(reserve =/= io.output.fire) { credits := Mux(reserve, credits - 1, credits + 1) }
}

/** Cycles of a layer, known before elaboration; the folding model in Python predicts the same. */
case class LayerTiming(config: LayerConfig) {
  val popcount = XnorPopcount.latency(config.simd)

  /** Cycles from a step to its result at the output: memory, popcount, accumulator, buffer. */
  val stepToOutput = 1 + popcount + 1 + 1

  /** Places for results, so that their way through the pipeline and back never stalls an unhindered layer. */
  val fifoDepth = (stepToOutput + 1 + config.words - 1) / config.words

  /** Cycles from the first input being there to the last result, for an input that is there whole. */
  val latency = config.cycles - 1 + stepToOutput
}
