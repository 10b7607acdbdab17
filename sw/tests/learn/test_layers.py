# SPDX-License-Identifier: Apache-2.0
"""Layers of few values a weight and activations of few values, by hand; and which of them a design asks for."""

import pytest
import torch
from torch import nn

from xnorfpga.design import designs
from xnorfpga.learn import layers, models
from xnorfpga.learn.quantizers import pixels, residual_planes

X = torch.tensor([[1.0, -1.0, 1.0], [3.0, 1.0, -1.0]])
LATENT = [[0.5, -0.1, 0.3], [-1.0, 0.2, 0.0]]


def with_weights(layer):
    layer.weight.data = torch.tensor(LATENT)
    return layer


def test_sums_by_hand():
    # signs: + - +, - + +
    assert with_weights(layers.BinaryLinear(3, 2))(X).tolist() == [[3, -1], [1, -3]]
    # zero up to 0.2 · 1: + 0 +, - 0 0
    assert with_weights(layers.TernaryLinear(3, 2, 0.2))(X).tolist() == [[2, -1], [2, -3]]
    trained = with_weights(layers.TrainedTernaryLinear(3, 2, 0.2))
    trained.positive.data.fill_(2.0)
    trained.negative.data.fill_(0.5)
    assert trained(X).tolist() == [[4, -0.5], [4, -1.5]]
    # alpha of the neurons 0.3 and 0.4
    torch.testing.assert_close(
        with_weights(layers.ScaledLinear(3, 2))(X), torch.tensor([[0.9, -0.4], [0.3, -1.2]]), atol=1e-6, rtol=0
    )


def test_floats_are_used_as_they_are_and_grow():
    floats = with_weights(layers.FloatLinear(3, 2))
    torch.testing.assert_close(floats(X), torch.tensor([[0.9, -1.2], [1.1, -2.8]]))
    for layer, greatest in ((floats, 2.0), (with_weights(layers.BinaryLinear(3, 2)), 1.0)):
        layer.weight.data[1, 0] = -2.0
        layer.clamp_()
        assert layer.weight[1, 0] == -greatest


@pytest.mark.parametrize("ratio, values", [(2, [-3, -3, -1, 1, 1, 3]), (4, [-5, -5, -3, 3, 3, 5])])
def test_two_planes_by_hand(ratio, values):
    """H1 = sign(x), H2 = sign(x - H1): the code changes at -1, 0 and 1, and each belongs to the code above."""
    x = torch.tensor([-2.5, -1.0001, -1.0, 0.0, 0.9999, 1.0], requires_grad=True)
    activation = layers.residual(ratio)
    code = activation.quantize(x)
    assert code.tolist() == [values[0], values[1], values[2], values[3], values[4], values[5]]
    assert activation.coefficients == (1, ratio)
    code.backward(torch.arange(1.0, 7.0))
    assert x.grad.tolist() == [0, 2, 3, 4, 5, 6]


def test_planes_with_scales_of_each_image():
    x = torch.tensor([[4.0, 1.0, -1.0, -6.0], [1.0, 1.0, 1.0, 1.0]])
    assert layers.scaled_planes(1).quantize(x).tolist() == [[3, 3, -3, -3], [1, 1, 1, 1]]
    assert layers.scaled_planes(2).quantize(x).tolist() == [[5, 1, -1, -5], [1, 1, 1, 1]]
    planes, scales = residual_planes(x, 2)
    assert torch.equal(layers.scaled_planes(2).quantize(x), (planes * scales).sum(0))


def test_grey_levels_by_hand():
    grey = torch.tensor([[[0, 63], [64, 255]]], dtype=torch.uint8)
    for bits, values in ((1, [-1, -1, -1, 1]), (2, [-3, -3, -1, 3]), (8, [-255, -129, -127, 255])):
        quantization = designs.load("smoke").quantization.model_copy(update={"input_bits": bits})
        floats = grey.float()
        for images in (grey, grey.numpy(), floats):
            assert pixels(images, quantization).tolist() == [values]
        assert torch.equal(floats, grey.float())  # a teacher sees the same images afterwards


@pytest.mark.parametrize(
    "quantization, training, hidden, coefficients",
    [
        ({}, {}, layers.BinaryLinear, (1,)),
        ({"activation_bits": 2}, {}, layers.BinaryLinear, (1, 2)),
        ({"activation_bits": 2, "activation_ratio": 4}, {}, layers.BinaryLinear, (1, 4)),
        ({"weight_bits": 2}, {"ternary_threshold": 0.3}, layers.TernaryLinear, (1,)),
        ({"weight_bits": 2, "activation_bits": 2}, {}, layers.TernaryLinear, (1, 2)),
        ({"weight_bits": 2}, {"method": "ttq"}, layers.TrainedTernaryLinear, (1,)),
        ({}, {"method": "xnor_net"}, layers.ScaledLinear, None),
        ({}, {"method": "bwn"}, layers.ScaledLinear, None),
        ({}, {"method": "float"}, layers.FloatLinear, None),
    ],
)
def test_a_design_asks_for_its_layers(quantization, training, hidden, coefficients):
    smoke = designs.load("smoke")
    quantization = smoke.quantization.model_copy(update=quantization)
    network = smoke.network.model_copy(update={"layers": (20, 6, 5, 4)})
    net = models.untrained(network, quantization, smoke.training.model_copy(update=training))
    last = layers.FloatLinear if hidden is layers.FloatLinear else layers.BinaryLinear
    assert [type(linear) for linear in net.linears] == [hidden, hidden, last]
    assert net.activation.coefficients == coefficients
    if coefficients:
        assert coefficients == quantization.activation_coefficients
    if hidden is layers.TernaryLinear:
        assert net.linears[0].t == training.get("ternary_threshold", 0.05)
    assert net.pixels.tolist() == list(range(20))
    net(torch.randn(32, 784).sign()).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in net.parameters())


def test_the_logits_begin_with_a_spread_of_one():
    torch.manual_seed(0)
    for activation in (layers.SIGN, layers.residual(2), layers.residual(4)):
        net = models.QuantizedNet((100, 400, 300, 10), activation=activation).train()
        assert net(torch.randn(500, 100).sign()).std().item() == pytest.approx(1, abs=0.3)


def test_the_paper_scales_the_gradient_of_a_scaled_weight():
    """Of W~ = alpha · sign(w): dC/dw = dC/dW~ · (alpha) + sign(w) / MW · sum of dC/dW~ · sign(w) (arXiv:1603.05279)."""
    layer = with_weights(layers.ScaledLinear(3, 2))
    gradient = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    layer.quantized().backward(gradient)
    sign = torch.tensor([[1.0, -1.0, 1.0], [-1.0, 1.0, 1.0]])
    alpha = torch.tensor([[0.3], [0.4]])
    slope = torch.tensor(LATENT).sign()  # of |w|, 0 at 0
    expected = alpha * gradient + slope / 3 * (gradient * sign).sum(1, keepdim=True)
    torch.testing.assert_close(layer.weight.grad, expected)
    assert isinstance(layer, nn.Linear)
