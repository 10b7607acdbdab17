# SPDX-License-Identifier: Apache-2.0
"""The page and the terminal's table: how the figures of a `Report` are shown. Nothing is computed but how to say it."""

from pathlib import Path

import jinja2
import numpy as np

from xnorfpga.artefacts.manifest import Manifest
from xnorfpga.artefacts.report import Energy, Published, Report
from xnorfpga.artefacts.synthesis import Synthesis
from xnorfpga.artefacts.training import Training
from xnorfpga.base import tables
from xnorfpga.data.splits import Split
from xnorfpga.network.golden import Model
from xnorfpga.report import chain, charts, routings, sweeps

HERE = Path(__file__).parent
SHOWN_MISREAD = 60
UNITS = {"alms": "ALMs", "m10k": "M10K blocks", "dsps": "DSP blocks"}


def page(
    report: Report,
    labels: tuple[int, ...],
    digits: Split,
    names: tuple[str, ...],
    manifest: Manifest,
    training: Training | None,
    model: Model | None = None,
) -> str:
    """Return the page: one HTML file that needs no other.

    Args:
        labels: the classes that the RTL answered, for the first of `digits`.
        names: of the classes.
        model: whose maps of the first image are shown.
    """
    answered = np.array(labels)
    truth = digits.labels[: len(labels)]
    confusion = np.zeros((len(names), len(names)), dtype=int)
    np.add.at(confusion, (truth, answered), 1)
    wrong = np.flatnonzero(answered != truth)
    misread = [
        {"image": charts.digit(digits.images[k]), "index": int(k), "true": names[truth[k]], "read": names[answered[k]]}
        for k in wrong[:SHOWN_MISREAD]
    ]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["cell"] = tables.text
    return environment.get_template("report.html").render(
        report=report,
        subtitle=subtitle(report),
        rows=rows(report),
        complaints=complaints(report.synthesis),
        cautions=cautions(report.synthesis),
        area_note=area_note(report.synthesis),
        timing=timing(report),
        alm_range=alm_range(report.synthesis),
        chain=chain.chain(manifest),
        hidden_images=report.simulation.hidden_vectors_checked // max(1, len(report.layers) - 1),
        timeline=charts.timeline(report),
        image=charts.digit(digits.images[0]),
        maps=charts.maps(model, digits.images[0]) if model else [],
        speed_and_logic=charts.speed_and_logic(report),
        energy_and_accuracy=charts.energy_and_accuracy(report),
        energy=energy(report.energy),
        energy_spread=energy_spread(report.energy) if report.energy.band else None,
        learning_curve=charts.learning_curve(training) if training else None,
        training=training,
        ours=ours(report),
        mnist=any(other.dataset == "mnist" for other in report.published),  # what those sections compare
        published=[(theirs(other), other) for other in report.published],
        names=names,
        confusion=confusion.tolist(),
        worst=max(1, int((confusion - np.diag(confusion.diagonal())).max())),  # the most frequent mistake
        misread=misread,
        misread_total=len(wrong),
        routing_columns=routings.COLUMNS,
        comparison=sweeps.cells(report.comparison),
        paper_figures=charts.paper_elements(report.paper),
    )


def markdown(report: Report) -> str:
    """Return the table for the terminal."""
    complaint_lines = [f"**{line}**" for line in complaints(report.synthesis)]
    table = tables.markdown(("figure", "value", "origin"), rows(report), aligned=True)
    return "\n".join([f"## {report.design}", *complaint_lines, table])


def subtitle(report: Report) -> str:
    """Return what the design is, in a line."""
    training, parts = report.training, [report.topology, f"weights {report.training.weights}"]
    if training.data:
        parts.append(f"trained on {training.data}")
    return " · ".join([*parts, f"tested on {report.accuracy.rtl_data}", f"for the {report.board}"])


