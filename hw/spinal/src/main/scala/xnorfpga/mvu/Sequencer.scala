// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._
import spinal.lib._

/** Issues the steps of a layer: the only place that decides when something happens.
  *
  * A batch takes neuronFold · synapseFold steps: PE neurons after PE neurons, of each a row of weights word by word. A
  * step is issued when its input is there and, at the last word of a row, when a place for the results is reserved
  * (`credits`). From then on it flows without a stall.
  *
  * @param places for results, in the buffer behind the accumulators
  */
case class Sequencer(synapseFold: Int, neuronFold: Int, places: Int) extends Component {
  val io = new Bundle {

    /** The input of the next step is there; the accumulators may be used for it. */
    val available, ready = in Bool ()

    /** A result has left its place. */
    val resultLeaves = in Bool ()

    val step = out Bool ()

    /** Of the step: the first of its batch, the first of a row of weights. */
    val firstOfBatch, firstOfRow = out Bool ()

    /** A row of weights is complete with this step. */
    val rowEnds = out Bool ()

    /** Row of the weight memory, and which PE neurons. */
    val address = out UInt (log2Up(synapseFold * neuronFold) max 1 bits)
    val fold = out UInt (log2Up(neuronFold) max 1 bits)
  }

  // Registers rather than comparisons of the counters: they stand in the path to the neighbour's ready
  val first = RegInit(True)
  val last = if (synapseFold == 1) True else RegInit(False)
  val word = Counter(synapseFold)
  val fold = Counter(neuronFold)
  val address = Counter(synapseFold * neuronFold)
  val credits = Reg(UInt(log2Up(places + 1) bits)) init places

  io.step := io.available && io.ready && (!last || credits =/= 0)
  io.rowEnds := io.step && last
  io.firstOfBatch := first
  io.firstOfRow := word.value === 0
  io.address := address.value.resized
  io.fold := fold.value.resized

  when(io.step) {
    word.increment()
    address.increment()
    first := address.willOverflowIfInc
    if (synapseFold > 1) last := word.value === synapseFold - 2
    when(last) { fold.increment() }
  }
  when(io.rowEnds =/= io.resultLeaves) { credits := Mux(io.rowEnds, credits - 1, credits + 1) }
}
