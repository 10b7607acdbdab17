// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._

/** What all processing elements have at their ports. */
abstract class ElementIo(plan: LayerPlan) extends Bundle {
  /** Inputs, bit plane after bit plane, the least first; weights. */
  val x = in Bits (plan.config.planes * plan.config.simd bits)
  val w = in Bits (plan.config.simd * plan.config.weights.bits bits)
  val sum = out SInt (plan.config.accumulatorBits bits)
}

/** A component that is one processing element of one copy. */
trait Element[Ports <: ElementIo] extends Component {
  def io: Ports
}

/** The processing elements of a layer, PE for each copy: elaborated once, then replicated.
  *
  * @param first elaborates the first one, which all others are like
  * @param ports what it has at its ports
  */
class PeArray[Ports <: ElementIo](copies: Int, pe: Int, first: => Element[Ports], ports: => Ports) extends Area {
  private val element = first
  val elements = Seq.tabulate(copies, pe) { (copy, p) =>
    if (copy + p == 0) element.io else new Replicated(element, ports).setName(s"element_${copy}_$p").io
  }

  /** Connect each, by copy and place. */
  def connect(ports: (Ports, Int, Int) => Unit): Unit =
    for ((ofCopy, copy) <- elements.zipWithIndex; (io, p) <- ofCopy.zipWithIndex) ports(io, copy, p)

  /** The accumulators of each copy. */
  val sums = elements.map(_.map(_.sum))
}
