# SPDX-License-Identifier: Apache-2.0
"""A training that takes a moment, for all tests of the room."""

from dataclasses import replace

import numpy as np
import pytest

from xnorfpga.data import mnist
from xnorfpga.data.splits import Dataset, Split
from xnorfpga.design import designs


@pytest.fixture
def dataset(monkeypatch):
    """Data of 200, 100 and 100 of the embedded digits, which `load_dataset` gives."""
    digits = mnist._embedded()
    part = np.random.default_rng(3).permutation(5000)
    splits = []
    for name, start, end in (("two hundred", 0, 200), ("one hundred", 200, 300), ("another hundred", 300, 400)):
        splits.append(Split(name, digits.images[part[start:end]], digits.labels[part[start:end]]))
    found = Dataset("test", True, *splits)
    monkeypatch.setattr(mnist, "load", lambda *_, **__: found)
    return found


@pytest.fixture
def tiny(dataset):
    """A design of a network small enough to train in a test: six epochs of four batches."""
    smoke = designs.load("smoke")
    return replace(
        smoke,
        name="tiny",
        network=smoke.network.model_copy(update={"layers": (784, 16, 12, 10)}),
        training=smoke.training.model_copy(update={"images": 1200, "dropout": 0.1}),
    )
