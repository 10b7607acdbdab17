# SPDX-License-Identifier: Apache-2.0
"""Layers of few values a weight, how their weights meet a map, and what an activation becomes on its way on."""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xnorfpga.artefacts.hardware import Convolution
from xnorfpga.learn.quantizers import (
    binarize_activation,
    binarize_weight,
    residual_code,
    residual_planes,
    scale,
    scale_ternary_weight,
    ternarize_weight,
)


class BinaryLinear(nn.Linear):
    """A fully connected layer of signs, without bias: inputs [N, MW] to sums [N, MH].

    For inputs of whole numbers each sum is a whole number, exact in float32 below 2^24.
    `weight` is the latent weight; only its sign is used, except where `latent` lets a training begin with floats.
    """

    latent = False

    def __init__(self, mw: int, mh: int):  # noqa: D107
        super().__init__(mw, mh, bias=False)

    def quantized(self) -> Tensor:
        """Return the weights [MH, MW] of few values; their gradient reaches `weight`."""
        return binarize_weight(self.weight)

    def seen(self) -> Tensor:
        """Return the weights [MH, MW] that the forward pass sees."""
        return self.weight if self.latent else self.quantized()

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        return F.linear(x, self.seen())

    @torch.no_grad()
    def clamp_(self) -> None:
        """Keep every latent weight in [-1, 1], from where a few steps can still flip its sign."""
        self.weight.clamp_(-1, 1)


class FloatLinear(BinaryLinear):
    """A layer of floats: what all the others are compared with."""

    def quantized(self) -> Tensor:  # noqa: D102
        return self.weight

    def clamp_(self) -> None:
        """Let a weight be any."""


class TernaryLinear(BinaryLinear):
    """A layer of weights -1, 0, +1: 0 where |w| <= t · max |w| over the layer's latent weights w.

    It is trained ternary quantization (`SteTernary`) with Wp = Wn. The batch norm behind the layer divides a scale that
    all of its weights have in common away, so the hardware needs none, and none is trained.
    """

    def __init__(self, mw: int, mh: int, t: float):  # noqa: D107
        super().__init__(mw, mh)
        self.t = t

    def quantized(self) -> Tensor:  # noqa: D102
        return ternarize_weight(self.weight, self.t)


class TrainedTernaryLinear(TernaryLinear):
    """A layer of weights +Wp, 0, -Wn with two trained scales (Zhu et al. 2017, arXiv:1612.01064)."""

    def __init__(self, mw: int, mh: int, t: float):  # noqa: D107
        super().__init__(mw, mh, t)
        self.positive = nn.Parameter(torch.ones(()))
        self.negative = nn.Parameter(torch.ones(()))

    def quantized(self) -> Tensor:  # noqa: D102
        return scale_ternary_weight(self.weight, self.positive, self.negative, self.t)


class ScaledLinear(BinaryLinear):
    """A layer of weights alpha · sign(w), alpha = ||w||1 / MW of each neuron (XNOR-Net and BWN, arXiv:1603.05279)."""

    def quantized(self) -> Tensor:  # noqa: D102
        return scale(self.weight) * super().quantized()


def convolve(maps: Tensor, weights: Tensor, convolution: Convolution, frame: float) -> Tensor:
    """Return the sums [N, out_height, out_width, MH] of weights [MH, MW] on the windows of maps [N, H, W, C].

    MW is (row, column, channel) of a window, as `Convolution.mw` says. `frame` is the value of the padding. torch's
    convolution sees all of it as channels-last tensors, without a copy; like `F.linear` it is exact below 2^24. Windows
    that no square of the pool sees are left out.
    """
    frame_sizes = (0, 0, *[convolution.padding] * 4)
    x = F.pad(maps, frame_sizes, value=frame).permute(0, 3, 1, 2)
    kernel = (convolution.kernel, convolution.kernel, convolution.channels)
    filters = weights.unflatten(1, kernel).permute(0, 3, 1, 2)
    sums = F.conv2d(x, filters, stride=convolution.stride).permute(0, 2, 3, 1)
    return sums[:, : convolution.out_height, : convolution.out_width]


def convolve_scaled(maps: Tensor, weights: Tensor, convolution: Convolution, order: int) -> Tensor:
    """Return XNOR-Net's sums [N, out_height, out_width, MH] of weights [MH, MW] on windows of floats [N, H, W, C].

    Rastegari et al. 2016 (arXiv:1603.05279), equation 11: the windows of sign(x) meet the weights, and each sum is
    multiplied by K, the mean over its window of A, the mean of |x| over a pixel's channels. With `order` > 1 what is
    left of each pixel, x - A · sign(x), is taken the same way (HORQ), and the sums are added.
    """
    planes, scales = residual_planes(maps, order)
    kept = (convolution.out_height, convolution.out_width)
    total = torch.zeros(())
    for plane, scale_of_pixel in zip(planes, scales, strict=True):
        box = (convolution.kernel, convolution.stride, convolution.padding)
        k = F.avg_pool2d(scale_of_pixel.permute(0, 3, 1, 2), *box).permute(0, 2, 3, 1)[:, : kept[0], : kept[1]]
        total = total + k * convolve(plane, weights, convolution, -1.0)
    return total


def pool(maps: Tensor, side: int) -> Tensor:
    """Return the greatest of each square of maps [N, H, W, C]; rows and columns that fill no square are left out."""
    return maps if side == 1 else F.max_pool2d(maps.permute(0, 3, 1, 2), side).permute(0, 2, 3, 1)


class Activation(NamedTuple):
    """What a batch norm's outputs [N, MW] become: the next layer's inputs [N, MW].

    quantize: the function. coefficients: a value is the sum of coefficient · ±1 over its planes, the least first; None
    where it is no such whole number. scaled: how many planes have scales of each image's own, in maps of each pixel's.
    """

    quantize: Callable[[Tensor], Tensor]
    coefficients: tuple[int, ...] | None
    scaled: int = 0


SIGN = Activation(binarize_activation, (1,))
RECTIFIED = Activation(F.relu, None)


def residual(ratio: int) -> Activation:
    """Return two planes of fixed scales, the first `ratio` times the second (`SteResidualCode`)."""
    return Activation(lambda x: residual_code(x, ratio), (1, ratio))


def scaled_planes(order: int) -> Activation:
    """Return planes with scales of each image's own: XNOR-Net's beta · sign(x) for order 1, HORQ for more."""

    def quantize(x: Tensor) -> Tensor:
        planes, scales = residual_planes(x, order)
        return (planes * scales).sum(0)

    return Activation(quantize, None, order)
