# SPDX-License-Identifier: Apache-2.0
"""The synth stage: how large the design is, how long its paths are, and, with Quartus, how fast and at what power.

Yosys always maps the design and gives an *estimate* of the ALMs, the longest path in ALUT levels and the wires at the
input registers. Where Quartus is installed, its stages (`quartus.steps`) have placed and routed the same RTL under the
board's top level, and its figures take the estimate's place. docs/synthesis.md says what each figure means.
"""

import shutil
import sys
import time
from pathlib import Path
from typing import Any

from xnorfpga.artefacts.manifest import LayerFacts, Manifest
from xnorfpga.artefacts.synthesis import Connections, Device, Estimate, Mapping, Resources, Shares, Synthesis
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import sha256
from xnorfpga.design.folding import Block
from xnorfpga.design.schema import Board, Design
from xnorfpga.synth import netlist, yosys
from xnorfpga.synth.quartus import project as quartus_project
from xnorfpga.synth.quartus import steps
from xnorfpga.synth.quartus.figures import QuartusFigures
from xnorfpga.synth.quartus.read import read as read_reports

STAGES = ("map", "fit", "asm", "sta", "pow")  # of Quartus, each of which must leave a report

UNITS = {"alms": "ALMs", "m10k": "M10K blocks", "dsps": "DSP blocks"}

ALM_BAND = (0.64, 2.66)
ALM_BAND_HALF = (0.77, 1.14)
ALM_BAND_SOURCE = (
    "this estimate divided by Quartus' 'ALMs needed', lowest and highest of 17 public Cyclone V designs; "
    "half of them lie within alm_band_half, the median is 0.995"
)
WITHOUT_QUARTUS = (
    "quartus_sh is neither on PATH nor in $QUARTUS_ROOTDIR/bin: the figures are Yosys' estimate; "
    "fitted ALMs, Fmax, power and a bitstream need Quartus (the Lite edition will do)"
)


def synthesize(design: Design, build: Path) -> Synthesis:
    """Synthesize build/rtl and write build/synth.json, which is also returned; docs/contracts.md says what it holds.

    Uses Quartus where it is installed, else says in one line what is lost without it.

    Raises UserError where a tool fails; an earlier synth.json stays as it was.
    """
    manifest = Manifest.read(build / "manifest.json")
    programs = quartus_project.find()
    # Without the board's file: whatever else Yosys reads moves its names, and with them an ALM or two
    files = [build / file for file in manifest.files if Path(file).stem != manifest.board_top]
    result = estimate(files, manifest, design.board, build / "synth")
    if programs is None:
        result = result.model_copy(update={"notes": (*result.notes, WITHOUT_QUARTUS)})
    for note in result.notes:
        print(note, file=sys.stderr)
    if programs is not None:
        result = fit(programs, design.board, manifest, build, result)
    result.write(build / "synth.json")
    return result


def estimate(files: list[Path], manifest: Manifest, board: Board, work: Path) -> Synthesis:
    """Map the manifest's top level with Yosys and count.

    Of the two mappings the one with more ALMs is judged, and the figures are its own. It fits where there is block RAM
    for the board's own memories too.
    """
    start = time.monotonic()
    both = yosys.synthesize(files, manifest.top, work)
    resources = netlist.count(both.larger)
    kept, flattened = _mapping(both.borders_kept), _mapping(both.flattened)
    judged = flattened if both.larger is both.flattened else kept
    own = sum(_blocks(board).blocks(memory.width, memory.depth) for memory in manifest.link.memories)
    against = _against(board, resources.alms, resources.m10k, resources.dsps, own)
    notes = []
    if not against["fits"]:
        over = ", ".join(f"{more:,} {UNITS[kind]}" for kind, more in against["over"].model_dump().items() if more)
        notes = [f"does not fit {board.device} by Yosys' estimate, which is over by {over}"]
    return Synthesis(
        tool="Yosys",
        version=yosys.version(),
        kind="estimate",
        top=manifest.top,
        alms=resources.alms,
        borders_kept=kept,
        flattened=flattened,
        alm_formula=netlist.ALM_FORMULA,
        alm_band=ALM_BAND,
        alm_band_half=ALM_BAND_HALF,
        alm_band_source=ALM_BAND_SOURCE,
        aluts=resources.aluts,
        ffs=resources.ffs,
        mlabs=resources.mlabs,
        m10k=resources.m10k,
        dsps=resources.dsps,
        **against,
        logic_levels=judged.logic_levels,
        carry_hops=judged.carry_hops,
        longest_path=judged.longest_path,
        paths_origin=f"netlist of Yosys {yosys.version()}: ALUT levels between registers, RAMs and ports",
        connections=_connections(both.larger, manifest.layers),
        fmax_mhz=None,
        power=None,
        reasons=dict.fromkeys(("fmax_mhz", "power"), "Yosys neither places nor routes: Quartus tells"),
        notes=tuple(notes),
        seconds=round(time.monotonic() - start, 1),
    )


def _mapping(mapped: netlist.Netlist) -> Mapping:
    """Return the figures of one mapping."""
    resources, path = netlist.count(mapped), netlist.longest_path(mapped)
    return Mapping(
        alms=resources.alms,
        aluts=resources.aluts,
        ffs=resources.ffs,
        logic_levels=path.levels,
        carry_hops=path.carry_hops,
        longest_path=tuple(path.names),
    )


