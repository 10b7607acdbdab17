// SPDX-License-Identifier: Apache-2.0
package xnorfpga.bench

import spinal.core._
import ujson.{Obj, Value}
import upickle.default._
import xnorfpga.config.{AcceleratorConfig, BlockRam, Slide, refuse}
import xnorfpga.counting.{Counting, XnorPopcount}
import xnorfpga.head.ArgMax
import xnorfpga.memory.{LoadPort, MemoryShape}
import xnorfpga.mvu.{InputRegister, Layer, LayerPlan, ProcessingElement}
import xnorfpga.stream.{Collector, ImageCollector, Lanes, Serializer}
import xnorfpga.top.Manifest
import xnorfpga.window.{LaneSerializer, MaxPool, PixelInput, PixelTransitions, SlidingWindow}

/** @param facts the parameters, and what follows from them that a bench must know */
case class UnitUnderTest(component: Component, facts: Obj)

object UnitUnderTest {
  def apply(unit: String, parameters: Value): UnitUnderTest = {
    def number(key: String) = parameters(key).num.toInt
    lazy val config = read[AcceleratorConfig](parameters("accelerator"))
    lazy val plan = LayerPlan.all(config)(number("layer"))
    lazy val lanes = Lanes(plan.copies, plan.config.planes)

    /** Lanes of a unit alone: one bit plane where no other number is given. */
    def shape = Lanes(number("copies"), parameters.obj.get("planes").map(_.num.toInt).getOrElse(1))

    /** The parameters, and what is said of them. */
    def facts(more: Obj*) = Obj.from((parameters +: more).flatMap(_.obj))
    def layer = Obj("plan" -> Manifest.layer(plan), "copies" -> plan.copies)
    def one = Obj("copies" -> 1)
    def counting(name: String) = Counting.all.find(_.name == name).getOrElse(refuse(s"counting = \"$name\" is unknown"))
    unit match {
      case "XnorPopcount" =>
        val popcount = XnorPopcount(number("size"), counting(parameters("counting").str))
        UnitUnderTest(popcount, facts(Obj("latency" -> popcount.shape.latency)))
      case "ProcessingElement" =>
        UnitUnderTest(ProcessingElement(plan), facts(layer, Obj("latency" -> (plan.countedStage - plan.readStage))))
      case "InputRegister" =>
        val register = InputRegister(plan, lanes)
        val shape = Obj("width" -> plan.inputBuffer.width, "taps" -> plan.inputBuffer.taps, "input_buffer" -> plan.inputBuffer.name)
        val transitions = Obj("transitions_arrive" -> (plan.collectedTransitionBits > 0), "transition_stage" -> register.transitionStage, "read_stage" -> plan.readStage)
        UnitUnderTest(register, facts(layer, shape, transitions))
      case "Layer" =>
        val unit = Layer(plan)
        val input = Obj("width" -> plan.arrivalWidth, "transitions_arrive" -> plan.arrivesCounted)
        UnitUnderTest(unit, facts(layer, input, Obj("memories" -> plan.shapes.map(Manifest.memory))))
      case "ImageCollector" =>
        val collector = ImageCollector(number("word_bits"), number("image_bits"), shape, number("transition_bits"))
        UnitUnderTest(collector, facts())
      case "Collector" =>
        val collector = Collector(number("in_width"), number("out_width"), shape, number("transition_bits"))
        UnitUnderTest(collector, facts())
      case "Serializer" =>
        UnitUnderTest(Serializer(number("in_width"), number("out_width"), shape), facts())
      case "SlidingWindow" =>
        val Seq(height, width, channels, kernel, stride, padding) =
          Seq("height", "width", "channels", "kernel", "stride", "padding").map(number)
        val slide = Slide(height, width, channels, kernel, stride, padding)
        UnitUnderTest(SlidingWindow(slide, number("planes"), number("windows"), number("transition_bits")), facts(one, Obj("transitions_arrive" -> (number("transition_bits") > 0))))
      case "MaxPool" =>
        val Seq(height, width, channels, pool) = Seq("height", "width", "channels", "pool").map(number)
        UnitUnderTest(MaxPool(Slide(height, width, channels, pool, pool, padding = 0), number("planes")), facts(one))
      case "LaneSerializer" =>
        UnitUnderTest(LaneSerializer(number("width"), number("copies"), number("planes")), facts())
      case "PixelTransitions" =>
        UnitUnderTest(PixelTransitions(number("channels"), number("planes")), facts(one))
      case "PixelInput" =>
        UnitUnderTest(PixelInput(number("pixels"), number("channels"), number("planes")), facts(one))
      case "ArgMax" =>
        UnitUnderTest(ArgMax(number("classes"), number("score_bits"), number("copies")), facts())
      case "LoadPort" =>
        val ram = read[BlockRam](parameters("memory"))
        val shapes = parameters("shapes").arr.toSeq.zipWithIndex.map { case (shape, k) =>
          MemoryShape(s"memory_$k", k, "weights", shape("width").num.toInt, shape("depth").num.toInt, ram)
        }
        val port = LoadPort(shapes)
        UnitUnderTest(port, facts(Obj("memories" -> shapes.map(Manifest.memory), "word_bits" -> port.wordBits)))
      case other => refuse(s"unit = \"$other\" has no bench")
    }
  }
}
