# SPDX-License-Identifier: Apache-2.0
"""What a bit means and where it lies: pixels to bits, bits to bytes, words and integers. See docs/encoding.md."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.bool_]


def binarize(images: Any, threshold: int) -> Any:
    """Return bool [N, 784] of images [N, 28, 28]: `pixel >= threshold`, element i = row i//28, column i%28.

    An array of numpy's or a tensor of torch's; the result is of the same kind.
    """
    return images.reshape(len(images), math.prod(images.shape[1:])) >= threshold


def bit_planes(images: NDArray[np.uint8], planes: int) -> Bits:
    """Return bool [N, planes · 784] of images uint8 [N, 28, 28]: plane k is bit k of `pixel >> (8 - planes)`."""
    grey = images.reshape(len(images), 1, math.prod(images.shape[1:])) >> (8 - planes)
    return (grey >> np.arange(planes, dtype=np.uint8)[:, None] & 1).astype(bool).reshape(len(images), -1)


def pixel_by_pixel(bits: Bits, planes: int, channels: int) -> Bits:
    """Return bool[…, planes · pixels · channels] of images, plane by plane, as a convolution's words: pixel by pixel.

    A pixel's word is the planes one after the other, the least first, of each its channels.
    """
    apart = bits.reshape(*bits.shape[:-1], planes, -1, channels)
    return np.moveaxis(apart, -3, -2).reshape(bits.shape)


def pack(bits: Bits) -> NDArray[np.uint64]:
    """Pack bool[N, MW] into words uint64[N, ceil(MW / 64)]: element i is bit i mod 64 of word i // 64."""
    padded = np.pad(bits, ((0, 0), (0, -bits.shape[1] % 64))).copy("C")  # whatever the order of `bits` in memory
    return np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64)


def pack_bytes(bits: Bits) -> NDArray[np.uint8]:
    """Pack bool[N, MW] to uint8[N, ceil(MW / 8)]: element i is bit i mod 8 of byte i // 8, padded with zeros."""
    return np.packbits(bits, axis=1, bitorder="little")


def unpack_bytes(packed: NDArray[np.uint8], mw: int) -> Bits:
    """Return the bool[N, MW] of which `pack_bytes` made uint8[N, ceil(MW / 8)]."""
    return np.unpackbits(packed, axis=1, count=mw, bitorder="little").astype(bool)


def to_int(bits: Bits) -> int:
    """Return bool[N] as an integer, element i at bit i."""
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")
