# SPDX-License-Identifier: Apache-2.0
"""Quantizers: what the forward pass makes of a float, and how the gradient gets past it (straight-through estimators).

Courbariaux et al. 2016 (arXiv:1602.02830), binarized neural networks: the forward pass sees only the signs of the
latent weights and of the activations; the backward pass goes straight through the sign.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from xnorfpga.design import schema
from xnorfpga.network.encoding import binarize


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
    """The same sign for latent weights, which are held in [-1, 1] (`QuantizedNet.clamp_`): the gradient passes."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:  # noqa: D102
        return sign(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:  # noqa: D102
        return gradient


class SteTernaryOfLatent(torch.autograd.Function):
    """`ternary` weights; the gradient passes everywhere: `SteTernary` where both scales are 1."""

    @staticmethod
    def forward(ctx, w: Tensor, t: float) -> Tensor:  # noqa: D102
        return ternary(w, t)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: D102
        return gradient, None


class SteResidualCode(torch.autograd.Function):
    """Two planes of a high-order residual quantization with fixed scales, as a whole number: ratio · H1 + H2.

    Li et al. 2017 (HORQ, arXiv:1708.08687), order 2: H1 = sign(x), H2 = sign(x - beta1 · H1), and x is about
    beta1 · H1 + beta2 · H2. Here beta1 is 1, in whose units the batch norm before it learns to give x, with a gain for
    each neuron; beta1 : beta2 is the ratio. The result is in units of beta2, -(ratio + 1) to ratio + 1.

    Its gradient is passed straight through inside |x| < 2, where the quantizer follows x, and stopped outside.
    """

    @staticmethod
    def forward(ctx, x: Tensor, ratio: int) -> Tensor:  # noqa: D102
        ctx.save_for_backward(x)
        first = sign(x)
        return ratio * first + sign(x - first)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: D102
        return torch.ops.aten.hardtanh_backward(gradient, ctx.saved_tensors[0], -2.0, 2.0), None


class SteAp2(torch.autograd.Function):
    """`ap2`, whose gradient passes everywhere."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:  # noqa: D102
        return ap2(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:  # noqa: D102
        return gradient


class SteTernary(torch.autograd.Function):
    """Trained ternary quantization (Zhu et al. 2017, arXiv:1612.01064): latent weights to +Wp, 0, -Wn.

    Of latent weights w (any shape) and the positive scales Wp, Wn (scalars), with D = t · max |w|:

        +Wp where w > D        -Wn where w < -D        0 between

    Its gradient is the paper's: Wp and -Wn take the sums over their weights; a latent weight takes
    the gradient times its scale, or times 1 where it is 0 now.
    """

    @staticmethod
    def forward(ctx, w: Tensor, positive: Tensor, negative: Tensor, t: float) -> Tensor:  # noqa: D102
        signs = ternary(w, t)
        ctx.save_for_backward(signs, positive, negative)
        return torch.where(signs > 0, positive * signs, negative * signs)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:  # noqa: D102
        signs, positive, negative = ctx.saved_tensors
        above, below = signs > 0, signs < 0
        latent = gradient * torch.where(above, positive, torch.where(below, negative, 1.0))
        return latent, (gradient * above).sum(), -(gradient * below).sum(), None


binarize_activation: Callable[[Tensor], Tensor] = SteSign.apply
binarize_weight: Callable[[Tensor], Tensor] = SteSignOfLatent.apply
residual_code: Callable[[Tensor, int], Tensor] = SteResidualCode.apply
round_to_ap2: Callable[[Tensor], Tensor] = SteAp2.apply
ternarize_weight: Callable[[Tensor, float], Tensor] = SteTernaryOfLatent.apply
scale_ternary_weight: Callable[[Tensor, Tensor, Tensor, float], Tensor] = SteTernary.apply


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


def ternary(w: Tensor, t: float) -> Tensor:
    """Return +1.0, 0.0 or -1.0 of each weight: 0 where |w| <= t · max |w| (Zhu et al. 2017, arXiv:1612.01064)."""
    return torch.sign(F.hardshrink(w, (t * torch.linalg.vector_norm(w, math.inf)).item()))


def scale(x: Tensor) -> Tensor:
    """Return ||x||1 / n over the last axis, n its length: [..., n] to [..., 1].

    It is the factor that brings sign(x) nearest to x (Rastegari et al. 2016, XNOR-Net, arXiv:1603.05279):
    alpha of a neuron's weights [MH, MW], beta of an input [N, MW]. Binary weight networks (BWN) use alpha alone.
    """
    return x.abs().mean(-1, keepdim=True)


def residual_planes(x: Tensor, order: int) -> tuple[Tensor, Tensor]:
    """Return ±1 planes [order, ..., n] and scales [order, ..., 1] with x ≈ sum of scale · plane; x is [..., n].

    High-order residual quantization (Li et al. 2017, HORQ, arXiv:1708.08687): R1 = x, Hi = sign(Ri),
    scale_i = ||Ri||1 / n, R(i+1) = Ri - scale_i · Hi. No order leaves a longer residual than the one before it.
    The gradient passes each sign inside |Ri| < 1, and the scales as it is.
    """
    planes, scales, residual = [], [], x
    for _ in range(order):
        planes.append(binarize_activation(residual))
        scales.append(scale(residual))
        residual = residual - scales[-1] * planes[-1]
    return torch.stack(planes), torch.stack(scales)


def pixels(images: NDArray[np.uint8] | Tensor, quantization: schema.Quantization) -> Tensor:
    """Return float32 [N, elements], what images [N, H, W] or [N, H, W, C] of whole numbers 0 to 255 are to a network.

    ±1 with one plane; with p planes the sum of 2^k · ±1 over the planes k (`bit_planes`), the odd number
    2 · (pixel >> (8 - p)) - (2^p - 1).
    """
    planes = quantization.input_bits
    if planes == 1:
        return signs(binarize(images, quantization.input_threshold))
    floats = images.to(torch.float32) if isinstance(images, Tensor) else torch.as_tensor(images.astype(np.float32))
    levels = (floats.flatten(1) * 2 ** (planes - 8)).floor_()
    return levels.mul_(2).sub_(2**planes - 1)


def signs(bits: np.ndarray | Tensor) -> Tensor:
    """Return float32 ±1 for an array of booleans of any shape: bit 1 is +1, bit 0 is -1."""
    return torch.as_tensor(bits).to(torch.float32).mul_(2).sub_(1)
