# SPDX-License-Identifier: Apache-2.0
"""What images each data set has."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageShape:
    """Images of height × width pixels, each of `channels` numbers 0 … 255, and the names of the classes they show."""

    height: int
    width: int
    channels: int
    names: tuple[str, ...]

    @property
    def classes(self) -> int:
        """How many classes they show."""
        return len(self.names)

    @property
    def inputs(self) -> int:
        """Numbers of an image: what a fully connected layer takes."""
        return self.height * self.width * self.channels


OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

DATASETS = {"mnist": ImageShape(28, 28, 1, tuple("0123456789")), "cifar10": ImageShape(32, 32, 3, OBJECTS)}
