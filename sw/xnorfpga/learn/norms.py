# SPDX-License-Identifier: Apache-2.0
"""Normalization between a layer's sums and the sign."""

import torch
from torch import Tensor, nn

from xnorfpga.learn.quantizers import ap2, round_to_ap2


class FoldableBatchNorm(nn.BatchNorm1d):
    """Batch norm whose evaluation is three separately rounded operations on each element.

    Subtraction, multiplication and addition of a constant are monotone under IEEE rounding, and their result does
    not depend on the batch's shape or on the machine's vector unit. So `sign(batch_norm(sum))` is a step function of
    the popcount, the same step everywhere, and export finds it by looking: an integer threshold, with no error.

    Never compile the evaluation: a compiler may fuse the multiplication and the addition into one rounding.
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


class ShiftBatchNorm(FoldableBatchNorm):
    """Batch norm whose multiplications are shifts: sums [N, MH] to [N, MH], without a multiplier.

    Courbariaux et al. 2016 (arXiv:1602.02830), algorithm 3, with c = x - mean(x) over the batch and AP2 the
    approximate power of two:

        variance = mean(c · AP2(c))        y = c · AP2(1 / sqrt(variance + eps)) · AP2(weight) + bias

    The gradient goes straight through each AP2. The running mean and variance are kept as torch's batch norm keeps
    them (the variance unbiased). Evaluated, the gain of a neuron is a power of two or 0.
    """

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        if not self.training:
            return super().forward(x)
        assert self.momentum is not None and self.num_batches_tracked is not None
        mean = x.mean(0)
        centred = x - mean
        variance = (centred * round_to_ap2(centred)).mean(0)
        with torch.no_grad():
            unbiased = variance * (len(x) / (len(x) - 1))
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(unbiased, self.momentum)
            self.num_batches_tracked.add_(1)
        inverse = round_to_ap2(torch.rsqrt(variance + self.eps))
        return centred * inverse * round_to_ap2(self.weight) + self.bias

    def gain(self) -> Tensor:
        """Return the factor of each neuron [MH]: a power of two, its sign that of `weight`, or 0."""
        return ap2(self.weight) * ap2(torch.rsqrt(self.running_var + self.eps))
