// SPDX-License-Identifier: Apache-2.0
package xnorfpga.stream

/** What shares a weight read: a lane is a bit plane of an image, and every lane meets the same weights.
  *
  * @param copies images of a batch
  * @param planes bit planes of an activation; binary activations have one
  */
case class Lanes(copies: Int, planes: Int = 1) {
  require(copies >= 1 && planes >= 1)
  val count = copies * planes

  /** Index of a copy's plane among all lanes. */
  def apply(copy: Int, plane: Int): Int = copy * planes + plane
}
