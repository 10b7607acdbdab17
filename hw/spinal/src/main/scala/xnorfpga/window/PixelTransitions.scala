// SPDX-License-Identifier: Apache-2.0
package xnorfpga.window

import spinal.core._
import spinal.lib._
import xnorfpga.counting.TransitionCounter
import xnorfpga.stream.{Beat, Lanes}

/** Counts the transitions of each pixel, the pairs of neighboring channels that differ: those of a window are the sum
  * of its pixels', so a pixel is counted once for all windows that see it.
  *
  * @param channels bits a pixel: even, so that no pair belongs to two pixels
  */
case class PixelTransitions(channels: Int, planes: Int) extends Component {
  require(channels % 2 == 0)
  private val lanes = Lanes(1, planes)
  private val countBits = PixelTransitions.countBits(channels)
  val io = new Bundle {
    val input = slave(Stream(Beat(lanes, channels)))
    val output = master(Stream(Beat(lanes, channels, PixelTransitions.countBits(channels))))
  }

  /** A pixel, and what was counted of `words` parts of each plane. */
  case class Counted(words: Int) extends Bundle {
    val pixel = Beat(lanes, channels)
    val counts = Vec(Vec(UInt(countBits bits), words), planes)
  }
  private val words = (channels + TransitionCounter.widest - 1) / TransitionCounter.widest
  val inWords = io.input
    .map { pixel =>
      val counted = Counted(words)
      counted.pixel := pixel
      for ((counts, bits) <- counted.counts.zip(pixel.data); (count, word) <- counts.zip(bits.asBools.grouped(TransitionCounter.widest).toSeq))
        count := TransitionCounter.ofWord(Cat(word)).resized
      counted
    }
    .m2sPipe()
  val whole = if (words == 1) inWords
  else
    inWords
      .map { parts =>
        val counted = Counted(1)
        counted.pixel := parts.pixel
        for ((total, counts) <- counted.counts.zip(parts.counts)) total(0) := counts.reduceBalancedTree(_ + _)
        counted
      }
      .m2sPipe()
  io.output.arbitrationFrom(whole)
  io.output.lanes := whole.pixel.lanes
  io.output.data := whole.pixel.data
  for ((transitions, counts) <- io.output.transitions.zip(whole.counts)) transitions := counts.head
}

object PixelTransitions {
  def countBits(channels: Int): Int = log2Up(channels / 2 + 1)
}
