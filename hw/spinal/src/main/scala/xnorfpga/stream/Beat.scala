// SPDX-License-Identifier: Apache-2.0
package xnorfpga.stream

import spinal.core._
import spinal.lib._

/** What moves between layers: the same `width` bits of every lane.
  *
  * A copy that holds no image (in a flushed, incomplete batch) is computed all the same and dropped at the end.
  *
  * @param transitionBits bits of `transitions`, 0 where nobody needs it
  */
case class Beat(shape: Lanes, width: Int, transitionBits: Int = 0) extends Bundle {

  /** Which copies hold an image. */
  val lanes = Bits(shape.copies bits)

  /** The bits of each lane, element i of a vector at bit i. */
  val data = Vec(Bits(width bits), shape.count)

  /** Of a collected vector: how many neighbours, 2i and 2i + 1, differ. */
  val transitions = (transitionBits > 0) generate Vec(UInt(transitionBits bits), shape.count)
}

object Beat {

  /** Make the beats `width` bits a lane wide: collect narrow ones, take wide ones apart.
    *
    * @param dataLag of what is collected, see Collector
    */
  def adapt(stream: Stream[Beat], width: Int, transitionBits: Int = 0, dataLag: Int = 0): Stream[Beat] = {
    val from = stream.payload.width
    if (from == width) stream // layer 0: counted already
    else if (width % from == 0) {
      val collector = Collector(from, width, stream.payload.shape, transitionBits, dataLag)
      collector.io.input << stream
      collector.io.output
    } else {
      val serializer = Serializer(from, width, stream.payload.shape)
      serializer.io.input << stream
      serializer.io.output
    }
  }
}
