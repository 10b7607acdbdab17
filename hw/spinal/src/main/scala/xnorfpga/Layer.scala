// SPDX-License-Identifier: Apache-2.0
package xnorfpga

import spinal.core._
import spinal.lib._

/** The layer engine: PE × SIMD × copies binary multiply-accumulates a cycle, one weight read for all copies.
  *
  * A step is issued when its input is there and, at the last step of a group of neurons, when a place for the results
  * is reserved (`credits`); from then on it flows without a stall: weights and input word meet after one cycle, the
  * popcount follows `PopcountShape.latency` later, the accumulator one after that.
  *
  * The accumulator starts from −T, so that its sign is the neuron's answer and no comparator is left. In a paired layer
  * (see XnorPopcount) it starts from −T', the stored T' = T − unlike(w), less the image's own unlike pairs.
  */
case class Layer(plan: LayerPlan, copies: Int, ram: BlockRam) extends Component {
  import plan._
  import config._
  val outWidth = plan.outWidth
  val weightShape = MemoryShape(s"layers_${index}_weights", index, "weights", pe * simd, cycles, ram)
  val thresholdShape = MemoryShape(s"layers_${index}_thresholds", index, "thresholds", pe * marginBits, groups, ram)
  val shapes = weightShape +: (if (thresholded) Seq(thresholdShape) else Nil)
  val io = new Bundle {
    val input = slave(Stream(Beat(copies, arrivalWidth, if (index == 0) unlikeBits else 0)))
    val output = master(Stream(Beat(copies, outWidth)))
    val load = shapes.map(shape => in(LoadBus(shape)))
  }

  // Issue
  val inputRegister = InputRegister(plan, copies)
  inputRegister.io.input << Beat.adapt(io.input, inputRegister.width, unlikeBits)

  // Registers rather than comparisons of the counters: they stand in the path to the neighbour's ready
  val first = RegInit(True)
  val lastWord = if (words == 1) True else RegInit(False)
  val word = Counter(words)
  val group = Counter(groups)
  val address = Counter(cycles)
  val credits = Reg(UInt(log2Up(fifoDepth + 1) bits)) init fifoDepth
  val step = inputRegister.io.available && (!lastWord || credits =/= 0)
  inputRegister.io.step := step
  inputRegister.io.first := first
  when(step) {
    word.increment()
    address.increment()
    first := address.willOverflowIfInc
    if (words > 1) lastWord := word.value === words - 2
    when(lastWord) { group.increment() }
  }

  // Weights meet the input word
  val weights = Memory(weightShape)
  weights.read_address := address.value.resized
  weights.load(io.load(0))
  val counts = Vec.tabulate(copies, pe) { (c, p) =>
    val popcount = XnorPopcount(simd, paired)
    popcount.setName(s"popcount_${c}_$p")
    popcount.io.x := inputRegister.tap(c, p)
    popcount.io.w := weights.read_data(p * simd, simd bits)
    popcount.io.count
  }
  val counted = 1 + popcount.latency // cycles from a step to its counts

  // What the accumulators start from is there one cycle earlier, and registered
  val preload = Vec(SInt(marginBits bits), pe)
  if (thresholded) {
    val thresholds = Memory(thresholdShape)
    thresholds.read_address := Delay(group.value, counted - 2).resized
    thresholds.load(io.load(1))
    preload.assignFromBits(thresholds.read_data)
  } else preload.foreach(_ := 0)
  val starts = Vec.tabulate(copies, pe) { (c, p) =>
    if (paired) RegNext(preload(p) - Delay(inputRegister.io.unlike(c), counted - 2 - UnlikePairs.lag).resize(marginBits).asSInt)
    else RegNext(preload(p))
  }

  // Popcount − T
  val stepCounted = if (words == 1) True else Delay(step, counted, init = False)
  val firstCounted = if (words == 1) True else Delay(word.value === 0, counted)
  val accumulators = Vec.tabulate(copies, pe) { (c, p) =>
    val accumulator = Reg(SInt(marginBits bits)).setName(s"accumulator_${c}_$p")
    val count = (if (paired) counts(c)(p) << 1 else counts(c)(p)).resize(marginBits).asSInt
    when(stepCounted) { accumulator := Mux(firstCounted, starts(c)(p), accumulator) + count }
    accumulator
  }

  // Results wait in a small buffer, whose places the credits count
  val fifo = StreamFifo(Beat(copies, outWidth), fifoDepth, latency = 1, forFMax = false)
  fifo.io.push.valid := Delay(step && lastWord, counted + 1, init = False)
  fifo.io.push.lanes := Delay(inputRegister.io.lanes, counted)
  for ((lane, results) <- fifo.io.push.data.zip(accumulators))
    lane := Cat(results.map(sum => if (thresholded) (!sum.msb).asBits else sum.asBits.resize(scoreBits)))
  io.output << fifo.io.pop

  val reserve = step && lastWord
  when(reserve =/= io.output.fire) { credits := Mux(reserve, credits - 1, credits + 1) }
}
