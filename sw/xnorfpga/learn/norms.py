# SPDX-License-Identifier: Apache-2.0
"""Normalization between a layer's sums and the sign."""

import torch
from torch import Tensor, nn


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
