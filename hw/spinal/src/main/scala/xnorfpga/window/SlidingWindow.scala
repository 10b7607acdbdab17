// SPDX-License-Identifier: Apache-2.0
package xnorfpga.window

import spinal.core._
import spinal.lib._
import xnorfpga.config.Slide
import xnorfpga.stream.{Beat, Lanes}

/** Pixels of a map, row by row → its windows, row by row.
  *
  * Block RAM holds the last kernel − 1 rows: a row of it is the pixels above the one that comes in. They and the new one
  * are a column; the window is a register of columns that moves by one with each pixel. So a pixel of the map is read
  * once a row of windows, and the unit takes a pixel a cycle, those of the frame around the map too, which it makes
  * itself. Rows that were written for the image before are overwritten before a window sees them.
  *
  * @param planes bit planes of an element
  */
case class SlidingWindow(slide: Slide, planes: Int) extends Component {
  import slide._
  private val lanes = Lanes(1, planes)
  val io = new Bundle {
    val input = slave(Stream(Beat(lanes, channels)))
    val output = master(Stream(Beat(lanes, slide.elements)))
  }

  // Where the pixel that comes next stands, in the map with its frame
  val x = Counter(paddedWidth)
  val y = Counter(paddedHeight)
  private def inside(at: UInt, size: Int) = if (padding == 0) True else at >= padding && at < padding + size
  val inMap = inside(x.value, width) && inside(y.value, height)
  val full = RegInit(False)
  val move = (!full || io.output.ready) && (io.input.valid || !inMap)
  io.input.ready := (!full || io.output.ready) && inMap
  when(move) {
    x.increment()
    when(x.willOverflowIfInc) { y.increment() }
  }

  // The column: kernel − 1 pixels from above, the oldest lowest, and the new one
  private val pixelBits = channels * planes
  val pixel = if (padding == 0) io.input.data.asBits else io.input.data.asBits.andMask(inMap)
  val column = if (kernel == 1) pixel else {
    val rows = Mem(Bits(rowBits(planes) bits), paddedWidth)
    rows.addAttribute("ramstyle", "M10K, no_rw_check")
    val above = rows.readSync(Mux(move, x.valueNext, x.value))
    val column = pixel ## above
    rows.write(x.value, column >> pixelBits, move)
    column
  }

  // The window: columns from left to right
  val window = Vec.fill(kernel)(Reg(Bits(kernel * pixelBits bits)))
  when(move) {
    for ((left, right) <- window.zip(window.tail)) left := right
    window.last := column
  }
  for ((data, plane) <- io.output.data.zipWithIndex)
    data := Cat(for (ky <- 0 until kernel; kx <- 0 until kernel) yield window(kx)(ky * pixelBits + plane * channels, channels bits))
  io.output.lanes := 1
  io.output.valid := full

  /** A window ends with this pixel. */
  private def ends(at: Counter, size: Int): Bool =
    if (stride == 1) at.value >= kernel - 1
    else (kernel - 1 until size by stride).map(at.value === _).orR
  val complete = ends(x, paddedWidth) && ends(y, paddedHeight)
  when(io.output.fire) { full := False }
  when(move) { full := complete }
}
