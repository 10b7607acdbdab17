// SPDX-License-Identifier: Apache-2.0
package xnorfpga.top

import spinal.core._
import upickle.default.writeJs
import xnorfpga.board.{De1SocTop, LinkPlan}
import xnorfpga.config.AcceleratorConfig
import xnorfpga.memory.MemoryShape
import xnorfpga.mvu.LayerPlan

/** What was built, for the stages after: nobody derives it a second time. */
object Manifest {
  def apply(config: AcceleratorConfig, top: Accelerator, board: De1SocTop): ujson.Value = {
    ujson.Obj(
      "design" -> config.design,
      "top" -> top.definitionName,
      "board_top" -> board.definitionName,
      "files" -> Seq(board, top).map(component => s"rtl/${component.definitionName}.v"),
      "clock_mhz" -> config.clockMhz,
      "ports" -> ports(top),
      "board_ports" -> ports(board),
      "copies" -> config.copies,
      "input" -> ujson.Obj("word_bits" -> config.inputWordBits, "words" -> config.inputWords),
      "output" -> ujson.Obj("classes" -> config.classes, "class_bits" -> config.classBits, "score_bits" -> config.scoreBits),
      "layers" -> top.stages.map(stage => layer(stage.plan)),
      "memories" -> top.shapes.map(memory),
      "load_word_bits" -> top.loadWordBits,
      "load_words" -> top.loadWords,
      "link" -> link(board.plan)
    )
  }

  def link(plan: LinkPlan): ujson.Obj =
    ujson.Obj(
      "baud" -> plan.config.baud,
      "protocol" -> LinkPlan.protocolVersion,
      "digest" -> f"${plan.digest}%08x",
      "images_per_frame" -> plan.imagesPerFrame,
      "memories" -> plan.memories.map { case (width, depth) => shape(width, depth) },
      "stored" -> ujson.Obj(
        "images" -> plan.storedImages,
        "width" -> plan.stored.width,
        "depth" -> plan.stored.depth,
        "column_width" -> plan.stored.columnWidth,
        "files" -> (0 until plan.stored.columns).map(plan.stored.file(_))
      )
    )

  private def shape(width: Int, depth: Int) = ujson.Obj("width" -> width, "depth" -> depth)

  def layer(plan: LayerPlan): ujson.Obj = {
    val c = plan.config
    ujson.Obj(
      "index" -> plan.index,
      "mw" -> c.mw,
      "mh" -> c.mh,
      "pe" -> c.pe,
      "simd" -> c.simd,
      "routing" -> c.routing.name,
      "synapse_fold" -> c.synapseFold,
      "neuron_fold" -> c.neuronFold,
      "cycles" -> plan.cycles,
      "step_to_output_cycles" -> plan.outputStage,
      "fifo_depth" -> plan.fifoDepth,
      "margin_bits" -> c.accumulatorBits,
      "coefficients" -> c.coefficients,
      "convolution" -> c.convolution.map(writeJs(_)).getOrElse(ujson.Null),
      "windows" -> c.windows,
      "map_memories" -> plan.mapMemories.map { case (width, depth) => shape(width, depth) },
      "output_planes" -> plan.outPlanes,
      "weights" -> c.weights.name,
      "counting" -> plan.counting.name,
      "input_buffer" -> plan.inputBuffer.name,
      "threshold" -> plan.threshold.name,
      "threshold_digit_bits" -> plan.threshold.digitBits,
      "level_bits" -> plan.threshold.levelBits
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
