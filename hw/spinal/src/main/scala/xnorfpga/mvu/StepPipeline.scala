// SPDX-License-Identifier: Apache-2.0
package xnorfpga.mvu

import spinal.core._
import spinal.lib.misc.pipeline.{Builder, Node, StageLink}

/** The way of a step through a layer: stage k is k cycles after its issue, and nothing stalls.
  *
  * A payload is inserted at the stage where it is known and asked for at the one where it is needed; the registers
  * between are the pipeline's business. `build` once all is said.
  */
case class StepPipeline(stages: Int) extends Area {
  val stage = Seq.fill(stages)(Node())
  def apply(k: Int): Node = stage(k)
  def build(): Unit = Builder(stage.zip(stage.tail).map { case (up, down) => StageLink(up, down) })
}
