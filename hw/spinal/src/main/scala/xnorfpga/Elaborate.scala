// SPDX-License-Identifier: Apache-2.0
package xnorfpga

import java.nio.charset.StandardCharsets
import java.nio.file.{Files, Path, Paths}

import scala.util.control.NonFatal

import spinal.core._
import upickle.default._

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
    val board = verilog(directory)(De1SocTop(config, accelerator.loadWords))
    write(directory, Manifest(config, accelerator, board))
  }

  /** Write a component's Verilog into directory/rtl. */
  def verilog[T <: Component](directory: Path)(top: => T): T = {
    val rtl = directory.resolve("rtl")
    Files.createDirectories(rtl)
    SpinalConfig(
      targetDirectory = rtl.toString,
      defaultConfigForClockDomains = ClockDomainConfig(resetKind = SYNC),
      headerWithDate = false,
      headerWithRepoHash = false,
      nameWhenByFile = false,
      removePruned = true,
      bitVectorWidthMax = 1 << 20
    ).generateVerilog(top).toplevel
  }

  /** Write directory/manifest.json. */
  def write(directory: Path, manifest: ujson.Value): Unit =
    Files.write(directory.resolve("manifest.json"), (manifest.render(indent = 2) + "\n").getBytes(StandardCharsets.UTF_8))
}

/** What was built, for the stages after: nobody derives it a second time. */
object Manifest {
  def apply(config: AcceleratorConfig, top: Accelerator, board: Component): ujson.Value = {
    ujson.Obj(
      "design" -> config.design,
      "top" -> top.definitionName,
      "board_top" -> board.definitionName,
      "files" -> Seq(board, top).map(component => s"rtl/${component.definitionName}.v"),
      "clock_mhz" -> config.clock_mhz,
      "ports" -> ports(top),
      "board_ports" -> ports(board),
      "copies" -> config.copies,
      "input" -> ujson.Obj("word_bits" -> config.input_word_bits, "words" -> config.inputWords),
      "output" -> ujson.Obj("classes" -> config.classes, "class_bits" -> config.classBits, "score_bits" -> config.scoreBits),
      "layers" -> top.stages.map(stage => layer(stage.plan)),
      "memories" -> top.shapes.map(memory),
      "load_word_bits" -> LoadPort.wordBits,
      "load_words" -> top.loadWords
    )
  }

  def layer(plan: LayerPlan): ujson.Obj = {
    val c = plan.config
    ujson.Obj(
      "index" -> plan.index,
      "mw" -> c.mw,
      "mh" -> c.mh,
      "pe" -> c.pe,
      "simd" -> c.simd,
      "routing" -> c.routing.name,
      "words" -> c.words,
      "groups" -> c.groups,
      "cycles" -> plan.cycles,
      "step_to_output_cycles" -> plan.stepToOutput,
      "fifo_depth" -> plan.fifoDepth,
      "margin_bits" -> c.marginBits,
      "paired" -> plan.paired,
      "serial" -> plan.serial,
      "thresholded" -> plan.thresholded,
      "tap" -> plan.thresholded
    )
  }

  def memory(shape: MemoryShape): ujson.Obj =
    ujson.Obj(
      "name" -> shape.name,
      "layer" -> shape.layer,
      "kind" -> shape.kind,
      "width" -> shape.width,
      "depth" -> shape.depth,
      "column_width" -> shape.columnWidth,
      "files" -> (0 until shape.columns).map(shape.file(_))
    )

  private def ports(top: Component): Seq[ujson.Obj] =
    top.getOrdredNodeIo.map { port =>
      ujson.Obj(
        "name" -> port.getName(),
        "direction" -> (if (port.isInput) "in" else "out"),
        "width" -> port.getBitsWidth
      )
    }.toSeq
}
