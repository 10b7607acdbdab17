# SPDX-License-Identifier: Apache-2.0
"""The network without floats: what the hardware must answer, computed twice by different means.

`infer` is the integer model, fast enough for all test images. `infer_packed` works on words of packed bits as the
hardware does, naive on purpose. Both take the same folded model; tests hold them equal to each other and to torch.
torch itself is not needed here: a simulator that checks against this model starts without it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorfpga.artefacts.hardware import Convolution
from xnorfpga.base.files import sha256
from xnorfpga.network.encoding import Bits, binarize, bit_planes, pack, pack_bytes, pixel_by_pixel

CHUNK = 1000  # images at once: bounds the memory of the intermediate results,
CHUNK_ELEMENTS = 40_000_000  # and so does this, elements of windows at once


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """One folded layer of MH neurons.

    With x_k the planes of its inputs, the sum of a neuron is an integer from 0 to (sum of coefficients) · MW (E17):

        s = sum over k of coefficient_k · popcount(mask & xnor(x_k, weights))

    weights: bool[MH, MW], True = +1.
    thresholds: int32[MH], where a neuron's output is a bit: whether s reaches it. int32[MH, 2^K - 1], ascending, where
        it has K planes: the bits of how many of them s reaches. From 0 to the greatest sum + 1. None for the last
        layer, whose sums are the scores.
    mask: bool[MH, MW], False where a weight is 0. None: no weight is.
    coefficients: of each plane of the layer's inputs, the least first.
    convolution: the map of whose windows, MW elements each, these are the neurons (None: fully connected).
    """

    weights: Bits
    thresholds: NDArray[np.int32] | None
    mask: Bits | None = None
    coefficients: tuple[int, ...] = (1,)
    convolution: Convolution | None = None

    @property
    def levels(self) -> NDArray[np.int32]:
        """The thresholds of a hidden layer as int32[MH, 2^K - 1], whatever K is."""
        assert self.thresholds is not None
        return self.thresholds.reshape(len(self.weights), -1)

    @property
    def greatest_sum(self) -> int:
        """The greatest sum that a neuron without a zero weight can have."""
        return sum(self.coefficients) * self.weights.shape[1]

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what the layer's file holds."""
        arrays: dict[str, np.ndarray] = {"weights": pack_bytes(self.weights)}
        if self.thresholds is not None:
            arrays["thresholds"] = self.thresholds.astype("<i4")
        if self.mask is not None:
            arrays["mask"] = pack_bytes(self.mask)
        return arrays


