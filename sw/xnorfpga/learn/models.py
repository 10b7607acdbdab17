# SPDX-License-Identifier: Apache-2.0
"""Networks, built from the room's layers, norms and quantizers."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xnorfpga.learn.layers import BinaryLinear
from xnorfpga.learn.norms import FoldableBatchNorm, ShiftBatchNorm
from xnorfpga.learn.quantizers import binarize_activation

BATCH_NORMS: dict[str, type[FoldableBatchNorm]] = {"plain": FoldableBatchNorm, "shift": ShiftBatchNorm}


class BinaryNet(nn.Module):
    """A chain of binary layers: images of ±1 [N, layers[0]] to logits [N, layers[-1]].

    Every hidden layer is dropout, linear, batch norm, sign. The last layer has one positive scale for all classes
    and no batch norm: its logits are scale · (2·popcount - MW), so the popcounts themselves rank the classes.
    `batch_norm` is a key of BATCH_NORMS.
    """

    linears: Sequence[BinaryLinear]
    norms: Sequence[FoldableBatchNorm]

    def __init__(self, layers: Sequence[int], dropout: float = 0.0, batch_norm: str = "plain"):  # noqa: D107
        super().__init__()
        self.layers = tuple(layers)
        self.dropout = dropout
        self.linears = nn.ModuleList(BinaryLinear(mw, mh) for mw, mh in pairwise(layers))  # type: ignore[assignment]
        self.norms = nn.ModuleList(BATCH_NORMS[batch_norm](mh) for mh in layers[1:-1])  # type: ignore[assignment]
        # exp() keeps the scale positive; it starts where the logits have a spread of about 1, as a random sum of
        # MW signs has a spread of sqrt(MW).
        self.log_scale = nn.Parameter(torch.tensor(-0.5 * math.log(layers[-2])))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits [N, classes] of images of ±1 [N, MW]."""
        for linear, norm in zip(self.linears[:-1], self.norms, strict=True):
            x = binarize_activation(norm(linear(F.dropout(x, self.dropout, self.training))))
        return self.linears[-1](F.dropout(x, self.dropout, self.training)) * torch.exp(self.log_scale)

    @torch.no_grad()
    def clamp_(self) -> None:
        """Keep every latent weight in [-1, 1], from where a few steps can still flip its sign."""
        for linear in self.linears:
            linear.weight.clamp_(-1, 1)
