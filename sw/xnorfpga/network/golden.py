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
from xnorfpga.network.encoding import Bits, pack, pack_bytes

CHUNK = 1000  # images at once: bounds the memory of the intermediate results


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """One folded layer: weights bool[MH, MW] (True = +1) and thresholds int32[MH] (0 … MW+1).

    `thresholds` is None for the last layer, whose popcounts are the scores.
    """

    weights: Bits
    thresholds: NDArray[np.int32] | None

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what the layer's file holds."""
        arrays: dict[str, np.ndarray] = {"weights": pack_bytes(self.weights)}
        if self.thresholds is not None:
            arrays["thresholds"] = self.thresholds.astype("<i4")
        return arrays


@dataclass(frozen=True, eq=False)
class Model:
    """A whole folded network; a pixel of at least `input_threshold` is +1. `network` is the neurons a layer."""

    layers: tuple[LayerWeights, ...]
    input_threshold: int
    network: tuple[int, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the content alone: equal for equal models, however they are stored."""
        head = json.dumps([self.input_threshold, *self.network]).encode()
        return sha256(head, *(part.tobytes() for layer in self.layers for part in layer.arrays().values()))


@dataclass(frozen=True, eq=False)
class Inference:
    """What a model answers to N images.

    hidden: of each hidden layer, its neurons' outputs bool[N, MH].
    scores: the last layer's popcounts int32[N, classes].
    classes: argmax of the scores int64[N], the lowest index at a tie.
    """

    hidden: list[Bits]
    scores: NDArray[np.int32]
    classes: NDArray[np.int64]


def infer(model: Model, images: Bits) -> Inference:
    """Run the integer model on images bool[N, MW].

    The popcount of the XNOR is (sum of the products of ±1 + MW) / 2. The sums go through a float32 matrix product,
    which is exact: every partial sum is an integer of magnitude at most MW < 2^24.
    """

    def popcounts(x: Bits, weights: Bits) -> NDArray[np.int32]:
        mw = weights.shape[1]
        assert mw < 2**24
        sums = (np.float32(2) * x - 1) @ (np.float32(2) * weights.T - 1)
        return ((sums.astype(np.int32) + mw) // 2).astype(np.int32)

    return _infer(model, images, popcounts)


def infer_packed(model: Model, images: Bits) -> Inference:
    """Run the packed-bit model on images bool[N, MW]: per 64-bit word, count the ones of XNOR(x, w)."""

    def popcounts(x: Bits, weights: Bits) -> NDArray[np.int32]:
        mh, mw = weights.shape
        x_words, w_words, valid = pack(x), pack(weights), pack(np.full((1, mw), True))[0]
        count = np.zeros((len(x), mh), np.int32)
        for k in range(len(valid)):
            xnor = ~(x_words[:, k, None] ^ w_words[None, :, k])
            count += np.bitwise_count(xnor & valid[k])  # padding never counts
        return count

    return _infer(model, images, popcounts)


def _infer(model: Model, images: Bits, popcounts: Callable[[Bits, Bits], NDArray[np.int32]]) -> Inference:
    """Chain the layers over chunks of images; `popcounts(x, weights)` gives int32[N, MH]."""
    if images.dtype != bool or images.shape[1:] != (model.network[0],):
        raise ValueError(f"images are {images.dtype}{images.shape}, the model takes bool[N, {model.network[0]}]")
    hidden: list[Bits] = [np.empty((len(images), mh), bool) for mh in model.network[1:-1]]
    scores = np.empty((len(images), model.network[-1]), np.int32)
    for start in range(0, len(images), CHUNK):
        part = slice(start, start + CHUNK)
        x = images[part]
        for layer, out in zip(model.layers[:-1], hidden, strict=True):
            x = out[part] = fire(layer, popcounts(x, layer.weights))
        scores[part] = popcounts(x, model.layers[-1].weights)
    return Inference(hidden, scores, classify(scores))


def fire(layer: LayerWeights, popcount: NDArray[np.int32]) -> Bits:
    """Return the outputs bool[N, MH] of a hidden layer's neurons: popcount >= threshold."""
    assert layer.thresholds is not None
    return popcount >= layer.thresholds


def classify(scores: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the class int64[N] of scores [N, classes]: the highest, and of equal ones the lowest index."""
    return scores.argmax(axis=1)
