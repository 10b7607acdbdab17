# SPDX-License-Identifier: Apache-2.0
"""Images with their labels, in disjoint splits; the digest of a split binds a figure to what it was taken on."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from xnorfpga.base.files import sha256


@dataclass(frozen=True, eq=False)
class Split:
    """Images uint8 [N, H, W] or [N, H, W, C] and labels int64 [N], with a name fit for a report."""

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the images and labels: equal for equal ones, wherever they come from."""
        shape = np.array(self.images.shape, "<i8").tobytes()
        return sha256(shape, self.images.tobytes(), self.labels.astype("<i8").tobytes())

    def part(self, chosen: NDArray[np.bool_], name: str) -> "Split":
        """Return the chosen images (bool [N]) under a name that gains their number."""
        return Split(f"{name} ({np.count_nonzero(chosen):,})", self.images[chosen], self.labels[chosen])


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images for training, for choices (validation) and for the last word (test); `source`: where they come from.

    official: whether the test images are the official ones. A split may be empty: a published model is not trained
    here, and without the official digits there are none that it never met.
    """

    source: str
    official: bool
    train: Split
    validation: Split
    test: Split

    def measured(self, final: bool) -> Split:
        """Return the images that a model is measured on: the test images where `final` and there are any."""
        return self.test if final and len(self.test) else self.validation

    def find(self, digest: str) -> Split | None:
        """Return the split of that digest, None where there is none."""
        return next((split for split in (self.validation, self.test, self.train) if split.digest == digest), None)
