// SPDX-License-Identifier: Apache-2.0
package xnorfpga.board

import spinal.core._
import spinal.lib._
import spinal.lib.com.uart._
import xnorfpga.top.AcceleratorBlackBox

/** The accelerator as the board sees it: a serial port on header JP1, and a demonstration with keys and displays.
  *
  * docs/board.md has the protocol on the serial port. KEY0 resets, KEY1 classifies the stored image that SW chooses. HEX0
  * shows the last class, as LEDR7 to LEDR4 do, HEX1 what SW chooses, the others the cycles of the last stored image. LEDR0
  * is on while the accelerator is at work.
  */
case class De1SocTop(plan: LinkPlan) extends Component {
  import plan.config
  val io = new Bundle {
    val CLOCK_50 = in Bool ()
    val KEY = in Bits (4 bits)
    val SW = in Bits (4 bits)
    val LEDR = out Bits (10 bits)
    val HEX0, HEX1, HEX2, HEX3, HEX4, HEX5 = out Bits (7 bits)
    val GPIO_0_UART_RX = in Bool ()
    val GPIO_0_UART_TX = out Bool ()
  }
  noIoPrefix()

  private val powerOn =
    if (config.hasPll) Pll.domain(io.CLOCK_50, config.oscillatorMhz, config.clockMhz)
    else ClockDomain(io.CLOCK_50, config = ClockDomainConfig(resetKind = BOOT))
  val reset = new ClockingArea(powerOn) {
    val count = Reg(UInt(4 bits)) init 0
    when(count =/= count.maxValue) { count := count + 1 }
    val active = RegNext(count =/= count.maxValue || !BufferCC(io.KEY(0), init = True)) init True
  }
  val system = ClockDomain(powerOn.clock, reset = reset.active, config = ClockDomainConfig(resetKind = SYNC))

  val board = new ClockingArea(system) {
    val accelerator = AcceleratorBlackBox(config, plan.loadWordBits)
    val link = Link(plan)
    val demonstration = Demonstration(plan.stored, plan.storedImages, config.inputWords, config.classes, config.scoreBits)
    val chosen = BufferCC(io.SW, init = B(0, 4 bits))
    demonstration.io.image := chosen.asUInt.resized
    demonstration.io.start := BufferCC(io.KEY(1), init = True).fall(initAt = True) && link.io.idle
    link.io.hold := demonstration.io.active
    val whose = demonstration.io.active.asUInt
    // What comes from here ends in registers before the accelerator, whose own are all over the device; and its ready here
    accelerator.io.images << StreamMux(whose, Seq(link.io.images, demonstration.io.images)).s2mPipe().m2sPipe()
    accelerator.io.load << link.io.load.s2mPipe().m2sPipe()
    val results = accelerator.io.results.s2mPipe()
    for ((each, taker) <- StreamDemux(results, whose, 2).zip(Seq(link.io.results, demonstration.io.results))) taker << each
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

    val label = RegNextWhen(results.label.resize(4), results.fire) init 0
    val shown = Seq(label, chosen.asUInt) ++ demonstration.io.cycles
    for ((display, digit) <- Seq(io.HEX0, io.HEX1, io.HEX2, io.HEX3, io.HEX4, io.HEX5).zip(shown))
      display := De1SocTop.segments(digit)
    io.LEDR := (label ## B(0, 3 bits) ## (link.io.busy || demonstration.io.active)).resized
  }
}

object De1SocTop {
  private val lit = Seq(0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f, 0x77, 0x7c, 0x39, 0x5e, 0x79, 0x71)

  /** A hexadecimal digit on a 7-segment display, whose segments light at 0. */
  private def segments(value: UInt): Bits =
    ~value.muxList(lit.zipWithIndex.map { case (segments, digit) => digit -> B(segments, 7 bits) })
}
