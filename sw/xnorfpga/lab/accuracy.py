# SPDX-License-Identifier: Apache-2.0
"""How well the published networks do, method by method: from the models' own records and docs/results.json."""

import json

from xnorfpga.artefacts.training import Training
from xnorfpga.base import tables
from xnorfpga.base.errors import UserError
from xnorfpga.base.strict import Artefact, Strict, check
from xnorfpga.design import designs
from xnorfpga.design.schema import Design
from xnorfpga.lab import benchmark
from xnorfpga.network import package


class Accuracy(Strict):
    """A published network: what it is, how well it does, and what its accelerator takes.

    weight_bits: of all weights together. accuracy_test: of the official test set. seeds: how many trainings the
    published one is the best of, on validation digits. rtl_mismatches and what follows: of the accelerator, as it was
    last measured; None where it was not. command: measures the accuracy anew, in the RTL.
    """

    design: str
    network: tuple[int, ...]
    method: str
    weight_bits: int
    accuracy_test: float
    accuracy_validation: float
    seeds: int
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
    return ", ".join(parts) or "binary"


def record(design: Design) -> Training:
    """Return the record of a published model's training.

    Raises UserError where the model is damaged, or was imported and has none.
    """
    arrays = package.read_npz(design.model)
    if "record" not in arrays or design.origin == "imported":
        raise UserError(f"{design.model}: an imported model; accepted here: a published one, or weights = 'train'")
    return check(Training, json.loads(arrays["record"].tobytes()), design.model)


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
        published = record(design).published
        assert published is not None
        rtl = measured.get(name)
        rows.append(
            Accuracy(
                design=name,
                network=design.network.layers,
                method=method(design),
                weight_bits=design.weight_bits,
                accuracy_test=published.test_accuracy,
                accuracy_validation=published.validation_accuracy,
                seeds=len(published.seeds or [0]),
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
            "-".join(map(str, row.network)),
            row.method,
            row.weight_bits,
            f"{row.accuracy_test:.2%}",
            f"{row.accuracy_validation:.2%}",
            row.seeds,
            None if row.rtl_mismatches is None else f"{row.rtl_mismatches} of {row.rtl_images:,}",
            row.cycles_per_image,
            row.alms,
            row.m10k,
        )
        for row in found.rows
    ]
    return tables.markdown(HEADERS, rows, aligned=aligned)
