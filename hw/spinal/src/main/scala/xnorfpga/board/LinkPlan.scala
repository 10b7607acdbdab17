// SPDX-License-Identifier: Apache-2.0
package xnorfpga.board

import spinal.core._
import upickle.default.write
import xnorfpga.config.{AcceleratorConfig, refuse}
import xnorfpga.memory.MemoryShape

/** What follows from an accelerator for the serial link in front of it; docs/board.md has the protocol.
  *
  * @param loadWords words of a whole model at the load port, @param loadWordBits bits of one, whole bytes
  */
case class LinkPlan(config: AcceleratorConfig, loadWords: Int, loadWordBits: Int) {
  import LinkPlan._

  val imageBits = config.inputWords * config.inputWordBits
  val imageBytes = bytes(imageBits)
  val labelBytes = bytes(config.classBits)
  val scoreBytes = bytes(config.scoreBits)
  val resultBytes = labelBytes + config.classes * scoreBytes
  val loadWordBytes = bytes(loadWordBits)

  // The memory of frames: a request, its answer, and the answer to a damaged frame, which leaves the other one whole
  private val answerBytes = 256 max encoded(answerOverhead + resultBytes)
  val depth = 1024 max 1 << log2Up(answerBytes + refusalBytes + requestOverhead + (imageBytes max loadWordBytes))
  val requestBytes = depth - answerBytes - refusalBytes
  val answerBase = requestBytes
  val refusalBase = depth - refusalBytes
  val addressBits = log2Up(depth)

  val imagesPerFrame = {
    val answered = (1 to 255).takeWhile(images => encoded(answerOverhead + images * resultBytes) <= answerBytes).last
    answered min (requestBytes - requestOverhead) / imageBytes
  }
  val countBits = log2Up(imagesPerFrame + 1)
  val chunkWords = loadWords min (requestBytes - requestOverhead) / loadWordBytes
  val chunks = (loadWords + chunkWords - 1) / chunkWords
  val lastChunkWords = loadWords - (chunks - 1) * chunkWords
  if (chunks >= 65536) refuse(s"the model is $chunks chunks of the serial link; at most 65,535 can be numbered")

  /** CRC-32 of the configuration but for the baud rate: which accelerator this is. */
  val digest = {
    val crc = new java.util.zip.CRC32
    crc.update(write(config.copy(baud = 0)).getBytes("UTF-8"))
    crc.getValue
  }

  /** What `identify` answers: (value, bytes) each, the lowest byte first. */
  val identity: Seq[(BigInt, Int)] = Seq(
    BigInt(protocolVersion) -> 1,
    BigInt(digest) -> 4,
    (BigDecimal(config.clockMhz) * 1000).toBigInt -> 4,
    BigInt(imageBits) -> 4,
    BigInt(config.classes) -> 4,
    BigInt(scoreBytes) -> 1,
    BigInt(config.copies) -> 2,
    BigInt(imagesPerFrame) -> 1,
    BigInt(chunkWords * loadWordBytes) -> 4,
    BigInt(loadWords.toLong * loadWordBytes) -> 4
  )

  // A shallow and wide store is a waste of block RAM, which a design may need all of
  val storeDepth = imagesPerFrame * config.inputWords max 2
  val storeInLogic = storeDepth <= 64

  /** The images of the demonstration: one for each position of SW, or fewer where these took too much block RAM. */
  val storedImages = {
    def bits(images: Int) = Demonstration.depth(images, config.inputWords) * config.inputWordBits
    Seq(Demonstration.mostImages, 8, 4).find(bits(_) <= mostStoredBlocks * config.memory.blockBits).getOrElse(2)
  }
  val stored = {
    val rows = Demonstration.depth(storedImages, config.inputWords)
    MemoryShape("board_images", 0, "images", config.inputWordBits, rows, config.memory.copy(readCycles = 1), inLogic = rows <= 128)
  }

  /** The board's own block RAMs, (width, depth). */
  val memories = Seq((8, depth)) ++ Option.when(!storeInLogic)((config.inputWordBits, storeDepth)) ++
    Option.when(!stored.inLogic)((stored.width, stored.depth))
}

object LinkPlan {
  val protocolVersion = 1
  val headerBytes = 4 // sequence number, command, argument
  val crcBytes = 4
  private val requestOverhead = headerBytes + crcBytes
  private val answerOverhead = 2 + 4 + crcBytes // sequence number and status, cycles
  private val refusalBytes = 16
  private val mostStoredBlocks = 16

  def bytes(bits: Int): Int = (bits + 7) / 8

  /** At most so many bytes after COBS, with the delimiter. */
  private def encoded(bytes: Int) = bytes + bytes / 254 + 2
}