def complaints(synthesis: Synthesis) -> list[str]:
    """Return what a reader must see before anything else."""
    if synthesis.fits:
        return []
    over = [f"{count:,} {UNITS[name]}" for name, count in synthesis.over.model_dump().items() if count]
    return [f"The design does not fit the device. It is over by {', '.join(over)}."]


def cautions(synthesis: Synthesis) -> list[str]:
    """Return what a reader should know who is about to rely on the figures."""
    likely, has = alm_range(synthesis), synthesis.device.alms
    if likely and synthesis.fits and likely[1] > has:
        return [
            f"The design fits by the estimate: {synthesis.alms:,} of {has:,} ALMs. With the spread of such estimates, "
            f"Quartus may need {likely[0]:,} to {likely[1]:,}. Compile it with Quartus before you rely on it."
        ]
    return []


def alm_range(synthesis: Synthesis) -> tuple[int, int] | None:
    """Return the ALMs between which Quartus' figure was for half of the designs with such estimates, None for a fit."""
    band = synthesis.alm_band_half
    return (round(synthesis.alms / band[1]), round(synthesis.alms / band[0])) if band else None


def area_note(synthesis: Synthesis) -> str:
    """Return how the ALMs were found and how far to trust them."""
    formula = f"ALMs: {synthesis.alm_formula}. Yosys counts {both_mappings(synthesis)}."
    if synthesis.alm_band is None or synthesis.alm_band_half is None:
        return formula
    (low, high), (half_low, half_high) = synthesis.alm_band, synthesis.alm_band_half
    return (
        f"{formula} On public designs such an estimate was {low} to {high} times Quartus' figure, "
        f"and {half_low} to {half_high} times for half of them."
    )


def rows(report: Report) -> list[tuple[str, str, str]]:
    """Return the table's rows: figure, value, origin."""
    simulation, synthesis, speed, accuracy = report.simulation, report.synthesis, report.speed, report.accuracy
    rtl, tool = simulation.simulator, f"{synthesis.tool} {synthesis.version}, {synthesis.kind}"
    device, training = synthesis.device, report.training
    floating = "not known" if accuracy.float is None else f"{accuracy.float:.2%} on {accuracy.data}"
    found = [
        ("network", report.topology, f"weights {training.weights}"),
        ("trained on", training.data or "not recorded", training.source or "no record of the training"),
        ("accuracy, float", floating, report.origin["accuracy.float"]),
        ("accuracy, golden", f"{accuracy.golden:.2%} on {accuracy.data}", "integer model"),
        ("accuracy, RTL", f"{accuracy.rtl:.2%} on {accuracy.rtl_data}", rtl),
        ("images through the RTL", f"{simulation.images:,}, 0 mismatches", rtl),
        ("cycles per image", f"{simulation.cycles_per_image:.5g}, as predicted", rtl),
        ("latency", f"{simulation.latency_cycles:,} cycles, {speed.latency_us:.2f} µs, as predicted", rtl),
        ("images per second", f"{speed.images_per_second:,.0f} at {speed.clock_mhz:g} MHz", "from the cycles"),
        ("timing", timing(report), tool),
        ("ALMs", f"{synthesis.alms:,} of {device.alms:,}", tool),
        ("ALMs by Yosys", both_mappings(synthesis), "module borders kept; flattened, as a fitter works"),
        ("M10K", f"{synthesis.m10k} of {device.m10k}", tool),
        ("flip-flops, DSPs", f"{synthesis.ffs:,}, {synthesis.dsps}", tool),
        ("longest path", longest_path(synthesis), synthesis.paths_origin),
        ("fits", "yes" if synthesis.fits else "NO", tool),
    ]  # fmt: skip
    if synthesis.fmax_mhz:
        found.append(("Fmax", f"{synthesis.fmax_mhz:g} MHz", tool))
    found.append(("energy per image", energy(report.energy), report.origin["energy"]))
    if report.energy.band:
        found.append(
            ("energy, spread", energy_spread(report.energy), "the model held against public reports of Quartus")
        )
    return found


