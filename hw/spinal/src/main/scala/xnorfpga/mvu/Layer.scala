// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._
import spinal.lib._
import spinal.lib.misc.pipeline.Payload
import xnorfpga.counting.WeightedSum
import xnorfpga.memory.{LoadBus, Memory}
import xnorfpga.stream.{Beat, Lanes, WasReset}

/** The layer engine, a matrix-vector unit: PE × SIMD × lanes multiply-accumulates a cycle, one weight read for all
  * lanes.
  *
  * The sequencer issues steps; a step then flows through the stages that `LayerPlan` names: input word and weights meet,
  * are counted, go into the accumulators, and a row's answers into a small buffer.
  */
case class Layer(plan: LayerPlan) extends Component {
  import plan.{answerStage, copies, countedStage, outPlanes, ram, readStage, shapes, startStage, summedStage}
  import plan.config.{accumulatorBits, coefficients, neuronFold, pe, planes, simd, synapseFold}
  private val lanes = Lanes(copies, planes)
  private val outLanes = Lanes(copies, outPlanes)
  val io = new Bundle {
    val input = slave(Stream(Beat(lanes, plan.arrivalWidth, if (plan.arrivesCounted) plan.collectedTransitionBits else 0)))
    val output = master(Stream(Beat(outLanes, plan.outWidth)))
    val load = shapes.map(shape => in(LoadBus(shape)))

    /** The memories are being loaded: accumulators that were preset are no longer right. */
    val loading = in Bool ()
  }

  val inputRegister = InputRegister(plan, lanes, plan.dataLag)
  inputRegister.io.input << Beat.adapt(io.input, plan.inputBuffer.width, plan.collectedTransitionBits, plan.dataLag)

  val sequencer = Sequencer(synapseFold, neuronFold, plan.fifoDepth)
  sequencer.io.available := inputRegister.io.available
  sequencer.io.resultLeaves := io.output.fire
  inputRegister.io.step := sequencer.io.step
  inputRegister.io.first := sequencer.io.firstOfBatch

  val weights = Memory(plan.weightShape)
  weights.read_address := sequencer.io.address
  val Seq(thresholds, levels) = Seq("thresholds", "levels").map(kind => plan.thresholdShapes.find(_.kind == kind).map(Memory(_)))
  for ((memory, bus) <- (Seq(weights) ++ thresholds ++ levels).zip(io.load)) memory.load(bus.later(ram.readCycles - 1))

  // What goes with a step
  val pipeline = StepPipeline(plan.outputStage)
  val ROW_ENDS, FIRST_OF_ROW = Payload(Bool())
  val LANES = Payload(Bits(copies bits))
  pipeline(0)(ROW_ENDS) := sequencer.io.rowEnds
  pipeline(0)(FIRST_OF_ROW) := sequencer.io.firstOfRow
  pipeline(1)(LANES) := inputRegister.io.lanes

  // The processing elements
  val sums = plan.threshold match {
    case serial: Threshold.Serial => serialElements(serial)
    case _                        => elements()
  }

  /** Processing elements whose rows start from 0 or −T. */
  private def elements(): Seq[Seq[SInt]] = {
    sequencer.io.ready := True
    pipeline(0).valid := sequencer.io.step
    val FOLD = Payload(UInt(sequencer.io.fold.getWidth bits))
    pipeline(0)(FOLD) := sequencer.io.fold
    thresholds.foreach(_.read_address := pipeline(startStage - ram.readCycles)(FOLD).resized)
    levels.foreach(_.read_address := pipeline(summedStage - ram.readCycles)(FOLD).resized)
    val TRANSITIONS = Seq.fill(copies)(Payload(UInt(plan.allTransitionBits bits)))
    if (plan.transitionBits > 0)
      for ((counts, key) <- inputRegister.io.transitions.grouped(planes).zip(TRANSITIONS))
        pipeline(inputRegister.transitionStage)(key) := WeightedSum(coefficients, counts.toSeq).resized

    val array = new PeArray(copies, pe, ProcessingElement(plan).setName("element"), ProcessingElementIo(plan))
    array.connect { (io, copy, p) =>
      io.x := Cat((0 until planes).map(plane => inputRegister.tap(lanes(copy, plane), p)))
      io.w := weights.read_data(p * io.w.getWidth, io.w.getWidth bits)
      thresholds.foreach(io.start := _.read_data(p * accumulatorBits, accumulatorBits bits).asSInt)
      if (plan.transitionBits > 0) io.transitions := pipeline(startStage)(TRANSITIONS(copy))
      if (synapseFold > 1) {
        io.add := pipeline(countedStage).valid
        io.first := pipeline(countedStage)(FIRST_OF_ROW)
      }
    }
    array.sums
  }

  /** Processing elements that are preset before each batch. */
  private def serialElements(threshold: Threshold.Serial): Seq[Seq[SInt]] = {
    val preset = SerialPreset(threshold).setName("preset")
    when(sequencer.io.rowEnds || io.loading) { preset.start() }
    sequencer.io.ready := !preset.active
    pipeline(0).valid := sequencer.io.step || preset.active
    val PRESET, CLEAR = Payload(Bool())
    val DIGITS = Payload(Bits(preset.mask.getWidth bits))
    pipeline(0)(PRESET) := preset.active
    pipeline(0)(CLEAR) := preset.active && preset.clear
    pipeline(0)(DIGITS) := preset.mask
    thresholds.get.read_address := preset.row.value.resized

    def ports = SerialProcessingElementIo(plan, threshold)
    val array = new PeArray(copies, pe, SerialProcessingElement(plan, threshold).setName("element"), ports)
    array.connect { (io, copy, p) =>
      io.x := inputRegister.tap(lanes(copy, 0), p)
      io.w := weights.read_data(p * simd, simd bits)
      io.threshold := thresholds.get.read_data(p)
      io.preset := pipeline(readStage)(PRESET)
      io.add := pipeline(countedStage).valid
      io.clear := pipeline(countedStage)(CLEAR)
      io.digits := pipeline(countedStage)(DIGITS)
    }
    array.sums
  }

  /** Of each copy its neurons' codes, out of the accumulators. */
  private def searches(threshold: Threshold.Levels): Seq[Seq[Bits]] = {
    val first = LevelSearch(threshold).setName("search")
    for ((ofCopy, copy) <- sums.zipWithIndex) yield for ((sum, p) <- ofCopy.zipWithIndex) yield {
      val io =
        if (copy + p == 0) first.io
        else new Replicated(first, LevelSearchIo(threshold)).setName(s"search_${copy}_$p").io
      io.sum := sum
      io.levels := levels.get.read_data(p * io.levels.getWidth, io.levels.getWidth bits)
      io.code
    }
  }

  // Results wait in a small buffer, whose places the sequencer's credits count
  val fifo = StreamFifo(Beat(outLanes, plan.outWidth), plan.fifoDepth, latency = 1, forFMax = false)
  fifo.io.push.valid := pipeline(answerStage).valid && pipeline(answerStage)(ROW_ENDS)
  fifo.io.push.lanes := pipeline(answerStage)(LANES)
  plan.threshold match {
    case several: Threshold.Levels =>
      val codes = searches(several)
      for ((ofCopy, copy) <- codes.zipWithIndex; plane <- 0 until outPlanes)
        fifo.io.push.data(outLanes(copy, plane)) := Cat(ofCopy.map(_(plane)))
    case _ => for ((lane, results) <- fifo.io.push.data.zip(sums)) lane := Cat(results.map(plan.threshold.answer(_)))
  }
  val wasReset = WasReset()
  assert(fifo.io.push.ready || !fifo.io.push.valid || !wasReset, "a result meets a full buffer", FAILURE)
  io.output << fifo.io.pop
  pipeline.build()
}
