// SPDX-License-Identifier: Apache-2.0
package xnorfpga.stream

import spinal.core._
import spinal.lib._

/** What moves between layers: the same `width` bits of each of `copies` images.
  *
  * A lane that holds no image (a flushed, incomplete batch) is computed all the same and dropped at the end.
  *
  * @param transitionBits bits of `transitions`, 0 where nobody needs it
  */
case class Beat(copies: Int, width: Int, transitionBits: Int = 0) extends Bundle {

  /** Which copies hold an image. */
  val lanes = Bits(copies bits)

  /** The bits of each copy, element i of a vector at bit i. */
  val data = Vec(Bits(width bits), copies)

  /** Of a collected vector: how many neighbours, 2i and 2i + 1, differ. */
  val transitions = (transitionBits > 0) generate Vec(UInt(transitionBits bits), copies)
}

object Beat {

  /** Make the beats `width` bits a lane wide: collect narrow ones, take wide ones apart. */
  def adapt(stream: Stream[Beat], width: Int, transitionBits: Int = 0): Stream[Beat] = {
    val from = stream.payload.width
    if (from == width) stream // layer 0: counted already
    else if (width % from == 0) {
      val collector = Collector(from, width, stream.payload.copies, transitionBits)
      collector.io.input << stream
      collector.io.output
    } else {
      val serializer = Serializer(from, width, stream.payload.copies)
      serializer.io.input << stream
      serializer.io.output
    }
  }
}
