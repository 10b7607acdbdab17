# SPDX-License-Identifier: Apache-2.0
"""Reads the images that a user wants classified: pictures, and numpy's arrays."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from xnorfpga.base.errors import UserError

SIDE = 28


def read(path: Path) -> NDArray:
    """Return the images of a file: uint8 [N, 28, 28], bright on dark, or bool [N, MW] where an .npy holds bits.

    A picture is cut into squares of 28 × 28 pixels, row by row.

    Raises UserError where it cannot be read or is of another size.
    """
    try:
        images = np.load(path, allow_pickle=False) if path.suffix == ".npy" else _squares(path)
    except UnidentifiedImageError:
        raise UserError(f"{path}: not a picture; accepted: a picture such as .png, or .npy") from None
    except (OSError, EOFError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"{path}: cannot read: {reason}") from None
    if images.dtype == np.uint8 and images.shape == (SIDE, SIDE):
        images = images[None]
    grey = images.dtype == np.uint8 and images.shape[1:] == (SIDE, SIDE)
    if not grey and not (images.dtype == bool and images.ndim == 2):
        accepted = f"accepted: uint8[N, {SIDE}, {SIDE}], or bool[N, bits of an image]"
        raise UserError(f"{path}: {images.dtype}{list(images.shape)}; {accepted}")
    if not len(images):
        raise UserError(f"{path}: holds no image; needed: at least one")
    return images


def _squares(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("L"))
    height, width = pixels.shape
    if height % SIDE or width % SIDE:
        raise UserError(
            f"{path}: {width} × {height} pixels; accepted: {SIDE} × {SIDE}, or squares of that size in rows"
        )
    return pixels.reshape(height // SIDE, SIDE, width // SIDE, SIDE).swapaxes(1, 2).reshape(-1, SIDE, SIDE)
