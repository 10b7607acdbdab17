// SPDX-License-Identifier: Apache-2.0
package xnorfpga.board

import spinal.core._
import spinal.lib._
import spinal.lib.com.uart._
import xnorfpga.top.AcceleratorBlackBox

/** The accelerator as the board sees it: a serial port on header JP1, the last class on the first 7-segment display.
  *
  * docs/board.md has the protocol on the serial port. LEDR0 is on while a command is worked on; KEY0 resets.
  */
case class De1SocTop(plan: LinkPlan) extends Component {
  import plan.config
  val io = new Bundle {
    val CLOCK_50 = in Bool ()
    val KEY = in Bits (4 bits)
    val LEDR = out Bits (10 bits)
    val HEX0 = out Bits (7 bits)
    val GPIO_0_UART_RX = in Bool ()
    val GPIO_0_UART_TX = out Bool ()
  }
  noIoPrefix()

  private val powerOn = ClockDomain(io.CLOCK_50, config = ClockDomainConfig(resetKind = BOOT))
  val reset = new ClockingArea(powerOn) {
    val count = Reg(UInt(4 bits)) init 0
    when(count =/= count.maxValue) { count := count + 1 }
    val active = RegNext(count =/= count.maxValue || !BufferCC(io.KEY(0), init = True)) init True
  }
  val system = ClockDomain(io.CLOCK_50, reset = reset.active, config = ClockDomainConfig(resetKind = SYNC))

  val board = new ClockingArea(system) {
    val accelerator = AcceleratorBlackBox(config, plan.loadWordBits)
    val link = Link(plan)
    accelerator.io.images << link.io.images
    accelerator.io.load << link.io.load
    link.io.results << accelerator.io.results
    link.io.load_checksum := accelerator.io.load_checksum

    // 8N1. The line is sampled through the controller's own synchronizer
    val rate = UartRate(config.clockMhz, config.baud)
    val sampling = if (rate.samples < 8) 3 else 5
    val uart = new UartCtrl(
      UartCtrlGenerics(
        clockDividerWidth = log2Up(rate.clocks) max 1,
        preSamplingSize = (rate.samples - sampling) / 2,
        samplingSize = sampling,
        postSamplingSize = (rate.samples - sampling + 1) / 2
      )
    )
    uart.io.config.clockDivider := rate.clocks - 1
    uart.io.config.frame.dataLength := 7
    uart.io.config.frame.parity := UartParityType.NONE
    uart.io.config.frame.stop := UartStopType.ONE
    uart.io.writeBreak := False
    uart.io.uart.rxd := io.GPIO_0_UART_RX
    io.GPIO_0_UART_TX := uart.io.uart.txd
    link.io.received << uart.io.read.toFlow
    uart.io.write << link.io.sent

    val label = RegNextWhen(accelerator.io.results.label.resize(4), accelerator.io.results.fire) init 0
    val segments = Seq(0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f, 0x77, 0x7c, 0x39, 0x5e, 0x79, 0x71)
    io.HEX0 := ~label.muxList(segments.zipWithIndex.map { case (lit, digit) => digit -> B(lit, 7 bits) })
    io.LEDR := link.io.busy.asBits.resized
  }
}
