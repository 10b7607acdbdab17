# SPDX-License-Identifier: Apache-2.0
"""The network as PyTorch sees it: binary weights, binary activations, a batch norm that folds to integers exactly.

Courbariaux et al. 2016 (arXiv:1602.02830), binarized neural networks: the forward pass sees only the signs of the
latent weights and of the activations; the backward pass goes straight through the sign.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Sign(torch.autograd.Function):
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


class SignOfWeight(torch.autograd.Function):
    """The same sign for latent weights, which `BinaryNet.clamp_` holds in [-1, 1]: the gradient passes everywhere."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:  # noqa: D102
        return sign(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:  # noqa: D102
        return gradient


binarize: Callable[[Tensor], Tensor] = Sign.apply
binarize_weight: Callable[[Tensor], Tensor] = SignOfWeight.apply


def sign(x: Tensor) -> Tensor:
    """Return +1.0 where x >= 0, else -1.0 (torch.sign would give 0 for 0)."""
    return torch.ge(x, 0, out=torch.empty_like(x)).mul_(2).sub_(1)  # a third of the time of torch.where


class BinaryLinear(nn.Linear):
    """A fully connected layer of signs, without bias: float ±1 [N, MW] to sums [N, MH].

    For inputs of ±1 each sum is the integer 2·popcount - MW, exact in float32 since |sum| <= MW < 2^24.
    `weight` is the latent weight; only its sign is ever used.
    """

    def __init__(self, mw: int, mh: int):  # noqa: D107
        super().__init__(mw, mh, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        return F.linear(x, binarize_weight(self.weight))


class FoldableBatchNorm(nn.BatchNorm1d):
    """Batch norm whose evaluation is three separately rounded operations on each element.

    Subtraction, multiplication and addition of a constant are monotone under IEEE rounding, and their result does
    not depend on the batch's shape or on the machine's vector unit. So `sign(batch_norm(sum))` is a step function of
    the popcount, the same step everywhere, and export finds it by looking: an integer threshold, with no error.
    """

    running_mean: Tensor
    running_var: Tensor

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        if self.training:
            return super().forward(x)
        return (x - self.running_mean) * self.gain() + self.bias

    def gain(self) -> Tensor:
        """Return the factor of each neuron [MH]; its sign decides whether export flips the neuron's weights."""
        return self.weight / torch.sqrt(self.running_var + self.eps)


class BinaryNet(nn.Module):
    """A chain of binary layers: images of ±1 [N, layers[0]] to logits [N, layers[-1]].

    Every hidden layer is dropout, linear, batch norm, sign. The last layer has one positive scale for all classes
    and no batch norm: its logits are scale · (2·popcount - MW), so the popcounts themselves rank the classes.
    """

    linears: Sequence[BinaryLinear]
    norms: Sequence[FoldableBatchNorm]

    def __init__(self, layers: Sequence[int], dropout: float = 0.0):  # noqa: D107
        super().__init__()
        self.layers = tuple(layers)
        self.dropout = dropout
        self.linears = nn.ModuleList(BinaryLinear(mw, mh) for mw, mh in pairwise(layers))  # type: ignore[assignment]
        self.norms = nn.ModuleList(FoldableBatchNorm(mh) for mh in layers[1:-1])  # type: ignore[assignment]
        # exp() keeps the scale positive; it starts where the logits have a spread of about 1, as a random sum of
        # MW signs has a spread of sqrt(MW).
        self.log_scale = nn.Parameter(torch.tensor(-0.5 * math.log(layers[-2])))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits [N, classes] of images of ±1 [N, MW]."""
        for linear, norm in zip(self.linears[:-1], self.norms, strict=True):
            x = binarize(norm(linear(F.dropout(x, self.dropout, self.training))))
        return self.linears[-1](F.dropout(x, self.dropout, self.training)) * torch.exp(self.log_scale)

    @torch.no_grad()
    def clamp_(self) -> None:
        """Keep every latent weight in [-1, 1], from where a few steps can still flip its sign."""
        for linear in self.linears:
            linear.weight.clamp_(-1, 1)


def signs(bits: np.ndarray | Tensor) -> Tensor:
    """Return float32 ±1 for an array of booleans of any shape: bit 1 is +1, bit 0 is -1."""
    return torch.as_tensor(bits).to(torch.float32).mul_(2).sub_(1)
