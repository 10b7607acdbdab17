// SPDX-License-Identifier: Apache-2.0
package xnorfpga.board

import spinal.core._
import spinal.lib._
import xnorfpga.head.Result

/** A host's commands, frame by frame, to the accelerator and back: docs/board.md has the protocol.
  *
  * Nothing is done before the whole frame is there, and right. From then until its answer has been sent, what comes is
  * dropped. The same frame once more is answered as before and not done again, so a host may repeat what was not
  * answered. No frame waits for what may not come: a group is flushed, a command that would have to wait is refused.
  */
case class Link(plan: LinkPlan) extends Component {
  import plan._
  import plan.config._
  val io = new Bundle {
    val received = slave(Flow(Bits(8 bits)))
    val sent = master(Stream(Bits(8 bits)))
    val images = master(Stream(Fragment(Bits(inputWordBits bits))))
    val results = slave(Stream(Result(classes, scoreBits)))
    val load = master(Stream(Bits(loadWordBits bits)))
    val load_checksum = in Bits (32 bits)
    val busy = out Bool ()

    /** Somebody else has the accelerator: what comes is dropped. */
    val hold = in Bool ()

    /** Somebody else may have it: no frame is worked on, and the memories hold a whole model. */
    val idle = out Bool ()
  }

  object Phase extends SpinalEnum { val Idle, Load, Head, Results, Body, Finish, Send = newElement() }
  object Content extends SpinalEnum { val Nothing, Identity, Counters, Loaded, Cycles = newElement() }
  val phase = RegInit(Phase.Idle)
  io.busy := phase =/= Phase.Idle

  val reader = FrameReader(requestBytes, addressBits)
  reader.io.bytes << io.received
  reader.io.busy := io.busy || io.hold
  val good = reader.io.good && !io.hold
  val bad = reader.io.bad && !io.hold
  val writer = FrameWriter(addressBits)
  val memory = Mem(Bits(8 bits), depth)
  memory.addAttribute("ramstyle", "M10K, no_rw_check")
  val written = Mux(io.busy, writer.io.write, reader.io.write)
  memory.write(written.address, written.data, written.valid)

  // Memory → a request's data, then the answer
  val from, until = Reg(UInt(addressBits bits))
  val places = Stream(UInt(addressBits bits))
  val reading = RegInit(False) clearWhen (from === until)
  places.valid := reading && from =/= until
  places.payload := from
  when(places.fire) { from := from + 1 }
  val bytes = memory.streamReadSync(places)
  val exhausted = !reading && !bytes.valid
  val Seq(imageData, loadData, answer) =
    StreamDemux(bytes, phase.mux(Phase.Load -> U(1), Phase.Send -> U(2), default -> U(0)), 3).toSeq
  io.sent << answer
  private def read(first: UInt, end: UInt): Unit = {
    from := first
    until := end
    reading := True
  }

  // The command
  val Seq(sequence, command, argumentLow, argumentHigh) = reader.io.header.toSeq
  val argument = argumentHigh ## argumentLow
  val count = argumentLow.asUInt
  val logRounds = argumentHigh(4 downto 0).asUInt
  val withScores = argumentHigh.msb
  // The memories hold a part of a model, which a reset does not change
  val incomplete = ClockDomain.current.withBootReset()(RegInit(False))
  io.idle := phase === Phase.Idle && !reader.io.good && !reader.io.bad && !incomplete
  val chunk = Reg(UInt(log2Up(chunks max 2) bits)) init 0 // the one that is expected
  val lastChunk = chunk === chunks - 1
  val chunkBytes = Mux(lastChunk, U(lastChunkWords * loadWordBytes), U(chunkWords * loadWordBytes))

  val data = reader.io.length - LinkPlan.headerBytes
  // Shifts and sums: a multiplication would take a DSP block
  val shifts = (0 until addressBits).filter(k => (imageBytes >> k) % 2 == 1)
  val imagesBytes = shifts.map(k => (count << k).resize(addressBits)).reduce(_ + _)
  val known = Seq(Link.identify, Link.classify, Link.load, Link.counters).map(command === _).orR
  val chunkNumber = chunk.resize(16)
  val inOrder = command =/= Link.load || argument.asUInt === chunkNumber
  val fits = command.mux(
    Link.classify -> (count =/= 0 && count <= imagesPerFrame && data === imagesBytes &&
      argumentHigh(6 downto 5) === 0 && logRounds <= Link.maxLogRounds),
    Link.load -> (data === chunkBytes),
    default -> (data === 0 && argument === 0)
  )
  val verdict = Link.first(
    !known -> Link.unknownCommand,
    !inOrder -> Link.wrongChunk,
    !fits -> Link.wrongLength,
    (command === Link.classify && incomplete) -> Link.incompleteModel
  )

  // A frame once more is sent its answer once more
  val answered = RegInit(False) // there is an answer, to
  val answeredCrc = Reg(Bits(32 bits))
  val answerEnd = Reg(UInt(addressBits bits))
  val again = answered && RegNext(reader.io.crc === answeredCrc) // a frame's CRC stands a cycle before it is good

  val refusing = Reg(Bool()) // a damaged frame: whose it was is not known
  val status = Reg(Bits(8 bits))
  val content = Reg(Content())
  val cycles, totalCycles, images, frames, damaged, errors = Reg(UInt(32 bits)) init 0
  val remaining = Reg(UInt(countBits + Link.maxLogRounds bits)) // results still to come
  val store = ImageStore(inputWordBits, inputWords, imagesPerFrame, storeDepth, storeInLogic, Link.maxLogRounds)
  store.io.start := False
  store.io.count := count.resize(countBits)
  store.io.logRounds := logRounds
  io.images << store.io.images
  writer.io.start := False
  writer.io.base := Mux(reader.io.bad, U(refusalBase), U(answerBase))

  // Data → words
  val bits = Stream(Bits(1 bits))
  StreamWidthAdapter(imageData, bits)
  val bit = Counter(8 * imageBytes, bits.fire)
  val words = Stream(Bits(inputWordBits bits))
  StreamWidthAdapter(if (imageBits % 8 == 0) bits else bits.throwWhen(bit >= imageBits), words)
  store.io.words << words
  StreamWidthAdapter(loadData, io.load)

  // The answer's bytes
  val index = Reg(UInt(log2Up(resultBytes max 32) bits))
  private def split(value: Bits) = value.subdivideIn(8 bits).toSeq
  private def at(bytes: Seq[Bits]) = Vec(bytes)(index.resize(log2Up(bytes.size)))
  val contents = Seq(
    Content.Identity -> plan.identity.flatMap { case (value, size) => split(B(value, 8 * size bits)) },
    Content.Counters -> Seq(totalCycles, images, frames, damaged, errors).flatMap(counter => split(counter.asBits)),
    Content.Loaded -> (split(chunkNumber.asBits) ++ split(io.load_checksum)),
    Content.Cycles -> split(cycles.asBits)
  )
  val contentLast = content.muxListDc(contents.map { case (kind, bytes) => kind -> (index === bytes.size - 1) })
  val result = split(io.results.label.asBits.resize(8 * labelBytes)) ++
    io.results.scores.subdivideIn(scoreBits bits).flatMap(score => split(score.resize(8 * scoreBytes)))
  val resultLast = index === Mux(withScores, U(resultBytes - 1), U(labelBytes - 1))
  val shown = RegNext(Mux(io.results.fire, remaining <= count +^ 1, remaining <= count)) // of the last round
  val stream = Stream(Fragment(Bits(8 bits)))
  writer.io.bytes << stream.stage() // choosing a byte and encoding it take a cycle each
  stream.valid := phase.mux(
    Phase.Head -> True,
    Phase.Results -> (io.results.valid && shown),
    Phase.Body -> True,
    default -> False
  )
  stream.last := phase.mux(
    Phase.Head -> (index === 1 && content === Content.Nothing),
    Phase.Body -> contentLast,
    default -> False
  )
  stream.fragment := phase.mux(
    Phase.Head -> Mux(index === 0, sequence.andMask(!refusing), status),
    Phase.Results -> at(result),
    default -> content.muxListDc(contents.map { case (kind, bytes) => kind -> at(bytes) })
  )
  io.results.ready := phase === Phase.Results && (!shown || stream.ready && resultLast)
  when(stream.fire) { index := index + 1 }

  // What must not be answered before it is done: the checksum is that of all words two cycles after the last one, which
  // takes a cycle more to the accelerator
  val loaded = History(io.load.valid, 5, init = False).orR

  val counting = phase === Phase.Results && (store.io.giving || cycles =/= 0)
  when(counting) {
    cycles := cycles + 1
    totalCycles := totalCycles + 1
  }

  switch(phase) {
    is(Phase.Idle) {
      index := 0
      cycles := 0
      content := Content.Nothing
      when(good) {
        when(again) {
          read(U(answerBase), answerEnd)
          phase := Phase.Send
        } otherwise {
          answered := True
          answeredCrc := reader.io.crc
          refusing := False
          status := verdict
          frames := frames + 1
          writer.io.start := True
          phase := Phase.Head
          when(verdict =/= Link.ok) {
            errors := errors + 1
            when(known && !inOrder) { content := Content.Loaded }
          } otherwise {
            switch(command) {
              is(Link.identify) { content := Content.Identity }
              is(Link.counters) { content := Content.Counters }
              is(Link.classify) {
                content := Content.Cycles
                store.io.start := True
                remaining := count.resize(remaining.getWidth) |<< logRounds
                read(U(LinkPlan.headerBytes), reader.io.length)
              }
              is(Link.load) {
                content := Content.Loaded
                incomplete := !lastChunk
                read(U(LinkPlan.headerBytes), reader.io.length)
                phase := Phase.Load
              }
            }
          }
        }
      }
      when(bad) {
        refusing := True
        status := Link.damagedFrame
        damaged := damaged + 1
        writer.io.start := True
        phase := Phase.Head
      }
    }
    is(Phase.Load) {
      when(exhausted && !loaded) {
        chunk := Mux(lastChunk, U(0), chunk + 1)
        phase := Phase.Head
      }
    }
    is(Phase.Head) {
      when(stream.fire && index === 1) {
        index := 0
        phase := Phase.Body
        when(content === Content.Nothing) { phase := Phase.Finish }
        when(content === Content.Cycles) { phase := Phase.Results }
      }
    }
    is(Phase.Results) {
      when(stream.fire && resultLast) { index := 0 }
      when(io.results.fire) {
        remaining := remaining - 1
        images := images + 1
        when(remaining === 1) { phase := Phase.Body }
      }
    }
    is(Phase.Body) { when(stream.fire && contentLast) { phase := Phase.Finish } }
    is(Phase.Finish) {
      when(writer.io.done) {
        when(!refusing) { answerEnd := writer.io.end }
        read(Mux(refusing, U(refusalBase), U(answerBase)), writer.io.end)
        phase := Phase.Send
      }
    }
    is(Phase.Send) { when(exhausted) { phase := Phase.Idle } }
  }
}

object Link {
  val identify = 1
  val classify = 2
  val load = 3
  val counters = 4

  // Of an answer
  val ok = 0
  val damagedFrame = 1
  val unknownCommand = 2
  val wrongLength = 3
  val wrongChunk = 4
  val incompleteModel = 5

  val maxLogRounds = 16

  /** The status of the first reason that holds. */
  private def first(reasons: (Bool, Int)*): Bits =
    reasons.foldRight(B(ok, 8 bits)) { case ((holds, status), rest) => Mux(holds, B(status, 8 bits), rest) }
}
