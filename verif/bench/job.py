# SPDX-License-Identifier: Apache-2.0
"""What pytest tells a simulation, by environment variables, and the sources of all that is random in it.

Outside of a simulator, where pytest only looks for tests, everything has a default.
"""

import os
import random
from pathlib import Path

import numpy as np

DIRECTORY = Path(os.environ.get("VERIF_DIRECTORY", "nowhere"))
"""Holds what was elaborated: its manifest, and what it was made from."""

SEED = int(os.environ.get("VERIF_SEED", "1"))
NETWORKS = int(os.environ.get("VERIF_NETWORKS", "0"))
IMAGES = int(os.environ.get("VERIF_IMAGES", "0"))

CORRUPT = os.environ.get("VERIF_CORRUPT", "")
"""Negative control: what the bench shall expect wrongly. Empty where it shall not."""

MUTANT = os.environ.get("VERIF_MUTANT")
"""The fault to switch on, where the design has such a port."""


class Randomness:
    """Sources of randomness by name, each its own.

    A source more, or more drawn from one, changes nothing in the others: a replay after a change meets the same test
    wherever it can.
    """

    def __init__(self, scope: str) -> None:
        """Name what the sources serve: a test of a design, say."""
        self.scope = f"{SEED} {DIRECTORY.name} {scope}"
        self._python: dict[str, random.Random] = {}
        self._numpy: dict[str, np.random.Generator] = {}

    def of(self, source: str) -> random.Random:
        """Return the source of a name."""
        if source not in self._python:
            self._python[source] = random.Random(f"{self.scope} {source}")
        return self._python[source]

    def numpy_of(self, source: str) -> np.random.Generator:
        """Return the source of a name for arrays."""
        if source not in self._numpy:
            self._numpy[source] = np.random.default_rng(random.Random(f"{self.scope} {source} arrays").getrandbits(64))
        return self._numpy[source]
