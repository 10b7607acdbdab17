# SPDX-License-Identifier: Apache-2.0
"""How well the published networks do, method by method: from the models' own records and docs/results.json."""

import statistics

from xnorfpga.base import tables
from xnorfpga.base.strict import Artefact, Strict
from xnorfpga.design import designs
from xnorfpga.design.schema import Design
from xnorfpga.lab import benchmark
from xnorfpga.network import package


class Accuracy(Strict):
    """A published network: what it is, how well it does, and what its accelerator takes.

    network: neurons of the fully connected layers, the inputs first. topology: the whole network in a line.
    weight_bits: of all weights together. accuracy_test: of the official test set. seeds: how many trainings the
    published one is the best of, on validation digits; validation_mean, validation_spread: their mean, and standard
    deviation (None: of one). rtl_mismatches and what follows: of the accelerator, as it was
    last measured; None where it was not. command: measures the accuracy anew, in the RTL.
    """

    design: str
    network: tuple[int, ...]
    topology: str
    method: str
    weight_bits: int
    accuracy_test: float
    accuracy_validation: float
    seeds: int
    validation_mean: float
    validation_spread: float | None
    rtl_mismatches: int | None
    rtl_images: int | None
    cycles_per_image: float | None
    alms: int | None
    m10k: int | None
    command: str


class Accuracies(Artefact):
    """One row per published network."""

    rows: tuple[Accuracy, ...]


def method(design: Design) -> str:
    """Return in words what a design's network is made of."""
    bits, training = design.quantization, design.training
    parts = [f"{bits.input_bits}-bit pixels"] if bits.input_bits > 1 else []
    parts += ["ternary weights (TTQ)"] if bits.weight_bits > 1 else []
    parts += ["HORQ, order 2"] if bits.activation_bits > 1 else []
    parts += ["pruned"] if training and training.pruning else []
    parts += ["shift-based training"] if training and training.optimizer == "shift_adamax" else []
    return ", ".join(parts) or "binary"


def accuracies() -> Accuracies:
    """Return a row of each published network's own design; designs that share a model are the same network.

    Raises UserError where a model is damaged.
    """
    measured = {row.design: row for row in benchmark.Results.read(benchmark.RESULTS).rows}
    rows = []
    for name in designs.names():
        design = designs.load(name)
        if not design.published or design.model.stem != name:
            continue
        published = package.read_record(design.model).published
        assert published is not None
        reached = list((published.seeds or {0: published.validation_accuracy}).values())
        rtl = measured.get(name)
        rows.append(
            Accuracy(
                design=name,
                network=design.network.layers,
                topology=design.network.title,
                method=method(design),
                weight_bits=design.weight_bits,
                accuracy_test=published.test_accuracy,
                accuracy_validation=published.validation_accuracy,
                seeds=len(reached),
                validation_mean=statistics.mean(reached),
                validation_spread=statistics.stdev(reached) if len(reached) > 1 else None,
                rtl_mismatches=rtl.mismatches if rtl else None,
                rtl_images=rtl.images if rtl else None,
                cycles_per_image=rtl.cycles_per_image if rtl else None,
                alms=rtl.alms if rtl else None,
                m10k=rtl.m10k if rtl else None,
                command=f"doit report:{name}",
            )
        )
    return Accuracies(rows=tuple(rows))


HEADERS = (
    "design", "network", "method", "weight bits", "test", "validation", "seeds", "RTL mismatches", "cycles per image",
    "ALMs", "M10K",
)  # fmt: skip


def table(found: Accuracies, aligned: bool = True) -> str:
    """Return the rows as a Markdown table, the command that measures one below it."""
    rows = [
        (
            row.design,
            row.topology,
            row.method,
            row.weight_bits,
            f"{row.accuracy_test:.2%}",
            f"{row.accuracy_validation:.2%}",
            _seeds(row),
            None if row.rtl_mismatches is None else f"{row.rtl_mismatches} of {row.rtl_images:,}",
            row.cycles_per_image,
            row.alms,
            row.m10k,
        )
        for row in found.rows
    ]
    return tables.markdown(HEADERS, rows, aligned=aligned)


def _seeds(row: Accuracy) -> str:
    """Return how many seeds there were, and their mean and spread on validation digits."""
    if row.validation_spread is None:
        return str(row.seeds)
    return f"{row.seeds}: {row.validation_mean:.2%} ± {100 * row.validation_spread:.2f}"
