// SPDX-License-Identifier: Apache-2.0
package xnorfpga

import spinal.core._
import spinal.lib._

/** What moves between layers: the same `width` bits of each of `copies` images.
  *
  * A lane that holds no image (a flushed, incomplete group) is computed all the same and dropped at the end.
  *
  * @param lanes which copies hold an image
  * @param data the bits of each copy, element i of a vector at bit i
  */
case class Beat(copies: Int, width: Int) extends Bundle {
  val lanes = Bits(copies bits)
  val data = Vec(Bits(width bits), copies)
}

object Beat {

  /** Make the beats `width` bits a lane wide: collect narrow ones, take wide ones apart. */
  def adapt(stream: Stream[Beat], width: Int): Stream[Beat] = {
    val from = stream.payload.width
    if (from == width) stream
    else if (width % from == 0) {
      val collector = Collector(from, width, stream.payload.copies)
      collector.io.input << stream
      collector.io.output
    } else {
      val serializer = Serializer(from, width, stream.payload.copies)
      serializer.io.input << stream
      serializer.io.output
    }
  }
}