def timing(report: Report) -> str:
    """Return in words whether the design is shown to run at its clock: by a timing analysis after the fit alone."""
    synthesis, clock = report.synthesis, f"{report.speed.clock_mhz:g} MHz"
    if synthesis.kind == "estimate":
        return f"{clock} is not shown: only Quartus' timing analysis tells"
    if synthesis.fmax_mhz is None:
        return f"{clock} is not shown: {synthesis.reasons.get('fmax_mhz', 'no Fmax')}"
    constrained = [each for each in synthesis.clocks or () if each.constrained is not False]
    slacks = {each.name: each.least_slack_ns for each in constrained if each.least_slack_ns is not None}
    if not slacks:
        return f"{clock} is not shown: no slack is reported"
    worst = min(slacks, key=lambda name: slacks[name])
    if slacks[worst] < 0:
        return f"{clock} is NOT met: slack {slacks[worst]:g} ns of {worst}"
    return f"{clock} is met, slack {slacks[worst]:g} ns"


def both_mappings(synthesis: Synthesis) -> str:
    """Return the ALMs of both of Yosys' mappings in words."""
    return f"{synthesis.borders_kept.alms:,} with module borders kept, {synthesis.flattened.alms:,} flattened"


def longest_path(synthesis: Synthesis) -> str:
    """Return the longest path between registers in words."""
    if synthesis.logic_levels is None:
        return "not known"
    return f"{synthesis.logic_levels} ALUT levels, {synthesis.carry_hops} carry hops"


def energy(figures: Energy) -> str:
    """Return the energy per image in words, with its kind."""
    core = f"{figures.core_dynamic_uj:.3g} µJ by core dynamic power"
    return f"{figures.total_uj:.3g} µJ in all, {core} ({figures.kind})"


def energy_range(figures: Energy) -> tuple[float, float] | None:
    """Return between what the core dynamic energy lies by the model's spread, in µJ; None for a fitted design."""
    band = figures.band
    return (figures.core_dynamic_uj / band[1], figures.core_dynamic_uj / band[0]) if band else None


def energy_spread(figures: Energy) -> str:
    """Return the spread of an estimate in words."""
    low, high = energy_range(figures) or (figures.core_dynamic_uj,) * 2
    return f"{low:.3g} to {high:.3g} µJ by core dynamic power"


def ours(report: Report) -> list[str]:
    """Return the design's row of the table beside published designs, from the board on."""
    return [
        report.board,
        f"{report.speed.clock_mhz:g}",
        f"{report.simulation.cycles_per_image:.4g}",
        f"{report.speed.images_per_second:,.0f}",
        f"{report.speed.latency_us:.2f} µs",
        f"{report.synthesis.alms:,} ALMs",
        f"{report.synthesis.m10k} M10K",
        f"{report.accuracy.rtl:.2%}",
        energy(report.energy),
    ]


def theirs(other: Published) -> list[str]:
    """Return the row of a published design, from the board on."""
    energy_text = "–"
    if other.energy_uj:
        energy_text = ", ".join([f"{other.energy_uj:g} µJ", *([other.energy_note] if other.energy_note else [])])
    return [
        other.board or "–",
        f"{other.clock_mhz:g}" if other.clock_mhz else "–",
        f"{other.cycles_per_image:,.10g}" if other.cycles_per_image else "–",
        f"{other.images_per_second:,.0f}" if other.images_per_second else "–",
        f"{other.latency_us} µs" if other.latency_us else "–",
        f"{_range(other.logic_luts)} LUTs" if other.logic_luts else "–",
        _range(other.bram) if other.bram else "–",
        "–".join(f"{value:.2%}" for value in dict.fromkeys(other.accuracy)) if other.accuracy else "–",
        energy_text,
    ]


def _range(values: tuple[int, int]) -> str:
    return "–".join(f"{value:,}" for value in dict.fromkeys(values))
