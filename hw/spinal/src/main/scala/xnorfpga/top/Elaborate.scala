// SPDX-License-Identifier: Apache-2.0
package xnorfpga.top

import java.nio.charset.StandardCharsets
import java.nio.file.{Files, Path, Paths}

import scala.util.control.NonFatal

import spinal.core._
import upickle.default._
import xnorfpga.board.{De1SocTop, LinkPlan}
import xnorfpga.config.{AcceleratorConfig, ConfigError, refuse}
import xnorfpga.mvu.Replicated

/** `Elaborate DIR…`: reads DIR/hardware.json, writes DIR/rtl and DIR/manifest.json.
  *
  * The same configuration gives the same bytes, so that what depends on the Verilog is rebuilt only when it changes. A
  * configuration that cannot be built is one line on stderr and exit code 2; the files of an earlier one stay.
  */
object Elaborate {
  def main(directories: Array[String]): Unit = each[AcceleratorConfig](directories, "hardware.json")(elaborate)

  /** Read the file `name` of each directory and elaborate it; the first that cannot be built ends the program. */
  def each[Config: Reader](directories: Array[String], name: String)(elaborate: (Config, Path) => Unit): Unit =
    for (directory <- directories.map(Paths.get(_))) {
      val source = directory.resolve(name)
      try elaborate(configuration[Config](Files.readString(source)), directory)
      catch {
        case ConfigError(reason) =>
          Console.err.println(s"error: $source: $reason")
          sys.exit(2)
      }
    }

  /** Read a configuration, strictly: whatever the reader stumbles over is a line for the user. */
  private def configuration[Config: Reader](json: String): Config =
    try read[Config](json, trace = true)
    catch {
      case NonFatal(error) =>
        val causes = Iterator.iterate[Throwable](error)(_.getCause).takeWhile(_ != null).toSeq
        causes.collectFirst { case refusal: ConfigError => throw refusal }
        val place = causes.collectFirst { case trace: upickle.core.TraceVisitor.TraceException => s"${trace.jsonPath}: " }
        refuse((place.getOrElse("") + s"cannot be read: ${causes.last.getMessage.trim}").linesIterator.mkString(" "))
    }

  def elaborate(config: AcceleratorConfig, directory: Path): Unit = {
    val accelerator = verilog(directory)(Accelerator(config))
    val board = verilog(directory)(De1SocTop(LinkPlan(config, accelerator.loadWords, accelerator.loadWordBits)))
    write(directory, Manifest(config, accelerator, board))
  }

  /** Write a component's Verilog into directory/rtl. */
  def verilog[T <: Component](directory: Path)(top: => T): T = {
    val rtl = directory.resolve("rtl")
    Files.createDirectories(rtl)
    val generated = SpinalConfig(
      targetDirectory = rtl.toString,
      defaultConfigForClockDomains = ClockDomainConfig(resetKind = SYNC),
      headerWithDate = false,
      headerWithRepoHash = false,
      nameWhenByFile = false,
      removePruned = true,
      bitVectorWidthMax = 1 << 20
    ).generateVerilog(top).toplevel
    Replicated.check(generated)
    generated
  }

  /** Write directory/manifest.json. */
  def write(directory: Path, manifest: ujson.Value): Unit =
    Files.write(directory.resolve("manifest.json"), (manifest.render(indent = 2) + "\n").getBytes(StandardCharsets.UTF_8))
}
