# SPDX-License-Identifier: Apache-2.0
"""`sim.json`: what a simulation of the RTL showed."""

from xnorfpga.base.strict import Artefact


class Simulation(Artefact):
    """Images through the RTL, against the golden model and the prediction.

    mismatches: results that differ. hidden_mismatches: hidden vectors that differ, of hidden_vectors_checked.
    interval_cycles: smallest and largest distance of two batches in steady state. data: name of the images;
    data_digest: of the split that they are the first of.
    labels: what the RTL answered, in order. cycles: simulated in all, in `seconds`.
    """

    design: str
    images: int
    mismatches: int
    hidden_mismatches: int
    hidden_vectors_checked: int
    cycles_per_image: float
    interval_cycles: tuple[int, int]
    latency_cycles: int
    predicted_cycles_per_image: float
    predicted_latency_cycles: int
    correct: int
    accuracy: float
    data: str
    data_digest: str
    labels: tuple[int, ...]
    first_mismatches: tuple[str, ...]
    cycles: int
    seconds: float
    build_seconds: float
    cycles_per_second: float
    model_digest: str
    simulator: str
