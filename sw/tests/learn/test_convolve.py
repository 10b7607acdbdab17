# SPDX-License-Identifier: Apache-2.0
"""Convolutional networks in torch: by hand, and bit by bit against their integer models."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorfpga.artefacts.hardware import Convolution
from xnorfpga.design import designs
from xnorfpga.design.schema import Filters
from xnorfpga.learn import absorb, models, publish, train
from xnorfpga.learn.layers import (
    RECTIFIED,
    SIGN,
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
from xnorfpga.learn.models import QuantizedNet
from xnorfpga.learn.quantizers import pixels, signs
from xnorfpga.network import golden


def test_a_window_meets_its_weights_in_the_golden_order():
    """One filter of weights 1, 2, 4, …: a sum says which element met which weight."""
    maps = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]]])  # [1, row, column, channel]
    weights = 2.0 ** torch.arange(8)[None]
    convolution = Convolution(height=2, width=2, channels=2, kernel=2)
    assert convolve(maps, weights, convolution, 0.0).tolist() == [[[[1.0 + 32 + 64]]]]
    framed = convolve(maps, weights, convolution.model_copy(update={"padding": 1, "stride": 2}), -1.0)
    assert framed[..., 0].tolist() == [[[1.0, -207.0], [-235.0, -251.0]]]


def test_scaled_windows_by_hand():
    """Means over a pixel's channels are 2, 1 | 3, 0, of what is left 1, 0 | 2, 0; a window takes its pixels' mean."""
    x = torch.tensor([[[[1.0, -3.0], [1.0, 1.0]], [[5.0, 1.0], [0.0, 0.0]]]])
    weights = 2.0 ** torch.arange(8)[None]
    convolution = Convolution(height=2, width=2, channels=2, kernel=2)
    first = 1 - 2 + 4 + 8 + 16 + 32 + 64 + 128  # signs: + - | + +, + + | + +
    assert convolve_scaled(x, weights, convolution, 1).tolist() == [[[[1.5 * first]]]]
    second = -1 - 2 + 4 + 8 + 16 - 32 + 64 + 128  # of what is left: -1 -1 | 0 0, 2 -2 | 0 0
    assert convolve_scaled(x, weights, convolution, 2).tolist() == [[[[1.5 * first + 0.75 * second]]]]


def test_scaled_windows_are_those_of_a_frame_a_stride_and_a_pool():
    """Against every window cut out alone; the frame has a scale of 0, and -1 in its plane."""
    torch.manual_seed(0)
    convolution = Convolution(height=6, width=5, channels=3, kernel=3, stride=2, padding=1, pool=2)
    x, weights = torch.randn(2, 6, 5, 3), torch.randn(4, 27)
    found = convolve_scaled(x, weights, convolution, 1)
    assert found.shape == (2, convolution.out_height, convolution.out_width, 4)
    signs_in_frame = F.pad(torch.where(x >= 0, 1.0, -1.0), (0, 0, 1, 1, 1, 1), value=-1.0)
    scale_in_frame = F.pad(x.abs().mean(-1), (1, 1, 1, 1))
    for row, column in np.ndindex(convolution.out_height, convolution.out_width):
        window = (slice(None), slice(2 * row, 2 * row + 3), slice(2 * column, 2 * column + 3))
        wanted = scale_in_frame[window].mean((1, 2))[:, None] * (signs_in_frame[window].flatten(1) @ weights.T)
        torch.testing.assert_close(found[:, row, column], wanted)


def test_the_pool_by_hand():
    maps = torch.tensor([[[1.0, -1.0], [3.0, -3.0], [9.0, 9.0]], [[2.0, -5.0], [0.0, -2.0], [9.0, 9.0]]])[None]
    assert pool(maps, 2).tolist() == [[[[3.0, -1.0]]]]
    assert pool(maps, 1) is maps


@st.composite
def geometries(draw) -> tuple[list[Convolution], list[int]]:
    """One to three convolutions on a small map, and the sizes of the layers behind."""
    height, width, channels = (draw(st.integers(1, top)) for top in (9, 9, 3))
    found = []
    for _ in range(draw(st.integers(1, 3))):
        padding = draw(st.integers(0, 2))
        kernel = draw(st.integers(1, min(height, width, 3) + 2 * padding))
        convolution = Convolution(
            height=height,
            width=width,
            channels=channels,
            kernel=kernel,
            stride=draw(st.integers(1, 3)),
            padding=padding,
        )
        side = draw(st.integers(1, min(convolution.out_height, convolution.out_width, 3)))
        found.append(convolution.model_copy(update={"pool": side}))
        height, width, channels = found[-1].pooled_height, found[-1].pooled_width, draw(st.integers(1, 6))
    return found, [height * width * channels, *draw(st.lists(st.integers(1, 9), max_size=1)), 4]


@settings(max_examples=40, deadline=None)
@given(
    geometries(),
    st.sampled_from([1, 2, 8]),
    st.sampled_from([(1, 2), (2, 2), (2, 4)]),
    st.sampled_from([None, 0.3]),
    st.integers(0, 2**31),
)
def test_torch_and_the_integer_model_agree(drawn, planes, activation, t, seed):
    """Every plane of every hidden layer, every window, and every score, of images."""
    torch.manual_seed(seed)
    convolutions, layers = drawn
    bits, ratio = activation
    quantization = designs.load("smoke").quantization.model_copy(update={"input_bits": planes})
    net = QuantizedNet(
        layers,
        hidden=BinaryLinear if t is None else partial(TernaryLinear, t=t),
        activation=SIGN if bits == 1 else residual(ratio),
        convolutions=convolutions,
        input_coefficients=quantization.input_coefficients,
    )
    for norm in net.norms:
        norm.weight.data = torch.randint(-1, 2, norm.weight.shape) * torch.rand(norm.weight.shape) * 3
        norm.bias.data = torch.randint(-1, 2, norm.bias.shape).float()
        norm.running_mean = torch.randint(-9, 10, norm.running_mean.shape).float()
        norm.running_var = torch.rand(norm.running_var.shape) * 50
    net.eval()
    first = convolutions[0]
    images = torch.randint(0, 256, (5, first.height, first.width, first.channels), dtype=torch.uint8)
    model = absorb.absorb(net, 128, quantization.input_coefficients)
    inputs = model.encode(images.numpy())
    integer, packed = golden.infer(model, inputs), golden.infer_packed(model, inputs)
    answers: list[torch.Tensor] = []
    for norm in net.norms:
        norm.register_forward_hook(lambda _, __, found: answers.append(net.activation.quantize(found)))
    with torch.no_grad():
        logits = net(pixels(images, quantization)) / torch.exp(net.log_scale)
    for k, (answer, found) in enumerate(zip(answers, integer.hidden, strict=True)):
        mh = len(model.layers[k].weights)
        each = found.reshape(-1, bits, mh)  # a window of an image, plane by plane
        value = sum(c * signs(each[:, plane]) for plane, c in enumerate(net.activation.coefficients))
        assert torch.equal(answer, value)
        assert np.array_equal(found, packed.hidden[k])
    greatest = model.layers[-1].greatest_sum
    assert np.array_equal(integer.scores, np.rint((logits.numpy() + greatest) / 2))
    assert np.array_equal(integer.scores, packed.scores)
    assert np.array_equal(integer.classes, logits.argmax(1).numpy())
    assert [layer.convolution for layer in model.layers] == [*convolutions, *[None] * (len(layers) - 1)]


def test_every_parameter_of_a_map_learns():
    torch.manual_seed(0)
    maps = [
        Convolution(height=8, width=8, channels=3, kernel=3, padding=1, pool=2),
        Convolution(height=4, width=4, channels=6, kernel=2),
    ]
    for activation in (SIGN, residual(2), RECTIFIED, scaled_planes(1), scaled_planes(2)):
        net = QuantizedNet((45, 7, 4), activation=activation, convolutions=maps).train()
        assert [tuple(linear.weight.shape) for linear in net.linears] == [(6, 27), (5, 24), (7, 45), (4, 7)]
        net(torch.randn(16, 192).sign()).square().sum().backward()
        assert all(parameter.grad is not None and parameter.grad.any() for parameter in net.parameters())


@pytest.mark.parametrize("activation, frames", [(SIGN, [-3, -1]), (residual(2), [-3, -3]), (RECTIFIED, [-3, 0])])
def test_the_value_of_the_padding(activation, frames):
    """-1 in every plane: of an image of two planes -3, of a map as its activation has it, and 0 where it is floats."""
    maps = [Convolution(height=1, width=1, channels=1, kernel=3, padding=1)] * 2
    net = QuantizedNet((1, 2), activation=activation, convolutions=maps, input_coefficients=(1, 2)).eval()
    sums: list[torch.Tensor] = []
    for linear, norm in zip(net.linears, net.norms, strict=False):
        linear.weight.data.fill_(1.0)
        norm.register_forward_pre_hook(lambda _, given: sums.append(given[0]))
    with torch.no_grad():
        net(torch.ones(1, 1))
        first, second = sums  # of the one pixel and eight of its frame
        assert first == 1 + 8 * frames[0]
        assert second == activation.quantize(net.norms[0](first)) + 8 * frames[1]


@pytest.mark.parametrize(
    "quantization, training, kind",
    [
        ({}, {}, BinaryLinear),
        ({"activation_bits": 2, "input_bits": 8}, {}, BinaryLinear),
        ({"weight_bits": 2}, {}, TernaryLinear),
        ({"weight_bits": 2}, {"method": "ttq"}, TrainedTernaryLinear),
        ({}, {"method": "bwn"}, ScaledLinear),
        ({}, {"method": "xnor_net"}, ScaledLinear),
        ({"activation_bits": 2}, {"method": "xnor_net"}, ScaledLinear),
        ({}, {"method": "float"}, FloatLinear),
    ],
)
def test_a_design_asks_for_the_same_layers_with_convolutions(quantization, training, kind):
    smoke = designs.load("smoke")
    network = smoke.network.model_copy(update={"layers": (507, 10), "convolutions": (Filters(filters=3, pool=2),)})
    quantization = smoke.quantization.model_copy(update=quantization)
    net = models.untrained(network, quantization, smoke.training.model_copy(update=training)).train()
    assert [type(linear) for linear in net.linears] == [kind, FloatLinear if kind is FloatLinear else BinaryLinear]
    assert net.pixels is None
    images = torch.randint(0, 256, (8, 28, 28), dtype=torch.uint8)
    net(pixels(images, quantization)).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in net.parameters())


@pytest.fixture
def conv_design(dataset):
    """A design of a small convolutional network on 2-bit pixels: three epochs of four batches."""
    smoke = designs.load("smoke")
    convolutions = (Filters(filters=4, stride=2, padding=1), Filters(filters=6, kernel=2, pool=2))
    return replace(
        smoke,
        name="small_conv",
        network=smoke.network.model_copy(update={"layers": (216, 12, 10), "convolutions": convolutions}),
        quantization=smoke.quantization.model_copy(update={"input_bits": 2}),
        training=smoke.training.model_copy(update={"images": 600}),
    )


def test_a_training_goes_on_and_its_model_comes_back(conv_design, dataset, tmp_path, monkeypatch):
    """Trained at once and in two parts the bits are the same; published and loaded they are too."""
    train.train(conv_design, tmp_path / "whole")
    step, done = train.Run.train_batch, []

    def interrupted(run, chosen):
        if len(done) == 6:
            raise KeyboardInterrupt
        done.append(1)
        step(run, chosen)

    with monkeypatch.context() as patch:
        patch.setattr(train, "SAVE_SECONDS", -1.0)
        patch.setattr(train.Run, "train_batch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train.train(conv_design, tmp_path / "parts")
    train.train(conv_design, tmp_path / "parts")
    nets = [train.load_checkpoint(conv_design, tmp_path / name / "checkpoint.pt")[0] for name in ("whole", "parts")]
    whole, parts = (absorb.absorb(net, 128, (1, 2)) for net in nets)
    assert whole.digest == parts.digest
    monkeypatch.setattr(publish.paths, "MODELS", tmp_path)
    path = publish.publish(conv_design, tmp_path / "whole")
    net, record = publish.load(path, conv_design)
    assert absorb.absorb(net, 128, (1, 2)).digest == whole.digest == record.published.digest
    right = golden.infer(whole, whole.encode(dataset.test.images)).classes == dataset.test.labels
    assert record.published.test_accuracy == right.mean()
    assert record.network["convolutions"][1]["pool"] == 2
