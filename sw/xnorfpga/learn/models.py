# SPDX-License-Identifier: Apache-2.0
"""Networks, built from the room's layers, norms and quantizers."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xnorfpga.artefacts.hardware import Convolution, matrices
from xnorfpga.data.datasets import DATASETS
from xnorfpga.design import schema
from xnorfpga.learn.layers import (
    RECTIFIED,
    SIGN,
    Activation,
    BinaryLinear,
    FloatLinear,
    ScaledLinear,
    TernaryLinear,
    TrainedTernaryLinear,
    convolve,
    convolve_scaled,
    pool,
    residual,
    scaled_planes,
)
from xnorfpga.learn.norms import FoldableBatchNorm, ShiftBatchNorm

BATCH_NORMS: dict[str, type[FoldableBatchNorm]] = {"plain": FoldableBatchNorm, "shift": ShiftBatchNorm}


class QuantizedNet(nn.Module):
    """A chain of layers of few values: images [N, inputs] to logits [N, layers[-1]].

    The first layers may be convolutional. The elements of images and maps lie in the order [H, W, C], and those of the
    last map are the layers[0] inputs of the first fully connected layer.
    Every hidden layer is dropout, linear (`hidden` of its MW and MH), batch norm (a key of BATCH_NORMS), activation,
    and behind a convolution the pool. A convolution's linear holds the matrix that meets every window.
    `input_coefficients` are those of an image's planes.
    The last layer is of the kind `last`. It has one positive scale for all classes and no batch norm, so its sums rank
    the classes.
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
        convolutions: Sequence[Convolution] = (),
        input_coefficients: Sequence[int] = (1,),
        last: Callable[[int, int], BinaryLinear] = BinaryLinear,
    ):
        super().__init__()
        self.layers = tuple(layers)
        self.dropout = dropout
        self.activation = activation
        self.convolutions = tuple(convolutions)
        self.input_coefficients = tuple(input_coefficients)
        self.inputs = layers[0] if inputs is None else inputs
        chosen = self.inputs != layers[0] and not convolutions
        self.register_buffer("pixels", torch.arange(layers[0]) if chosen else None)
        shapes = matrices(self.convolutions, layers)
        kinds = [hidden] * (len(shapes) - 1) + [last]
        linears = (kind(mw, mh) for kind, (mw, mh) in zip(kinds, shapes, strict=True))
        self.linears = nn.ModuleList(linears)  # type: ignore[assignment]
        norms = (BATCH_NORMS[batch_norm](mh) for _, mh in shapes[:-1])
        self.norms = nn.ModuleList(norms)  # type: ignore[assignment]
        # exp() keeps the scale positive; it starts where the logits have a spread of about 1: a random sum of
        # MW products of ±c has a spread of c · sqrt(MW), and the variances of an activation's planes add up.
        variance = sum(c**2 for c in self.activation.coefficients or (1,))
        self.log_scale = nn.Parameter(torch.tensor(-0.5 * math.log(layers[-2] * variance)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits [N, classes] of images [N, inputs] of whole numbers, ±1 for a plane."""
        if self.pixels is not None:
            x = x[:, self.pixels]
        convolutions = [*self.convolutions, *[None] * (len(self.norms) - len(self.convolutions))]
        for k, (linear, norm, convolution) in enumerate(zip(self.linears[:-1], self.norms, convolutions, strict=True)):
            x = F.dropout(x, self.dropout, self.training)
            if convolution is None:
                x = self.activation.quantize(norm(linear(x)))
            else:
                x = self._map(k, x, linear, norm, convolution)
        return self.linears[-1](F.dropout(x, self.dropout, self.training)) * torch.exp(self.log_scale)

    def _map(
        self, k: int, x: Tensor, linear: BinaryLinear, norm: FoldableBatchNorm, convolution: Convolution
    ) -> Tensor:
        """Return the map [N, elements] behind convolutional layer k; its batch norm takes windows for images.

        No activation ever falls, so the greatest output gives the greatest answer, and pooling before it gives the
        same map. The gradient then goes to the window whose output was the greatest, not to the first of equal answers.
        Where activations have scales, floats go from map to map, and the windows of the next layer take the scales.
        """
        maps = x.unflatten(1, (convolution.height, convolution.width, convolution.channels))
        scaled = self.activation.scaled
        if scaled and k:
            sums = convolve_scaled(maps, linear.seen(), convolution, scaled)
        else:
            sums = convolve(maps, linear.seen(), convolution, self._least(k))
        outputs = norm(sums.flatten(0, 2)).unflatten(0, sums.shape[:3])
        outputs = pool(outputs, convolution.pool).flatten(1)
        return outputs if scaled and k + 1 < len(self.convolutions) else self.activation.quantize(outputs)

    def _least(self, k: int) -> int:
        """Return the least value of layer k's inputs: -1 in every plane, the padding; where they are floats, 0."""
        coefficients = self.activation.coefficients if k else self.input_coefficients
        return -sum(coefficients or ())

    def use_latent(self, latent: bool) -> None:
        """Have the hidden layers' inputs meet the latent weights themselves, or what is quantized of them.

        The batch norm behind a hidden layer takes up that the two differ in size; nothing stands behind the last.
        """
        for linear in self.linears[:-1]:
            linear.latent = latent

    @torch.no_grad()
    def clamp_(self) -> None:
        """Keep every latent weight in [-1, 1], from where a few steps can still flip its sign."""
        for linear in self.linears:
            linear.clamp_()


def untrained(network: schema.Network, quantization: schema.Quantization, training: schema.Training) -> QuantizedNet:
    """Return the network that a design's tables ask for, its weights drawn from torch's generator."""
    hidden, activation = _hidden(quantization, training), _activation(quantization, training)
    return QuantizedNet(
        network.layers,
        training.dropout,
        training.batch_norm,
        hidden,
        activation,
        DATASETS[network.dataset].inputs,
        network.maps,
        quantization.input_coefficients,
        FloatLinear if training.method == "float" else BinaryLinear,
    )


def _hidden(quantization: schema.Quantization, training: schema.Training) -> Callable[[int, int], BinaryLinear]:
    if quantization.weights == "ternary":
        kind = TrainedTernaryLinear if training.method == "ttq" else TernaryLinear
        return partial(kind, t=training.ternary_threshold)
    return {"xnor_net": ScaledLinear, "bwn": ScaledLinear, "float": FloatLinear}.get(training.method, BinaryLinear)


def _activation(quantization: schema.Quantization, training: schema.Training) -> Activation:
    if training.method in ("bwn", "float"):
        return RECTIFIED
    if training.method == "xnor_net":
        return scaled_planes(quantization.activation_bits)
    return SIGN if quantization.activation_bits == 1 else residual(quantization.activation_ratio)
