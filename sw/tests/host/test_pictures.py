# SPDX-License-Identifier: Apache-2.0
"""What a user may hand in to be classified."""

import numpy as np
import pytest
from PIL import Image

from xnorfpga.base.errors import UserError
from xnorfpga.host import pictures


def grey(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(256, size=shape, dtype=np.uint8)


def test_a_picture_of_one_digit(tmp_path):
    Image.fromarray(grey(28, 28)).save(tmp_path / "7.png")
    assert (pictures.read(tmp_path / "7.png") == grey(28, 28)[None]).all()


def test_a_picture_of_digits_in_rows(tmp_path):
    digits = grey(6, 28, 28)
    sheet = np.vstack([np.hstack(digits[:3]), np.hstack(digits[3:])])
    Image.fromarray(sheet).convert("RGB").save(tmp_path / "six.png")
    assert (pictures.read(tmp_path / "six.png") == digits).all()


@pytest.mark.parametrize("array", [grey(3, 28, 28), grey(28, 28), np.zeros((2, 50), bool)])
def test_arrays(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    found = pictures.read(tmp_path / "a.npy")
    assert found.ndim == (3 if array.dtype == np.uint8 else 2) and (found == array).all()


@pytest.mark.parametrize(
    "array, told",
    [
        (grey(3, 28, 27), r"uint8\[3, 28, 27\]; accepted: uint8\[N, 28, 28\]"),
        (np.zeros((2, 784)), r"float64\[2, 784\]; accepted"),
        (np.zeros((0, 784), bool), "holds no image"),
        (np.array(None), "cannot read: Object arrays"),
    ],
)
def test_other_arrays_are_refused(tmp_path, array, told):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UserError, match=told):
        pictures.read(tmp_path / "a.npy")


def test_other_files_are_refused(tmp_path):
    Image.fromarray(grey(30, 28)).save(tmp_path / "large.png")
    (tmp_path / "text.png").write_text("a digit")
    (tmp_path / "text.npy").write_text("a digit")
    for name, told in (
        ("large.png", "28 × 30 pixels; accepted: 28 × 28"),
        ("text.png", "not a picture"),
        ("text.npy", "cannot read"),
        ("absent.png", "cannot read: No such file"),
    ):
        with pytest.raises(UserError, match=told):
            pictures.read(tmp_path / name)
