// SPDX-License-Identifier: Apache-2.0
package xnorfpga.bench

import spinal.core._
import ujson.{Obj, Value}
import upickle.default._
import xnorfpga.config.{AcceleratorConfig, BlockRam, refuse}
import xnorfpga.counting.{TransitionCounter, XnorPopcount}
import xnorfpga.head.ArgMax
import xnorfpga.memory.{LoadPort, MemoryShape}
import xnorfpga.mvu.{InputRegister, Layer, LayerPlan, ProcessingElement}
import xnorfpga.stream.{Collector, ImageCollector, Serializer}
import xnorfpga.top.Manifest

/** @param facts the parameters, and what follows from them that a bench must know */
case class UnitUnderTest(component: Component, facts: Obj)

object UnitUnderTest {
  def apply(unit: String, parameters: Value): UnitUnderTest = {
    def number(key: String) = parameters(key).num.toInt
    lazy val config = read[AcceleratorConfig](parameters("accelerator"))
    lazy val plan = LayerPlan.all(config)(number("layer"))

    /** The parameters, and what is said of them. */
    def facts(more: Obj*) = Obj.from((parameters +: more).flatMap(_.obj))
    def layer = Obj("plan" -> Manifest.layer(plan), "copies" -> config.copies, "unlike_lag" -> TransitionCounter.lag)
    unit match {
      case "XnorPopcount" =>
        val popcount = XnorPopcount(number("size"), parameters("paired").bool)
        UnitUnderTest(popcount, facts(Obj("latency" -> popcount.shape.latency)))
      case "ProcessingElement" =>
        UnitUnderTest(ProcessingElement(plan), facts(layer, Obj("latency" -> plan.popcount.latency)))
      case "InputRegister" =>
        val register = InputRegister(plan, config.copies)
        val shape = Obj("width" -> register.width, "taps" -> register.tapCount, "streamed" -> plan.streamed)
        val transitions = Obj("unlike_arrives" -> (plan.collectedTransitionBits > 0), "unlike_cycles" -> register.transitionLatency)
        UnitUnderTest(register, facts(layer, shape, transitions))
      case "Layer" =>
        val unit = Layer(plan, config.copies, config.memory)
        val arrives = plan.index == 0 && plan.collectedTransitionBits > 0
        val input = Obj("width" -> plan.arrivalWidth, "unlike_arrives" -> arrives)
        UnitUnderTest(unit, facts(layer, input, Obj("memories" -> unit.shapes.map(Manifest.memory))))
      case "ImageCollector" =>
        val collector = ImageCollector(number("word_bits"), number("image_bits"), number("copies"), number("unlike_bits"))
        UnitUnderTest(collector, facts(Obj("unlike_lag" -> TransitionCounter.lag)))
      case "Collector" =>
        val collector = Collector(number("in_width"), number("out_width"), number("copies"), number("unlike_bits"))
        UnitUnderTest(collector, facts(Obj("unlike_lag" -> TransitionCounter.lag)))
      case "Serializer" =>
        UnitUnderTest(Serializer(number("in_width"), number("out_width"), number("copies")), facts())
      case "ArgMax" =>
        UnitUnderTest(ArgMax(number("classes"), number("score_bits"), number("copies")), facts())
      case "LoadPort" =>
        val ram = read[BlockRam](parameters("memory"))
        val shapes = parameters("shapes").arr.toSeq.zipWithIndex.map { case (shape, k) =>
          MemoryShape(s"memory_$k", k, "weights", shape("width").num.toInt, shape("depth").num.toInt, ram)
        }
        UnitUnderTest(LoadPort(shapes), facts(Obj("memories" -> shapes.map(Manifest.memory))))
      case other => refuse(s"unit = \"$other\" has no bench")
    }
  }
}
