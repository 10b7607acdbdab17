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

import numpy as np
from numpy.typing import NDArray

from xnorfpga.base.files import sha256
from xnorfpga.network.encoding import Bits, binarize, bit_planes, pack, pack_bytes

CHUNK = 1000  # images at once: bounds the memory of the intermediate results


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
    """

    weights: Bits
    thresholds: NDArray[np.int32] | None
    mask: Bits | None = None
    coefficients: tuple[int, ...] = (1,)

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
    """A whole folded network; `network` is the neurons a layer, the inputs first.

    input_threshold: with one input plane, a pixel of at least it is +1.
    pixels: int[network[0]], which pixels of an image the network takes, ascending; None: all.
    """

    layers: tuple[LayerWeights, ...]
    input_threshold: int
    network: tuple[int, ...]
    pixels: NDArray[np.int64] | None = None

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the content alone: equal for equal models, however they are stored."""
        head: list[object] = [self.input_threshold, *self.network]
        binary = all(layer.coefficients == (1,) and layer.mask is None for layer in self.layers)
        if not binary or self.pixels is not None:
            head += [[layer.coefficients, layer.mask is not None] for layer in self.layers]
            head.append(None if self.pixels is None else self.pixels.tolist())
        parts = (part.tobytes() for layer in self.layers for part in layer.arrays().values())
        return sha256(json.dumps(head).encode(), *parts)

    def encode(self, images: NDArray[np.uint8]) -> Bits:
        """Return what `infer` takes, bool [N, planes · MW], of grey images uint8 [N, 28, 28]."""
        planes = len(self.layers[0].coefficients)
        bits = binarize(images, self.input_threshold) if planes == 1 else bit_planes(images, planes)
        if self.pixels is not None:
            bits = bits.reshape(len(images), planes, -1)[:, :, self.pixels].reshape(len(images), -1)
        return bits


@dataclass(frozen=True, eq=False)
class Inference:
    """What a model answers to N images.

    hidden: of each hidden layer, its neurons' outputs bool[N, planes · MH], plane by plane, the least first.
    scores: the last layer's sums int32[N, classes].
    classes: argmax of the scores int64[N], the lowest index at a tie.
    """

    hidden: list[Bits]
    scores: NDArray[np.int32]
    classes: NDArray[np.int64]


def infer(model: Model, images: Bits) -> Inference:
    """Run the integer model on images bool[N, planes · MW] (`Model.encode`).

    The products go through a float32 matrix product, which is exact: every partial sum is an integer below 2^24.
    """
    return _infer(model, images, sums)


def sums(layer: LayerWeights, planes: Bits) -> NDArray[np.int32]:
    """Return the sums int32[N, MH] of a layer's neurons for inputs bool[planes, N, MW].

    A sum is (the sum of the products of ±1, or 0, and the inputs' values + the greatest that it can be) / 2.
    """
    assert layer.greatest_sum < 2**24
    weights = np.float32(2) * layer.weights - 1
    values = np.float32(0)
    for c, plane in zip(layer.coefficients, planes, strict=True):
        values = values + c * (np.float32(2) * plane - 1)
    used = np.full(len(weights), weights.shape[1])
    if layer.mask is not None:
        weights *= layer.mask
        used = layer.mask.sum(1)
    products = (values @ weights.T).astype(np.int32)
    return ((products + sum(layer.coefficients) * used) // 2).astype(np.int32)


def infer_packed(model: Model, images: Bits) -> Inference:
    """Run the packed-bit model on images bool[N, planes · MW]: per plane and 64-bit word, count the ones of XNOR."""

    def counted_sums(layer: LayerWeights, planes: Bits) -> NDArray[np.int32]:
        w_words = pack(layer.weights)
        counted = pack(np.full(layer.weights.shape, True) if layer.mask is None else layer.mask)  # padding never is
        total = np.zeros((planes.shape[1], len(w_words)), np.int32)
        for c, plane in zip(layer.coefficients, planes, strict=True):
            x_words = pack(plane)
            for k in range(x_words.shape[1]):
                xnor = ~(x_words[:, k, None] ^ w_words[None, :, k])
                total += c * np.bitwise_count(xnor & counted[None, :, k]).astype(np.int32)
        return total

    return _infer(model, images, counted_sums)


def _infer(model: Model, images: Bits, sums: Callable[[LayerWeights, Bits], NDArray[np.int32]]) -> Inference:
    """Chain the layers over chunks of images; `sums(layer, planes bool[K, N, MW])` gives int32[N, MH]."""
    width = len(model.layers[0].coefficients) * model.network[0]
    if images.dtype != bool or images.shape[1:] != (width,):
        raise ValueError(f"images are {images.dtype}{images.shape}, the model takes bool[N, {width}]")
    widths = [len(layer.coefficients) * mw for layer, mw in zip(model.layers, model.network, strict=False)]
    hidden: list[Bits] = [np.empty((len(images), width), bool) for width in widths[1:]]
    scores = np.empty((len(images), model.network[-1]), np.int32)
    for start in range(0, len(images), CHUNK):
        part = slice(start, start + CHUNK)
        x = images[part]
        for layer, out in zip(model.layers, [*hidden, None], strict=True):
            found = sums(layer, np.stack(np.split(x, len(layer.coefficients), axis=1)))
            if out is None:
                scores[part] = found
            else:
                x = out[part] = fire(layer, found)
    return Inference(hidden, scores, classify(scores))


def fire(layer: LayerWeights, sums: NDArray[np.int32]) -> Bits:
    """Return the outputs bool[N, planes · MH] of a hidden layer's neurons: the bits of how many thresholds are reached.

    With one threshold that is `sum >= threshold`.
    """
    code = (sums[:, :, None] >= layer.levels).sum(2)
    return np.concatenate([(code >> k & 1).astype(bool) for k in range(layer.levels.shape[1].bit_length())], axis=1)


def classify(scores: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the class int64[N] of scores [N, classes]: the highest, and of equal ones the lowest index."""
    return scores.argmax(axis=1)
