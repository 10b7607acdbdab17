# SPDX-License-Identifier: Apache-2.0
"""Gathers what the stages measured into one `Report`, each figure with its origin.

Nothing is measured here. What is computed follows from measured figures alone: speed, energy, operations per ALM.
"""

import tomllib
from pathlib import Path

from xnorfpga.artefacts.accelerator import Accelerator
from xnorfpga.artefacts.activity import Activity
from xnorfpga.artefacts.hardware import Hardware
from xnorfpga.artefacts.manifest import Manifest
from xnorfpga.artefacts.report import (
    Measured,
    Published,
    Report,
    ReportedLayer,
    Simulated,
    Speed,
    Trained,
)
from xnorfpga.artefacts.simulation import Simulation
from xnorfpga.artefacts.sweep import COMPARISON, Sweep
from xnorfpga.artefacts.synthesis import Synthesis
from xnorfpga.artefacts.training import Training
from xnorfpga.base.errors import UserError
from xnorfpga.base.strict import check
from xnorfpga.design import folding
from xnorfpga.design.schema import Design
from xnorfpga.report import energy, paper, routings

PUBLISHED = Path(__file__).parent / "published.toml"


def published(dataset: str) -> tuple[Published, ...]:
    """Return the published designs for a data set, each with its source."""
    rows = tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))["design"]
    return tuple(each for row in rows if (each := check(Published, row, PUBLISHED)).dataset == dataset)


def training(build: Path) -> Training | None:
    """Return the record of the training; None where a model came without one."""
    path = build / "training.json"
    return Training.read(path) if path.exists() else None


def simulation(build: Path, exported: Accelerator) -> Simulation:
    """Return the result of the simulation.

    Raises UserError where the last simulation found a difference, where there is none, or where it is of another
    model than the exported one.
    """
    path, failed = build / "sim.json", build / "sim.failed.json"
    if failed.exists() and not path.exists():
        found = Simulation.read(failed)
        raise UserError(
            f"{failed}: the RTL differs from what was expected in {found.mismatches} results and "
            f"{found.hidden_mismatches} hidden vectors; there is no report of a wrong accelerator"
        )
    found = Simulation.read(path)
    measured = (found.mismatches, found.hidden_mismatches, found.cycles_per_image, found.latency_cycles)
    if measured != (0, 0, found.predicted_cycles_per_image, found.predicted_latency_cycles):
        raise UserError(f"{path}: it holds differences, so simulate did not write it; simulate {found.design} again")
    if found.model_digest != exported.digest:
        raise UserError(f"{path}: not of the model in accelerator.json; simulate {found.design} again")
    return found


def activity(build: Path, exported: Accelerator) -> Activity:
    """Return how often the signals change.

    Raises UserError where that is absent or of another model than the exported one.
    """
    path = build / "activity.json"
    found = Activity.read(path)
    if found.model_digest != exported.digest:
        raise UserError(f"{path}: not of the model in accelerator.json; run `doit activity:{found.design}`")
    return found


def gather(design: Design, build: Path) -> Report:
    """Return the content of report.json from what the stages left in `build`.

    Raises UserError where a stage's file is absent, damaged, or belongs to another model than the exported one.
    """
    exported, manifest = Accelerator.read(build / "accelerator.json"), Manifest.read(build / "manifest.json")
    simulated, synthesized = simulation(build, exported), Synthesis.read(build / "synth.json")
    hardware = Hardware.read(build / "hardware.json")
    trained = training(build)
    cycles, clock_mhz = simulated.cycles_per_image, hardware.clock_mhz
    maps = [layer.convolution for layer in manifest.layers]
    products = sum(
        layer.mw * layer.mh * (map.windows if map else 1) for layer, map in zip(manifest.layers, maps, strict=True)
    )
    operations = 2 * products / cycles
    tool = f"{synthesized.tool} {synthesized.version}, {synthesized.kind}"
    toggles = activity(build, exported)
    if synthesized.power:
        spent = energy.fitted(synthesized.power, cycles, clock_mhz)
        energy_origin = f"power of {tool}, times cycles of the RTL simulation, divided by the clock"
    else:
        spent = energy.estimate(toggles, synthesized, cycles, clock_mhz)
        energy_origin = f"estimate: toggles of {toggles.images} images by {toggles.simulator}, cells by {tool}"
    measured_routings, compared, beside_paper = routings.load(), Sweep.read(COMPARISON), paper.load()
    return Report(
        design=design.name,
        board=design.board.title,
        network=exported.network,
        topology=design.network.title,
        map_sizes=tuple((map.height, map.width, map.channels) for map in maps if map),
        training=Trained(
            weights=exported.origin,
            data=trained.data.train if trained else None,
            source=trained.data.source if trained else None,
        ),
        accuracy=Measured(
            float=exported.accuracy.float,
            golden=exported.accuracy.golden,
            data=exported.data.validation,
            rtl=simulated.accuracy,
            rtl_data=simulated.data,
        ),
        simulation=Simulated(**{name: getattr(simulated, name) for name in Simulated.model_fields}),
        speed=Speed(
            clock_mhz=clock_mhz,
            images_per_second=clock_mhz * 1e6 / cycles,
            latency_us=simulated.latency_cycles / clock_mhz,
            binary_operations_per_cycle_per_alm=operations / synthesized.alms if synthesized.alms else None,
        ),
        energy=spent,
        synthesis=synthesized,
        copies=manifest.copies,
        layers=layers(hardware, manifest, synthesized),
        published=published(design.network.dataset),
        routings=measured_routings,
        comparison=compared,
        paper=beside_paper,
        origin={
            "accuracy.float": "PyTorch" if exported.accuracy.float is not None else "not known of an imported model",
            "accuracy.golden": "integer model in NumPy",
            "accuracy.rtl, simulation": f"RTL simulation: {simulated.simulator}",
            "speed": "cycles of the RTL simulation at the board's clock",
            "energy": energy_origin,
            "synthesis, layers.connections": tool,
            "layers": "manifest of the elaboration",
            "layers.m10k, layers.busy_cycles": "folding model; the netlist and the simulation are held to its sums",
            "published": "as published; the source stands in each row",
            "routings": measured_routings.origin,
            "comparison": compared.origin,
            "paper": beside_paper.origin,
        },
    )


def layers(hardware: Hardware, manifest: Manifest, synthesized: Synthesis) -> tuple[ReportedLayer, ...]:
    """Return what each layer takes, from the manifest, the netlist and the folding model."""
    predicted = folding.predict_hardware(hardware)
    counted = {row.layer: row for row in synthesized.connections}
    return tuple(
        ReportedLayer(
            mw=layer.mw,
            mh=layer.mh,
            routing=layer.routing,
            pe=layer.pe,
            simd=layer.simd,
            cycles=expected.engine_cycles,
            m10k=expected.m10k(predicted.block),
            busy_cycles=busy,
            connections=counted[layer.index].used if layer.index in counted else None,
            full_direct=layer.mw * layer.mh,
        )
        for layer, expected, busy in zip(manifest.layers, predicted.layers, predicted.busy, strict=True)
    )
