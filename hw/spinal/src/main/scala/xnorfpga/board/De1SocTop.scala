// SPDX-License-Identifier: Apache-2.0
package xnorfpga.board

import spinal.core._
import spinal.lib._
import spinal.lib.com.uart._
import xnorfpga.config.AcceleratorConfig
import xnorfpga.top.AcceleratorBlackBox

/** The accelerator as the board sees it: a serial port on header JP1, the class on the first seven-segment display.
  *
  * Protocol, 115,200 baud 8N1, one command byte and its data, lowest byte first, each word padded to whole bytes:
  *   - `I`, then the words of one image: answers the class as one byte.
  *   - `L`, then the words of the load port: answers `K` and the four bytes of their CRC-32 once the model is in memory.
  *
  * Any other command byte is dropped, so that a host gets back in step by sending one. LEDR0 is on while a command's
  * data is awaited; KEY0 resets.
  */
case class De1SocTop(config: AcceleratorConfig, loadWords: Int, loadWordBits: Int) extends Component {
  val io = new Bundle {
    val CLOCK_50 = in Bool ()
    val KEY = in Bits (4 bits)
    val LEDR = out Bits (10 bits)
    val HEX0 = out Bits (7 bits)
    val GPIO_0_UART_RX = in Bool ()
    val GPIO_0_UART_TX = out Bool ()
  }
  noIoPrefix()

  private val frequency = FixedFrequency(HertzNumber(BigDecimal(config.clockMhz)) * 1000000)
  private val powerOn = ClockDomain(io.CLOCK_50, config = ClockDomainConfig(resetKind = BOOT))
  val reset = new ClockingArea(powerOn) {
    val count = Reg(UInt(4 bits)) init 0
    when(count =/= count.maxValue) { count := count + 1 }
    val active = RegNext(count =/= count.maxValue || !BufferCC(io.KEY(0), init = True)) init True
  }
  val system = ClockDomain(
    io.CLOCK_50,
    reset = reset.active,
    frequency = frequency,
    config = ClockDomainConfig(resetKind = SYNC)
  )

  val board = new ClockingArea(system) {
    val accelerator = AcceleratorBlackBox(config, loadWordBits)
    val uart = UartCtrl(UartCtrlInitConfig(115200, 7, UartParityType.NONE, UartStopType.ONE))
    uart.io.uart.rxd := io.GPIO_0_UART_RX
    io.GPIO_0_UART_TX := uart.io.uart.txd

    // Bytes that are still to come of a command's data; at 0 the next byte is a command
    val imageBytes = config.inputWords * bytesOf(config.inputWordBits)
    val loadBytes = loadWords * bytesOf(loadWordBits)
    val remaining = Reg(UInt(log2Up((imageBytes max loadBytes) + 1) bits)) init 0
    val loading = Reg(Bool()) init False
    val idle = remaining === 0
    val bytes = uart.io.read
    val Seq(commands, images, model) = StreamDemux(bytes, Mux(idle, U(0), Mux(loading, U(2), U(1))), 3).toSeq

    commands.ready := True
    when(commands.valid) {
      loading := commands.payload === 'L'.toInt
      when(commands.payload === 'I'.toInt) { remaining := imageBytes }
      when(commands.payload === 'L'.toInt) { remaining := loadBytes }
    }
    when(images.fire || model.fire) { remaining := remaining - 1 }

    val imageWords = words(images, config.inputWordBits)
    accelerator.io.images.arbitrationFrom(imageWords)
    accelerator.io.images.fragment := imageWords.payload
    accelerator.io.images.last := True // each image is answered at once: nobody waits for a batch to fill
    accelerator.io.load << words(model, loadWordBits)

    // Answers
    val receipt = (accelerator.io.load_checksum ## B('K'.toInt, 8 bits)).subdivideIn(8 bits)
    val receiptByte = Counter(receipt.size)
    val loaded = RegInit(False) setWhen (model.fire && remaining === 1)
    val answer = uart.io.write
    answer.valid := accelerator.io.results.valid || loaded
    answer.payload := Mux(loaded, receipt(receiptByte), accelerator.io.results.label.asBits.resize(8))
    accelerator.io.results.ready := answer.ready && !loaded
    when(loaded && answer.ready) {
      receiptByte.increment()
      loaded.clearWhen(receiptByte.willOverflowIfInc)
    }

    val label = RegNextWhen(accelerator.io.results.label.resize(4), accelerator.io.results.fire) init 0
    val segments = Seq(0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f, 0x77, 0x7c, 0x39, 0x5e, 0x79, 0x71)
    io.HEX0 := ~label.muxList(segments.zipWithIndex.map { case (lit, digit) => digit -> B(lit, 7 bits) })
    io.LEDR := (!idle).asBits.resized
  }

  private def bytesOf(bits: Int) = (bits + 7) / 8

  private def words(bytes: Stream[Bits], width: Int): Stream[Bits] = {
    val padded = Stream(Bits(8 * bytesOf(width) bits))
    StreamWidthAdapter(bytes, padded)
    padded.map(_.resize(width))
  }
}
