# SPDX-License-Identifier: Apache-2.0
"""The three routings side by side: one 1024 × 1024 layer, folded in each of them onto the same cycles, synthesized.

`python -m xnorfpga bench --routings` measures, and writes routings.json of the report and the table in docs/engine.md.
"""

import datetime
import re

from tqdm import tqdm

from xnorfpga.artefacts.hardware import Hardware, LayerShape, Routing
from xnorfpga.artefacts.report import RoutingFigures, RoutingTable
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import write_block
from xnorfpga.base.paths import BUILD, DOCS
from xnorfpga.design import designs, folding
from xnorfpga.design.hardware import block_ram
from xnorfpga.report import routings
from xnorfpga.rtl import elaborate
from xnorfpga.synth import netlist, yosys

SIZE = 1024
FOLDS: tuple[
    tuple[Routing, int, int], ...
] = (  # routing, PE, SIMD: 4096 binary multiply-accumulates a cycle, 256 cycles
    ("stationary", 4, 1024),
    ("diagonal", 64, 64),
    ("diagonal", 1024, 4),
    ("broadcast", 64, 64),
    ("broadcast", 1024, 4),
)


def hardware(routing: Routing, pe: int, simd: int) -> Hardware:
    """Return a configuration whose layer 1 is the one to measure, fed with four bits a cycle as in `mnist`."""
    board = designs.board(None)
    return Hardware(
        design=f"{routing}_{pe}_{simd}",
        clock_mhz=board.clock_mhz,
        input_word_bits=32,
        copies=1,
        layers=(
            LayerShape(mw=64, mh=SIZE, routing="stationary", pe=4, simd=64),
            LayerShape(mw=SIZE, mh=SIZE, routing=routing, pe=pe, simd=simd),
            LayerShape(mw=SIZE, mh=10, routing="broadcast", pe=10, simd=4),
        ),
        memory=block_ram(board),
        oscillator_mhz=board.clock.oscillator_mhz,
    )


def measure() -> RoutingTable:
    """Elaborate and synthesize the layer in each fold and write the report's routings.json and the docs.

    Raises UserError where a tool fails.
    """
    work = BUILD / "routings"
    configurations = [hardware(*fold) for fold in FOLDS]
    elaborate.elaborate_many((each, work / each.design) for each in configurations)
    rows: list[RoutingFigures] = []
    for (routing, *_), configuration in tqdm([*zip(FOLDS, configurations, strict=True)], desc="routings", disable=None):
        directory = work / configuration.design
        verilog = directory / "rtl" / "Accelerator.v"
        found = re.search(r"^ *(\w+) layers_1 \(", verilog.read_text(), re.MULTILINE)
        if not found:
            raise UserError(f"{verilog}: no instance layers_1")
        mapped = yosys.synthesize([verilog], found[1], directory / "synth").larger
        counted = netlist.count(mapped)
        layer = folding.predict_hardware(configuration).layers[1]
        rows.append(
            RoutingFigures(
                routing=routing,
                pe=layer.pe,
                simd=layer.simd,
                cycles=layer.cycles,
                alms=counted.alms,
                m10k=counted.m10k,
                ffs=counted.ffs,
                connections=netlist.input_connections(mapped)[0],
                logic_levels=netlist.longest_path(mapped).levels,
            )
        )
    origin = f"netlists of Yosys {yosys.version()}, {datetime.date.today()}, python -m xnorfpga bench --routings"
    results = RoutingTable(layer=f"{SIZE} × {SIZE}", copies=1, origin=origin, rows=tuple(rows))
    results.write(routings.FILE)
    write_block(DOCS / "engine.md", "routings", routings.table(results))
    return results
