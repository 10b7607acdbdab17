# SPDX-License-Identifier: Apache-2.0
"""What images each data set has."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageShape:
    """Images of height × width pixels, each of `channels` numbers 0 … 255, and how many classes they show."""

    height: int
    width: int
    channels: int
    classes: int

    @property
    def inputs(self) -> int:
        """Numbers of an image: what a fully connected layer takes."""
        return self.height * self.width * self.channels


DATASETS = {"mnist": ImageShape(28, 28, 1, 10), "cifar10": ImageShape(32, 32, 3, 10)}
