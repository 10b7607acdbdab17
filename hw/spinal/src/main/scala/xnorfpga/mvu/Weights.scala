// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

/** What a weight is, and how many bits of the weight memory's rows it takes.
  *
  * @param name what the manifest says, and whoever writes the memories goes by
  */
sealed abstract class Weights(val name: String, val bits: Int)

object Weights {

  /** +1 is bit 1, −1 bit 0. */
  case object Binary extends Weights("binary", bits = 1)
}
