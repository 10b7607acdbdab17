# SPDX-License-Identifier: Apache-2.0
"""The idx file format, in which MNIST is distributed."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xnorfpga.base.errors import UserError


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
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
