# SPDX-License-Identifier: Apache-2.0
"""CIFAR-10's reader, on batches made here: three training images each, two of test."""

import hashlib
import io
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from xnorfpga.base.errors import UserError
from xnorfpga.base.paths import ROOT
from xnorfpga.data import cifar10
from xnorfpga.data.datasets import DATASETS
from xnorfpga.data.load import load_dataset

HERE = Path(os.environ.get("XNORFPGA_DATA") or ROOT.parent / "shared" / "data" / "cifar10")
full_data = pytest.mark.skipif(not (HERE / cifar10.FOLDER).is_dir(), reason="CIFAR-10 is not here")


@pytest.fixture
def images(tmp_path, monkeypatch):
    """A directory like the official one, of 15 training images, the last four to validate: uint8[17, 32, 32, 3]."""
    random = np.random.default_rng(1)
    found = random.integers(0, 256, (17, 32, 32, 3), np.uint8)
    monkeypatch.setattr(cifar10, "VALIDATION", 4)
    (tmp_path / cifar10.FOLDER).mkdir()
    at = 0
    for files, count in ((cifar10.TRAIN, 3), (cifar10.TEST, 2)):
        digests = {}
        for name in files:
            planes = found[at : at + count].transpose(0, 3, 1, 2).reshape(count, -1)  # all red, all green, all blue
            content = pickle.dumps({b"data": planes, b"labels": [(at + k) % 10 for k in range(count)]})
            (tmp_path / cifar10.FOLDER / name).write_bytes(content)
            digests[name] = hashlib.md5(content, usedforsecurity=False).hexdigest()
            at += count
        monkeypatch.setattr(cifar10, "TRAIN" if count == 3 else "TEST", digests)
    monkeypatch.setenv("XNORFPGA_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return found


def test_the_last_training_images_are_held_out(images):
    loaded = load_dataset("cifar10")
    for split, part in ((loaded.train, slice(0, 11)), (loaded.validation, slice(11, 15)), (loaded.test, slice(15, 17))):
        assert np.array_equal(split.images, images[part])
        assert split.labels.tolist() == [k % 10 for k in range(17)][part]
    assert loaded.official
    assert loaded.test.name == "CIFAR-10 official test (2)"


def test_the_archive_and_the_cache_are_the_same(images, tmp_path, monkeypatch):
    expected = load_dataset("cifar10")
    with tarfile.open(tmp_path / cifar10.ARCHIVE, "w:gz") as archive:
        archive.add(tmp_path / cifar10.FOLDER, cifar10.FOLDER)
    for path in (tmp_path / cifar10.FOLDER).iterdir():
        path.unlink()
    (tmp_path / cifar10.FOLDER).rmdir()
    assert load_dataset("cifar10").train.digest == expected.train.digest
    cache = tmp_path / "cache" / "xnorfpga"
    cache.mkdir(parents=True)
    (tmp_path / cifar10.ARCHIVE).rename(cache / cifar10.ARCHIVE)
    assert load_dataset("cifar10").test.digest == expected.test.digest  # XNORFPGA_DATA may be of another data set
    (cache / cifar10.ARCHIVE).write_bytes((cache / cifar10.ARCHIVE).read_bytes()[:100])
    with pytest.raises(UserError, match=rf"{cifar10.ARCHIVE}: cannot read data_batch_1: [^\n]+; fetch https://[^\n]+$"):
        load_dataset("cifar10")


def test_an_archive_without_a_batch_is_one_line(images, tmp_path, monkeypatch):
    with tarfile.open(tmp_path / cifar10.ARCHIVE, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("readme"), io.BytesIO())
    (tmp_path / cifar10.FOLDER).rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=rf"^[^\n]*{cifar10.ARCHIVE}: cannot read data_batch_1: [^\n]+$"):
        load_dataset("cifar10")


@pytest.mark.parametrize("named", [True, False])
def test_without_the_data_one_line_says_how_to_get_it(images, tmp_path, monkeypatch, named):
    if named:
        monkeypatch.setenv("XNORFPGA_DATA", str(tmp_path / "none"))
    else:
        monkeypatch.delenv("XNORFPGA_DATA")
    with pytest.raises(
        UserError, match=r"^cifar10: [^\n]*; fetch https://\S+tar.gz \(170 MB\) and set XNORFPGA_DATA[^\n]*$"
    ):
        load_dataset("cifar10")


def test_another_file_is_refused_before_it_is_unpickled(images, tmp_path, monkeypatch):
    path = tmp_path / cifar10.FOLDER / "data_batch_3"
    path.write_bytes(path.read_bytes() + b"x")
    monkeypatch.setattr(pickle, "loads", lambda content, encoding: {b"data": np.zeros((1, 3072)), b"labels": [0]})
    with pytest.raises(UserError, match=r"^cifar-10-batches-py/data_batch_3: MD5 \w+ is not that of the official file"):
        load_dataset("cifar10")
    path.unlink()
    with pytest.raises(UserError, match=r"^[^\n]*data_batch_3: cannot read: No such file[^\n]*$"):
        load_dataset("cifar10")


@full_data
def test_the_official_images(monkeypatch):
    monkeypatch.setenv("XNORFPGA_DATA", str(HERE))
    loaded = load_dataset("cifar10")
    assert (len(loaded.train), len(loaded.validation), len(loaded.test)) == (45_000, 5_000, 10_000)
    assert loaded.test.labels[:5].tolist() == [3, 8, 8, 0, 6]
    assert loaded.train.images[0, 0, 0].tolist() == [59, 62, 63]
    names = pickle.loads((HERE / cifar10.FOLDER / "batches.meta").read_bytes(), encoding="bytes")[b"label_names"]
    assert DATASETS["cifar10"].names == tuple(name.decode() for name in names)