@dataclass(frozen=True, eq=False)
class Model:
    """A whole folded network; `network` is the neurons of each fully connected layer, their inputs first.

    The first layers may be convolutional. The elements of a map lie row by row, pixel by pixel, the channels of a pixel
    side by side, and so do those of a window.

    input_threshold: with one input plane, a pixel of at least it is +1.
    pixels: int[network[0]], which pixels of an image the network takes, ascending; None: all.
    levels: uint8[256], what each level of a pixel counts as, before its planes are taken; None: as itself.
    """

    layers: tuple[LayerWeights, ...]
    input_threshold: int
    network: tuple[int, ...]
    pixels: NDArray[np.int64] | None = None
    levels: NDArray[np.uint8] | None = None

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the content alone: equal for equal models, however they are stored."""
        head: list[object] = [self.input_threshold, *self.network]
        head += [layer.convolution.model_dump(mode="json") for layer in self.layers if layer.convolution]
        binary = all(layer.coefficients == (1,) and layer.mask is None for layer in self.layers)
        if not binary or self.pixels is not None:
            head += [[layer.coefficients, layer.mask is not None] for layer in self.layers]
            head.append(None if self.pixels is None else self.pixels.tolist())
        if self.levels is not None:
            head.append(self.levels.tolist())
        parts = (part.tobytes() for layer in self.layers for part in layer.arrays().values())
        return sha256(json.dumps(head).encode(), *parts)

    def encode(self, images: NDArray[np.uint8]) -> Bits:
        """Return what `infer` takes, bool [N, planes · elements], of images uint8 [N, H, W] or [N, H, W, C]."""
        planes = len(self.layers[0].coefficients)
        if self.levels is not None:
            images = self.levels[images]
        bits = binarize(images, self.input_threshold) if planes == 1 else bit_planes(images, planes)
        if self.pixels is not None:
            bits = bits.reshape(len(images), planes, -1)[:, :, self.pixels].reshape(len(images), -1)
        return bits

    def sent(self, bits: Bits) -> Bits:
        """Return encoded images in the order in which they enter the accelerator: those of a map pixel by pixel."""
        first = self.layers[0]
        if not first.convolution:
            return bits
        return pixel_by_pixel(bits, len(first.coefficients), first.convolution.channels)


@dataclass(frozen=True, eq=False)
class Inference:
    """What a model answers to N images.

    hidden: of each hidden layer, its neurons' outputs bool[N, planes · MH], plane by plane, the least first; of the
        first so many images alone, where `infer` was told. Of a convolutional layer bool[N, windows · planes · MH],
        one window after the other, row by row, before the pool.
    scores: the last layer's sums int32[N, classes].
    classes: argmax of the scores int64[N], the lowest index at a tie.
    """

    hidden: list[Bits]
    scores: NDArray[np.int32]
    classes: NDArray[np.int64]


def infer(model: Model, images: Bits, hidden: int | None = None) -> Inference:
    """Run the integer model on images bool[N, planes · elements] (`Model.encode`).

    hidden: of how many images, the first ones, the hidden neurons' outputs are kept (None: of all).
    The products go through a float32 matrix product, which is exact: every partial sum is an integer below 2^24.
    """

    def layer_sums(layer: LayerWeights, planes: Bits) -> NDArray[np.int32]:
        x = values(layer.coefficients, planes)
        if layer.convolution:
            x = windows(x, layer.convolution, np.float32(-sum(layer.coefficients)))
        return _sums(layer, x)

    return _infer(model, images, hidden, layer_sums)


def values(coefficients: tuple[int, ...], planes: Bits) -> NDArray[np.float32]:
    """Return the values float32[N, elements] of bool[planes, N, elements]: the sum of coefficient · ±1."""
    found = np.full(planes.shape[1:], -sum(coefficients), np.float32)
    for c, plane in zip(coefficients, planes, strict=True):
        found += np.float32(2 * c) * plane
    return found


def sums(layer: LayerWeights, planes: Bits) -> NDArray[np.int32]:
    """Return the sums int32[N, MH] of a layer's neurons for inputs, or windows, bool[planes, N, MW].

    A sum is (the sum of the products of ±1, or 0, and the inputs' values + the greatest that it can be) / 2.
    """
    return _sums(layer, values(layer.coefficients, planes))


def _sums(layer: LayerWeights, values: NDArray[np.float32]) -> NDArray[np.int32]:
    assert layer.greatest_sum < 2**24
    weights = np.float32(2) * layer.weights - 1
    used = np.full(len(weights), weights.shape[1])
    if layer.mask is not None:
        weights *= layer.mask
        used = layer.mask.sum(1)
    products = (values @ weights.T).astype(np.int32)
    return ((products + sum(layer.coefficients) * used) // 2).astype(np.int32)


def windows(maps: NDArray[Any], convolution: Convolution, frame: Any) -> NDArray[Any]:
    """Return the windows [N · windows, MW] of maps [N, height · width · channels], row by row, image by image.

    frame: what a map has around it, where there is padding.
    """
    height, width, channels = convolution.height, convolution.width, convolution.channels
    padding, kernel, stride = convolution.padding, convolution.kernel, convolution.stride
    frame_sizes = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    framed = np.pad(maps.reshape(-1, height, width, channels), frame_sizes, constant_values=frame)
    views = np.lib.stride_tricks.sliding_window_view(framed, (kernel, kernel), (1, 2))[:, ::stride, ::stride]
    views = views[:, : convolution.out_height, : convolution.out_width]
    return views.transpose(0, 1, 2, 4, 5, 3).reshape(-1, convolution.mw)  # (…, channel, row, column) before


def infer_packed(model: Model, images: Bits, hidden: int | None = None) -> Inference:
    """Run the packed-bit model on images bool[N, planes · elements]: per plane and 64-bit word, the ones of XNOR."""

    def counted_sums(layer: LayerWeights, planes: Bits) -> NDArray[np.int32]:
        if layer.convolution:
            planes = np.stack([windows(plane, layer.convolution, False) for plane in planes])
        w_words = pack(layer.weights)
        counted = pack(np.full(layer.weights.shape, True) if layer.mask is None else layer.mask)  # padding never is
        total = np.zeros((planes.shape[1], len(w_words)), np.int32)
        for c, plane in zip(layer.coefficients, planes, strict=True):
            x_words = pack(plane)
            for k in range(x_words.shape[1]):
                xnor = ~(x_words[:, k, None] ^ w_words[None, :, k])
                total += c * np.bitwise_count(xnor & counted[None, :, k]).astype(np.int32)
        return total

    return _infer(model, images, hidden, counted_sums)


def _infer(
    model: Model, images: Bits, kept: int | None, sums: Callable[[LayerWeights, Bits], NDArray[np.int32]]
) -> Inference:
    """Chain the layers over chunks of images; `sums(layer, bool[K, N, elements])` gives int32[N · windows, MH]."""
    first = model.layers[0]
    width = len(first.coefficients) * (elements(first.convolution) if first.convolution else model.network[0])
    if images.dtype != bool or images.shape[1:] != (width,):
        raise ValueError(f"images are {images.dtype}{images.shape}, the model takes bool[N, {width}]")
    kept = len(images) if kept is None else min(kept, len(images))
    hidden: list[Bits] = []
    for layer, after in pairwise(model.layers):
        count = layer.convolution.windows if layer.convolution else 1
        hidden.append(np.empty((kept, count * len(after.coefficients) * len(layer.weights)), bool))
    scores = np.empty((len(images), model.network[-1]), np.int32)
    chunk = min(CHUNK, *(max(1, CHUNK_ELEMENTS // window_elements(layer)) for layer in model.layers))
    for start in range(0, len(images), chunk):
        part = slice(start, start + chunk)
        x = images[part]
        for layer, out in zip(model.layers, [*hidden, None], strict=True):
            found = sums(layer, np.stack(np.split(x, len(layer.coefficients), axis=1)))
            if out is None:
                scores[part] = found
                continue
            fired = fire(layer, found)
            keep = out[part]  # of this chunk; empty behind the last image whose outputs are kept
            keep[:] = fired.reshape(len(x), -1)[: len(keep)]
            x = goes_on(layer, fired)
    return Inference(hidden, scores, classify(scores))


def elements(convolution: Convolution) -> int:
    """Return the elements of the map that comes in."""
    return convolution.height * convolution.width * convolution.channels


def window_elements(layer: LayerWeights) -> int:
    """Return the elements of all of an image's windows (of a fully connected layer, its inputs)."""
    return layer.weights.shape[1] * (layer.convolution.windows if layer.convolution else 1)


def goes_on(layer: LayerWeights, fired: Bits) -> Bits:
    """Return what the next layer takes, bool[N, planes · elements], of outputs as `fire` gives them.

    The pool takes the greatest code of a square, element by element of its pixels: with one plane, the OR of the bits.
    """
    if layer.convolution is None:
        return fired
    rows, columns, side = layer.convolution.pooled_height, layer.convolution.pooled_width, layer.convolution.pool
    grid = (-1, layer.convolution.out_height, layer.convolution.out_width)
    planes = fired.shape[1] // len(layer.weights)
    code = fired.reshape(*grid, planes, len(layer.weights)).astype(np.uint8)
    code = (code << np.arange(planes, dtype=np.uint8)[:, None]).sum(3, dtype=np.uint8)
    squares = code[:, : rows * side, : columns * side].reshape(len(code), rows, side, columns, side, -1)
    pooled = squares.max((2, 4)).reshape(len(code), -1)
    return np.concatenate([(pooled >> k & 1).astype(bool) for k in range(planes)], axis=1)


def fire(layer: LayerWeights, sums: NDArray[np.int32]) -> Bits:
    """Return the outputs bool[N, planes · MH] of a hidden layer's neurons: the bits of how many thresholds sums reach.

    sums: [N, MH], N images or windows. With one threshold a bit is `sum >= threshold`.
    """
    code = (sums[:, :, None] >= layer.levels).sum(2, dtype=np.uint8)
    return np.concatenate([(code >> k & 1).astype(bool) for k in range(layer.levels.shape[1].bit_length())], axis=1)


def classify(scores: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the class int64[N] of scores [N, classes]: the highest, and of equal ones the lowest index."""
    return scores.argmax(axis=1)
