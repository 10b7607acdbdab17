# SPDX-License-Identifier: Apache-2.0
"""Networks, built from the room's layers, norms and quantizers."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xnorfpga.data.datasets import DATASETS
from xnorfpga.design import schema
from xnorfpga.learn.layers import (
    RECTIFIED,
    SIGN,
    Activation,
    BinaryLinear,
    ScaledLinear,
    TernaryLinear,
    TrainedTernaryLinear,
    residual,
    scaled_planes,
)
from xnorfpga.learn.norms import FoldableBatchNorm, ShiftBatchNorm

BATCH_NORMS: dict[str, type[FoldableBatchNorm]] = {"plain": FoldableBatchNorm, "shift": ShiftBatchNorm}


class QuantizedNet(nn.Module):
    """A chain of layers of few values: images [N, layers[0]] to logits [N, layers[-1]].

    Every hidden layer is dropout, linear (`hidden` of its MW and MH), batch norm (a key of BATCH_NORMS), activation.
    The last layer is binary. It has one positive scale for all classes and no batch norm, so its sums rank the classes.
    Of images with more `inputs` than layers[0], the network takes those elements alone that `pixels` names.
    """

    linears: Sequence[BinaryLinear]
    norms: Sequence[FoldableBatchNorm]
    pixels: Tensor | None

    def __init__(  # noqa: D107
        self,
        layers: Sequence[int],
        dropout: float = 0.0,
        batch_norm: str = "plain",
        hidden: Callable[[int, int], BinaryLinear] = BinaryLinear,
        activation: Activation = SIGN,
        inputs: int | None = None,
    ):
        super().__init__()
        self.layers = tuple(layers)
        self.dropout = dropout
        self.activation = activation
        self.inputs = layers[0] if inputs is None else inputs
        self.register_buffer("pixels", None if self.inputs == layers[0] else torch.arange(layers[0]))
        kinds = [hidden] * (len(layers) - 2) + [BinaryLinear]
        linears = (kind(mw, mh) for kind, (mw, mh) in zip(kinds, pairwise(layers), strict=True))
        self.linears = nn.ModuleList(linears)  # type: ignore[assignment]
        self.norms = nn.ModuleList(BATCH_NORMS[batch_norm](mh) for mh in layers[1:-1])  # type: ignore[assignment]
        # exp() keeps the scale positive; it starts where the logits have a spread of about 1: a random sum of
        # MW products of ±c has a spread of c · sqrt(MW), and the variances of an activation's planes add up.
        variance = sum(c**2 for c in self.activation.coefficients or (1,))
        self.log_scale = nn.Parameter(torch.tensor(-0.5 * math.log(layers[-2] * variance)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits [N, classes] of images [N, inputs] of whole numbers, ±1 for a plane."""
        if self.pixels is not None:
            x = x[:, self.pixels]
        for linear, norm in zip(self.linears[:-1], self.norms, strict=True):
            x = self.activation.quantize(norm(linear(F.dropout(x, self.dropout, self.training))))
        return self.linears[-1](F.dropout(x, self.dropout, self.training)) * torch.exp(self.log_scale)

    @torch.no_grad()
    def clamp_(self) -> None:
        """Keep every latent weight in [-1, 1], from where a few steps can still flip its sign."""
        for linear in self.linears:
            linear.weight.clamp_(-1, 1)


def untrained(network: schema.Network, quantization: schema.Quantization, training: schema.Training) -> QuantizedNet:
    """Return the network that a design's tables ask for, its weights drawn from torch's generator."""
    hidden, activation = _hidden(quantization, training), _activation(quantization, training)
    inputs = DATASETS[network.dataset].inputs
    return QuantizedNet(network.layers, training.dropout, training.batch_norm, hidden, activation, inputs)


def _hidden(quantization: schema.Quantization, training: schema.Training) -> Callable[[int, int], BinaryLinear]:
    if quantization.weights == "ternary":
        kind = TrainedTernaryLinear if training.method == "ttq" else TernaryLinear
        return partial(kind, t=training.ternary_threshold)
    return ScaledLinear if training.method in ("xnor_net", "bwn") else BinaryLinear


def _activation(quantization: schema.Quantization, training: schema.Training) -> Activation:
    if training.method == "bwn":
        return RECTIFIED
    if training.method == "xnor_net":
        return scaled_planes(quantization.activation_bits)
    return SIGN if quantization.activation_bits == 1 else residual(quantization.activation_ratio)
