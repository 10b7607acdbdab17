# SPDX-License-Identifier: Apache-2.0
"""Layers whose sums are integers."""

import torch.nn.functional as F
from torch import Tensor, nn

from xnorfpga.learn.quantizers import binarize_weight


class BinaryLinear(nn.Linear):
    """A fully connected layer of signs, without bias: float ±1 [N, MW] to sums [N, MH].

    For inputs of ±1 each sum is the integer 2·popcount - MW, exact in float32 since |sum| <= MW < 2^24.
    `weight` is the latent weight; only its sign is ever used.
    """

    def __init__(self, mw: int, mh: int):  # noqa: D107
        super().__init__(mw, mh, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        return F.linear(x, binarize_weight(self.weight))
