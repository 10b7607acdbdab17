// SPDX-License-Identifier: Apache-2.0
package xnorfpga.window

import spinal.core._
import spinal.lib._
import xnorfpga.config.Slide
import xnorfpga.stream.{Beat, Lanes}

/** Pixels of a map, row by row → its windows, row by row, `windows` neighbors at once in lanes.
  *
  * Block RAM holds the last kernel − 1 rows: a row of it is the pixels above the one that comes in. They and the new one
  * are a column; a register of columns moves by one with each pixel, and neighboring windows are wires from it. So a
  * pixel is read once a row of windows, and the unit takes a pixel a cycle, those of the frame around the map too, which
  * it makes itself. Rows that were written for the image before are overwritten before a window sees them.
  *
  * @param planes bit planes of an element
  * @param windows side by side, divides a row of them
  * @param transitionBits bits of a window's transitions, where pixels come with theirs; else 0
  */
case class SlidingWindow(slide: Slide, planes: Int, windows: Int = 1, transitionBits: Int = 0) extends Component {
  import slide._
  require(outWidth % windows == 0)
  private val pixelLanes = Lanes(1, planes)
  private val lanes = Lanes(windows, planes)
  private val countBits = if (transitionBits > 0) PixelTransitions.countBits(channels) else 0
  val io = new Bundle {
    val input = slave(Stream(Beat(pixelLanes, channels, countBits)))
    val output = master(Stream(Beat(lanes, slide.elements, transitionBits)))
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
  private val planeBits = channels + countBits
  private val pixelBits = planeBits * planes
  private val arrived = if (transitionBits == 0) io.input.data.asBits
  else Cat(io.input.data.zip(io.input.transitions).map { case (bits, count) => count ## bits })
  val pixel = if (padding == 0) arrived else arrived.andMask(inMap)
  val column = if (kernel == 1) pixel else {
    val rows = Mem(Bits((kernel - 1) * pixelBits bits), paddedWidth)
    rows.addAttribute("ramstyle", "M10K, no_rw_check")
    val above = rows.readSync(Mux(move, x.valueNext, x.value))
    val column = pixel ## above
    rows.write(x.value, column >> pixelBits, move)
    column
  }

  private def planeOfPixel(ky: Int, plane: Int) = column(ky * pixelBits + plane * planeBits, planeBits bits)

  // Columns from left to right, and the windows on them
  for (plane <- 0 until planes) {
    val pixels = Vec.fill(kernel + (windows - 1) * stride)(Reg(Vec(Bits(channels bits), kernel)))
    shift(pixels, Vec(Seq.tabulate(kernel)(planeOfPixel(_, plane)(0, channels bits))))
    for (window <- 0 until windows)
      io.output.data(lanes(window, plane)) := Cat(for (ky <- 0 until kernel; kx <- 0 until kernel) yield pixels(window * stride + kx)(ky))

    // Transitions are added as a column comes in, and then column by column: the sum of one serves every window on it
    if (transitionBits > 0) {
      val counts = Seq.tabulate(kernel)(planeOfPixel(_, plane)(channels, countBits bits).asUInt).reduceBalancedTree(_ +^ _)
      val sums = Vec.fill(pixels.size)(Reg(cloneOf(counts)))
      shift(sums, counts)
      for (window <- 0 until windows)
        io.output.transitions(lanes(window, plane)) := sums.slice(window * stride, window * stride + kernel).reduceBalancedTree(_ +^ _).resized
    }
  }
  private def shift[T <: Data](registers: Vec[T], next: T): Unit = when(move) {
    for ((left, right) <- registers.zip(registers.tail)) left := right
    registers.last := next
  }
  io.output.lanes.setAll()
  io.output.valid := full

  /** The last of so many neighbors ends in this row or column. */
  private def ends(at: Counter, count: Int, together: Int): Bool =
    (together - 1 until count by together).map(last => at.value === last * stride + kernel - 1).orR
  val complete = ends(x, outWidth, windows) && ends(y, outHeight, 1)
  when(io.output.fire) { full := False }
  when(move) { full := complete }
}
