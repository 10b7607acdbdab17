// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._
import xnorfpga.config.{LayerConfig, Routing}

/** How a layer's input waits in front of its processing elements, and what they see of it.
  *
  * @param name what the manifest says
  */
sealed abstract class InputBuffer(val name: String) {

  /** Bits a lane of the beats that are taken. */
  def width: Int

  /** Words of SIMD bits that are shown at once; PE p sees number p mod taps. */
  def taps: Int = 1

  /** A batch can stay as long as there are neurons to work on. */
  def holds: Boolean = true

  /** This step takes the next beat. */
  def takes(step: Bool, first: Bool): Bool = step && first

  /** There is something for the next step. */
  def available(arriving: Bool, first: Bool): Bool = arriving || !first

  /** What a step that takes nothing does to the register of a lane. */
  def turn(register: Bits): Unit = {}
}

object InputBuffer {

  /** The whole vector stands still. */
  case class Stationary(mw: Int) extends InputBuffer("stationary") {
    def width: Int = mw
  }

  /** Words that go round by one a step. Broadcast shows the one in front to all PEs. Diagonal shows a word to each: at
    * step t, PE p meets word (t + p) mod words, and the weights are rearranged by diagonal to match.
    */
  case class Ring(mw: Int, simd: Int, override val taps: Int) extends InputBuffer("ring") {
    def width: Int = mw
    override def turn(register: Bits): Unit = if (simd < mw) register := register.rotateRight(simd)
  }

  /** Words are used as they come, since every neuron is worked on at once. */
  case class PassThrough(simd: Int) extends InputBuffer("pass_through") {
    def width: Int = simd
    override def holds: Boolean = false
    override def takes(step: Bool, first: Bool): Bool = step
    override def available(arriving: Bool, first: Bool): Bool = arriving
  }

  /** The buffer of a layer.
    *
    * @param arrivalWidth bits a lane of the beats that reach the layer */
  def apply(config: LayerConfig, arrivalWidth: Int): InputBuffer = {
    import config._
    val cuts = simd % arrivalWidth == 0 || arrivalWidth % simd == 0
    routing match {
      case Routing.Stationary => Stationary(mw)
      case Routing.Diagonal => Ring(mw, simd, taps = pe min synapseFold)
      case Routing.Broadcast if neuronFold == 1 && cuts => PassThrough(simd)
      case Routing.Broadcast => Ring(mw, simd, taps = 1)
    }
  }
}
