// SPDX-License-Identifier: Apache-2.0
package xnorfpga.top

import spinal.core._
import spinal.lib._
import xnorfpga.config.AcceleratorConfig
import xnorfpga.head.Result
import xnorfpga.stream.Lanes

/** The ports of the accelerator.
  *
  * @param loadWordBits bits of a word of the load port
  */
case class AcceleratorIo(config: AcceleratorConfig, loadWordBits: Int) extends Bundle {
  import config._
  val images = slave(Stream(Fragment(Bits(inputWordBits bits))))
  val results = master(Stream(Result(classes, scoreBits)))
  val load = slave(Stream(Bits(loadWordBits bits)))
  val load_checksum = out Bits (32 bits)

  /** Hidden layers' bits as they are complete, for tests; left open, synthesis removes what feeds them. */
  val probes = layers.init.zip(layers.tail).map { case (layer, next) =>
    out(Probe(Lanes(if (layer.convolution.isEmpty) copies else layer.windows, next.planes), layer.mh))
  }
}