def _against(board: Board, alms: int, m10k: int, dsps: int, more_m10k: int = 0) -> dict[str, Any]:
    """Hold what is used against the board's device: does it fit, by how much is it over, what share does it take.

    more_m10k: blocks that are needed beside these.
    """
    has = {kind: getattr(board.capacity, kind) for kind in UNITS}
    uses = {"alms": alms, "m10k": m10k, "dsps": dsps}
    over = {kind: max(0, uses[kind] + (more_m10k if kind == "m10k" else 0) - has[kind]) for kind in has}
    return {
        "fits": not any(over.values()),
        "over": Resources(**over),
        "device": Device(name=board.device, **has),
        "share": Shares(**{kind: round(uses[kind] / has[kind], 4) if has[kind] else None for kind in has}),
    }


def _connections(mapped: netlist.Netlist, layers: tuple[LayerFacts, ...]) -> tuple[Connections, ...]:
    """Put the wires counted at each input register beside those of full direct connection, MW · MH."""
    counted = netlist.input_connections(mapped)
    return tuple(
        Connections(
            layer=layer.index,
            routing=layer.routing,
            used=counted.get(layer.index),
            full_direct=layer.mw * layer.mh,
        )
        for layer in layers
    )


def fit(programs: Path, board: Board, manifest: Manifest, build: Path, mapped: Synthesis) -> Synthesis:
    """Read what the stages of Quartus (`quartus.steps`) left in build/synth/quartus; keep its bitstream beside.

    `mapped` is what `estimate` returned; what Quartus' reports do not tell (levels, connections) is taken from there,
    and the estimate stays under "estimate" for comparison.
    """
    start = time.monotonic()
    version = quartus_project.version(programs)
    top, folder = manifest.board_top, build / steps.FOLDER
    contents = steps.images(manifest, folder)
    reports = folder / quartus_project.OUTPUT
    report = read_reports(reports / top, clock_mhz=board.clock_mhz)
    alms, ffs, m10k, dsps = _fitted(report, _memory_blocks(manifest, board, bool(contents)))
    kept = build / "synth" / f"{top}.sof"
    shutil.copyfile(reports / kept.name, kept)
    images = sha256(*(image.read_bytes() for image in contents)) if contents else None
    return mapped.model_copy(
        update={
            "tool": "Quartus",
            "version": version,
            "kind": "fitted",
            "top": top,
            "alms": alms,
            "ffs": ffs,
            "mlabs": None,
            "m10k": m10k,
            "dsps": dsps,
            "alm_formula": "'ALMs needed' of Quartus' fitter",
            "alm_band": None,
            "alm_band_half": None,
            "alm_band_source": None,
            "alms_in_final_placement": report.alms_in_final_placement,
            "aluts": report.aluts,
            **_against(board, alms, m10k, dsps),
            "fmax_mhz": report.fmax_mhz,
            "power": report.power,
            "clocks": report.clocks,
            "reasons": report.reasons,
            "notes": report.cautions,
            "bitstream": str(kept.relative_to(build)),
            "memory_contents": images or "empty: load a model through the load port",
            "estimate": Estimate(**{name: getattr(mapped, name) for name in Estimate.model_fields}),
            "seconds": round(time.monotonic() - start + mapped.seconds, 1),
        }
    )


def _fitted(report: QuartusFigures, memory_blocks: int) -> tuple[int, int, int, int]:
    """Return ALMs, FFs, M10K and DSP blocks of a compilation.

    Raises UserError where a tool left no successful report, a figure is missing, or the memories became something else
    than the `memory_blocks` M10K blocks that the manifest asks for.
    """
    failed = [name for name in STAGES if name not in report.stages or not report.stages[name].ok]
    if failed:
        raise UserError(f"{report.path}: no successful report of {', '.join(failed)}, though Quartus gave no error")
    figures = {"alms": report.alms, "ffs": report.ffs, "m10k": report.m10k, "dsps": report.dsps}
    missing = [f"{name} ({report.reasons[name]})" for name, value in figures.items() if value is None]
    if missing:
        raise UserError(f"{report.path}: Quartus' reports lack {', '.join(missing)}")
    alms, ffs, m10k, dsps = (value or 0 for value in figures.values())
    if m10k != memory_blocks:
        raise UserError(
            f"{report.path}: Quartus placed {m10k} M10K blocks, the manifest's memories take {memory_blocks}; a memory "
            "was built of MLABs or registers, or another way than planned: see 'Fitter RAM Summary' in the .fit.rpt"
        )
    return alms, ffs, m10k, dsps


def _blocks(board: Board) -> Block:
    return Block(board.capacity.m10k_bits, board.capacity.m10k_max_width)


def _memory_blocks(manifest: Manifest, board: Board, with_contents: bool) -> int:
    """Count the block RAMs that the manifest's memories take, as the folding's prediction does, and the board's own.

    Nothing writes the stored images: without contents they are nothing, and take no block.
    """
    block = _blocks(board)
    shapes = [(memory.width, memory.depth) for memory in manifest.memories]
    shapes += [(memory.width, memory.depth) for layer in manifest.layers for memory in layer.map_memories]
    shapes += [(memory.width, memory.depth) for memory in manifest.link.memories]
    stored = (manifest.link.stored.width, manifest.link.stored.depth)
    if stored in shapes[-1:] and not with_contents:
        shapes.pop()
    return sum(block.blocks(width, depth) for width, depth in shapes)
