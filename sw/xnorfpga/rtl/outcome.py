# SPDX-License-Identifier: Apache-2.0
"""What a simulation leaves for whoever judges it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xnorfpga.network import package
from xnorfpga.network.encoding import Bits

JOB, OUTCOME, PROGRESS = "job.npz", "outcome.npz", "progress"  # files in the job's directory


@dataclass(frozen=True, eq=False)
class Outcome:
    """What left the accelerator, in order.

    labels: int64 [N]; scores: int64 [N, classes]; result_cycles: int64 [N], when each result was taken.
    hidden: of each hidden layer what its probe showed, bool [N, MH].
    latency_cycles: from the first word of the lone first image to its result; -1 where none came.
    cycles: simulated in all, in `seconds`.
    load_checksum: what the load port showed after a model had been loaded; -1 where none was.
    """

    labels: NDArray[np.int64]
    scores: NDArray[np.int64]
    hidden: list[Bits]
    result_cycles: NDArray[np.int64]
    latency_cycles: int
    cycles: int
    seconds: float
    load_checksum: int = -1

    def answer(self, image: int) -> str:
        """Return what was answered for an image, for people."""
        return f"label {self.labels[image]}, scores {self.scores[image].tolist()}"

    def write(self, directory: Path) -> None:
        """Write all of it into a job's directory."""
        parts = {name: np.asarray(value) for name, value in vars(self).items() if name != "hidden"}
        probes = {f"hidden{k}": vectors for k, vectors in enumerate(self.hidden)}
        package.write_npz(directory / OUTCOME, {**parts, **probes})

    @classmethod
    def read(cls, directory: Path) -> "Outcome":
        """Read what `write` wrote.

        Raises UserError where the file is absent or damaged.
        """
        arrays = package.read_npz(directory / OUTCOME)
        hidden = [arrays[f"hidden{k}"] for k in range(sum(name.startswith("hidden") for name in arrays))]
        return cls(
            labels=arrays["labels"],
            scores=arrays["scores"],
            hidden=hidden,
            result_cycles=arrays["result_cycles"],
            latency_cycles=int(arrays["latency_cycles"]),
            cycles=int(arrays["cycles"]),
            seconds=float(arrays["seconds"]),
            load_checksum=int(arrays["load_checksum"]),
        )
