# SPDX-License-Identifier: Apache-2.0
"""CIFAR-10: 60,000 colour images of ten classes (A. Krizhevsky 2009, Learning Multiple Layers of Features).

The official Python batches, from a directory that holds the archive or its folder: the one that the environment
variable XNORFPGA_DATA names, else the user's cache directory. They have 170 MB and no stated licence, so they are never
downloaded here. The last 5,000 training images are the validation images, on which choices are made.
"""

import hashlib
import os
import pickle
import tarfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xnorfpga.base.errors import UserError
from xnorfpga.base.paths import cache_home
from xnorfpga.data.splits import Dataset, Split

FOLDER, ARCHIVE = "cifar-10-batches-py", "cifar-10-python.tar.gz"
ORIGIN = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
TRAIN = {  # each file's MD5, as torchvision checks it
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
}
TEST = {"test_batch": "40351d587109b95175f43aff81a1287e"}
VALIDATION = 5000  # of the training images, the last


def load() -> Dataset:
    """Load the images.

    Raises UserError where they are not here, and naming the file that is not the official one.
    """
    read = _reader()
    images, labels = _split(read, TRAIN)
    held_out = np.arange(len(labels)) >= len(labels) - VALIDATION
    everything = Split("CIFAR-10", images, labels)
    test = _split(read, TEST)
    return Dataset(
        "the official CIFAR-10 batches",
        True,
        everything.part(~held_out, f"CIFAR-10 train without its last {VALIDATION:,}"),
        everything.part(held_out, f"CIFAR-10 train, the last {VALIDATION:,}"),
        Split(f"CIFAR-10 official test ({len(test[1]):,})", *test),
    )


def _reader() -> Callable[[str], bytes]:
    """Return what gives a batch's bytes by its name, from the first directory that has the folder or the archive.

    Raises UserError where none has; and the reader, naming the file, where it cannot be read.
    """
    named = os.environ.get("XNORFPGA_DATA")
    for directory in ([Path(named)] if named else []) + [cache_home()]:
        folder, archive = directory / FOLDER, directory / ARCHIVE
        if folder.is_dir():
            return lambda name: _from_folder(folder / name)
        if archive.is_file():
            return lambda name: _from_archive(archive, name)
    raise UserError(
        f"cifar10: {named or 'XNORFPGA_DATA'} is no directory with {FOLDER} or {ARCHIVE}; "
        f"fetch {ORIGIN} (170 MB) and set XNORFPGA_DATA to its directory"
    )


def _from_folder(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot read: {error.strerror}; unpack {ORIGIN} again") from None


def _from_archive(path: Path, name: str) -> bytes:
    try:
        with tarfile.open(path) as archive:
            member = archive.extractfile(f"{FOLDER}/{name}")
            return member.read() if member else b""
    except (OSError, EOFError, KeyError, tarfile.TarError, zlib.error) as error:
        raise UserError(f"{path}: cannot read {name}: {error}; fetch {ORIGIN} again") from None


def _split(read: Callable[[str], bytes], files: Mapping[str, str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return images uint8 [N, 32, 32, 3] and labels int64 [N] of batches, each with its MD5.

    A batch is a pickled dictionary: b"data" uint8 [n, 3072], of an image all of red, then green, then blue; b"labels".
    Unpickling can run code, so nothing is unpickled but the official files.
    """
    images, labels = [], []
    for name, digest in files.items():
        content = read(name)
        found = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if found != digest:
            raise UserError(
                f"{FOLDER}/{name}: MD5 {found} is not that of the official file, {digest}; fetch {ORIGIN} again"
            )
        batch = pickle.loads(content, encoding="bytes")
        images.append(batch[b"data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        labels.append(np.array(batch[b"labels"], np.int64))
    return np.ascontiguousarray(np.concatenate(images)), np.concatenate(labels)
