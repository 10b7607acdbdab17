// SPDX-License-Identifier: Apache-2.0
package xnorfpga

import spinal.core._
import spinal.lib._

/** One PE of one copy: SIMD binary multiply-accumulates a cycle, summed over a row of weights.
  *
  * The accumulator starts from −T, so that its sign is the neuron's answer and no comparator is left. In a paired layer
  * (see XnorPopcount) it starts from −T', the stored T' = T − unlike(w), less the image's own unlike pairs.
  *
  * A component of its own, because it occurs PE · copies times: elaborated once, synthesized once.
  */
case class ProcessingElement(plan: LayerPlan) extends Component {
  import plan._
  import config._
  val io = ProcessingElementIo(plan)
  setDefinitionName(io.module)

  val counter = XnorPopcount(simd, paired)
  counter.io.x := io.x
  counter.io.w := io.w
  val count = (if (paired) counter.io.count << 1 else counter.io.count).resize(marginBits).asSInt
  val start =
    if (!thresholded) S(0, marginBits bits)
    else if (paired) RegNext(io.start - io.unlike.resize(marginBits).asSInt)
    else if (groups == 1) io.start // out of registers, and always the same
    else RegNext(io.start)

  val accumulator = Reg(SInt(marginBits bits))
  if (words == 1) accumulator := start + count
  else when(io.add) { accumulator := Mux(io.first, start, accumulator) + count }
  io.sum := accumulator
}

/** What all processing elements have at their ports, and the name of their module: it tells all that the logic depends on. */
abstract class ElementIo(plan: LayerPlan) extends Bundle {
  val x, w = in Bits (plan.config.simd bits)
  val sum = out SInt (plan.config.marginBits bits)
  def module: String
}

case class ProcessingElementIo(plan: LayerPlan) extends ElementIo(plan) {
  import plan._
  import config._

  /** What the row starts from, and the image's unlike pairs: `popcount.latency − 1` cycles after the row's first word. */
  val start = thresholded generate in(SInt(marginBits bits))
  val unlike = paired generate in(UInt(unlikeBits bits))

  /** Of a row in several words: the word of `popcount.latency` cycles before counts, and is the row's first. */
  val add, first = (words > 1) generate in(Bool())

  def module: String = (
    Seq(s"ProcessingElement_$simd") ++ (if (!thresholded) Nil else if (groups == 1) Seq("fixed") else Seq("thresholded")) ++
      (if (paired) Seq(s"paired_$unlikeBits") else Nil) ++ (if (words > 1) Seq("words") else Nil) :+ s"$marginBits"
  ).mkString("_")
}

/** The PE of a layer with serial thresholds: one product a cycle, and before them the bits that make up −T.
  *
  * Where every neuron is worked at once and takes one input a cycle, an accumulator is all there is of a PE. A start
  * value beside it would cost as much again, and so many bits at once come out of no block RAM. Instead the accumulator
  * is cleared and the start counted up, by bits that come out of a narrow memory as weights do (`SerialThresholds`).
  */
case class SerialProcessingElement(plan: LayerPlan) extends Component {
  import plan.config.marginBits
  val io = SerialProcessingElementIo(plan)
  setDefinitionName(io.module)

  val count = RegNext(Mux(io.entering, io.threshold, !(io.x ^ io.w).lsb))
  val increment = B(0, marginBits bits)
  increment(0) := count
  for ((enabled, k) <- io.digits.asBools.zipWithIndex) increment((k + 1) * SerialThresholds.digitBits) := count && enabled
  val accumulator = Reg(SInt(marginBits bits))
  when(io.add) { accumulator := Mux(io.clear, S(0, marginBits bits), accumulator + increment.asSInt) }
  io.sum := accumulator
}

case class SerialProcessingElementIo(plan: LayerPlan) extends ElementIo(plan) {
  import plan.config.marginBits
  val threshold = in Bool ()

  /** Count the threshold's bit instead of the product. */
  val entering = in Bool ()

  /** One cycle later: the count is added, or the accumulator cleared; which digits beside the lowest it is added to. */
  val add, clear = in Bool ()
  val digits = in Bits (SerialThresholds.digits(marginBits) - 1 bits)

  def module: String = s"SerialProcessingElement_$marginBits"
}

/** A further instance of a processing element: a black box of the same module, since a thousand equal components would
  * take a minute to elaborate.
  */
class ElementAgain[T <: ElementIo](ports: => T) extends BlackBox {
  val clk = in Bool ()
  val io = ports
  setDefinitionName(io.module)
  mapCurrentClockDomain(clk)
}

/** Enters the start values of a layer's accumulators by counting: row 0 of the memory clears, then 16 rows a digit of
  * four bits follow. A bit in a row of digit k adds 1 + 16 + … + 16^k: a count in digit k also goes to all lower ones,
  * which saves a gate a neuron and still reaches every number.
  */
case class SerialThresholds(marginBits: Int) extends Area {
  import SerialThresholds._
  val row = Counter(rows(marginBits))
  val active = RegInit(True)
  val clear = row.value === 0

  /** Digits beside the lowest that a bit of this row is added to. */
  val mask = Reg(Bits(digits(marginBits) - 1 bits)) init 0
  when(active) {
    row.increment()
    for (k <- 1 until digits(marginBits)) when(row.value === k * rowsPerDigit) { mask(k - 1) := True }
    when(row.willOverflowIfInc) {
      active := False
      mask := 0
    }
  }

  /** Enter all thresholds, from the next cycle on. */
  def start(): Unit = {
    row.clear()
    active := True
    mask := 0
  }
}

object SerialThresholds {
  val digitBits = 4
  val rowsPerDigit = 1 << digitBits
  def digits(marginBits: Int): Int = (marginBits + digitBits - 1) / digitBits

  /** Rows of the threshold memory, which are also the cycles that it takes. */
  def rows(marginBits: Int): Int = 1 + digits(marginBits) * rowsPerDigit
}
