# SPDX-License-Identifier: Apache-2.0
"""Quantizers: what the forward pass makes of a float, and how the gradient gets past it (straight-through estimators).

Courbariaux et al. 2016 (arXiv:1602.02830), binarized neural networks: the forward pass sees only the signs of the
latent weights and of the activations; the backward pass goes straight through the sign.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


class SteSign(torch.autograd.Function):
    """The sign that is never zero: +1.0 where x >= 0, else -1.0.

    Its gradient is passed straight through inside |x| < 1 and stopped outside, the window of hardtanh: a neuron
    that is far from its threshold does not learn from a small step.
    """

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:  # noqa: D102
        ctx.save_for_backward(x)
        return sign(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:  # noqa: D102
        return torch.ops.aten.hardtanh_backward(gradient, ctx.saved_tensors[0], -1.0, 1.0)


class SteSignOfLatent(torch.autograd.Function):
    """The same sign for latent weights, which `BinaryNet.clamp_` holds in [-1, 1]: the gradient passes everywhere."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:  # noqa: D102
        return sign(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:  # noqa: D102
        return gradient


class SteAp2(torch.autograd.Function):
    """`ap2`, whose gradient passes everywhere."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:  # noqa: D102
        return ap2(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:  # noqa: D102
        return gradient


binarize_activation: Callable[[Tensor], Tensor] = SteSign.apply
binarize_weight: Callable[[Tensor], Tensor] = SteSignOfLatent.apply
round_to_ap2: Callable[[Tensor], Tensor] = SteAp2.apply


def sign(x: Tensor) -> Tensor:
    """Return +1.0 where x >= 0, else -1.0 (torch.sign would give 0 for 0)."""
    return torch.ge(x, 0, out=torch.empty_like(x)).mul_(2).sub_(1)  # a third of the time of torch.where


def ap2(x: Tensor) -> Tensor:
    """Return sign(x) · 2^round(log2 |x|), the approximate power of two of each element; of 0 it is 0.

    Multiplying by it is a shift (Courbariaux et al. 2016, arXiv:1602.02830: AP2). The exponent is read
    off the float, so no logarithm rounds: with |x| = m · 2^e and m in [1/2, 1), it is e where m >= √½, else e - 1.
    """
    mantissa, exponent = torch.frexp(x.abs())
    power = exponent - (mantissa < math.sqrt(0.5)).to(exponent.dtype)
    return torch.ldexp(torch.sign(x), power)


def signs(bits: np.ndarray | Tensor) -> Tensor:
    """Return float32 ±1 for an array of booleans of any shape: bit 1 is +1, bit 0 is -1."""
    return torch.as_tensor(bits).to(torch.float32).mul_(2).sub_(1)
