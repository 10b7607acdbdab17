# SPDX-License-Identifier: Apache-2.0
"""Batch norms become integer thresholds where the real threshold is."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorfpga.base.errors import UserError
from xnorfpga.design import designs
from xnorfpga.learn import absorb
from xnorfpga.learn.layers import SIGN, BinaryLinear, TernaryLinear, residual
from xnorfpga.learn.models import QuantizedNet
from xnorfpga.learn.norms import FoldableBatchNorm
from xnorfpga.learn.publish import NORM_ROWS
from xnorfpga.learn.quantizers import pixels, signs
from xnorfpga.network import golden
from xnorfpga.network.golden import LayerWeights

FINITE = st.floats(-1e4, 1e4, width=32)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 200),
    st.lists(
        st.tuples(FINITE, FINITE, FINITE, st.floats(0, 1e6, width=32))
        | st.tuples(*[st.sampled_from([-1.0, 0.0, 1.0])] * 3, st.just(1.0)),
        min_size=1,
        max_size=8,
    ),
)
def test_the_fold_is_where_the_real_threshold_is(mw, parameters):
    """Against the algebra of exact fractions, wherever float rounding cannot turn the sign."""
    norm = FoldableBatchNorm(len(parameters)).eval()
    table = torch.tensor(parameters, dtype=torch.float32)
    for row, values in zip(NORM_ROWS, table.T, strict=True):
        getattr(norm, row).data.copy_(values)
    thresholds, flipped = absorb.thresholds(norm, mw)
    popcount = np.arange(mw + 1)[:, None]
    answers = np.where(flipped, mw - popcount, popcount) >= thresholds
    weight, bias, mean, variance = table.double().T.numpy()
    exact = (2 * popcount - mw - mean) / np.sqrt(variance + norm.eps) * weight + bias
    clear = np.abs(exact) > 1e-5 * (
        1 + np.abs(bias) + np.abs(exact - bias) + np.abs(mean * weight / np.sqrt(variance + norm.eps))
    )
    assert (answers == (exact >= 0))[clear].all()
    assert ((thresholds >= 0) & (thresholds <= mw + 1)).all()
    assert not flipped[weight >= 0].any()


@pytest.mark.parametrize("row", NORM_ROWS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_norm_that_is_not_finite_is_refused(row, value):
    norm = FoldableBatchNorm(3).eval()
    getattr(norm, row).data[1] = value
    if row == "running_var" and value > 0:
        thresholds, _ = absorb.thresholds(norm, 5)  # gain 0: a constant neuron
        assert thresholds[1] == 0
        return
    with pytest.raises(UserError, match="not finite"):
        absorb.thresholds(norm, 5)


def test_the_digest_is_over_content():
    net = QuantizedNet((9, 5, 4)).eval()
    model = absorb.absorb(net, 128)
    assert model.digest == absorb.absorb(net, 128).digest
    assert absorb.absorb(net, 127).digest != model.digest
    for k, change in ((0, "weights"), (0, "thresholds"), (1, "weights")):
        arrays = {"weights": model.layers[k].weights.copy(), "thresholds": model.layers[k].thresholds}
        if change == "weights":
            arrays["weights"][-1, -1] ^= True
        else:
            arrays["thresholds"] = arrays["thresholds"] + 1
        layers = list(model.layers)
        layers[k] = LayerWeights(**arrays)
        assert replace(model, layers=tuple(layers)).digest != model.digest


def drawn_norm(norm) -> None:
    """Give a batch norm gains of both signs and zero, and means on possible sums, so that ties happen."""
    norm.weight.data = torch.randint(-1, 2, norm.weight.shape) * torch.rand(norm.weight.shape) * 3
    norm.bias.data = torch.randint(-1, 2, norm.bias.shape).float() * torch.randint(0, 2, norm.bias.shape)
    norm.running_mean = torch.randint(-9, 10, norm.running_mean.shape).float()
    norm.running_var = torch.rand(norm.running_var.shape) * 50


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=3),
    st.sampled_from([1, 2, 3, 8]),
    st.sampled_from([(1, 2), (2, 2), (2, 4)]),
    st.sampled_from([None, 0.0, 0.3, 0.9]),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_torch_and_the_integer_model_agree_beyond_one_bit(hidden, planes, activation, t, pruned, seed):
    """Every plane of every hidden layer, and every score, of grey images."""
    torch.manual_seed(seed)
    bits, ratio = activation
    quantization = designs.load("smoke").quantization.model_copy(update={"input_bits": planes})
    net = QuantizedNet(
        (9 if pruned else 16, *hidden, 5),
        hidden=BinaryLinear if t is None else partial(TernaryLinear, t=t),
        activation=SIGN if bits == 1 else residual(ratio),
        inputs=16,
    )
    if pruned:
        net.pixels = torch.randperm(16)[:9].sort().values
    for norm in net.norms:
        drawn_norm(norm)
    net.eval()
    images = torch.randint(0, 256, (30, 4, 4), dtype=torch.uint8)
    model = absorb.absorb(net, 128, quantization.input_coefficients)
    inputs = model.encode(images.numpy())
    integer, packed = golden.infer(model, inputs), golden.infer_packed(model, inputs)
    x = seen = pixels(images, quantization)
    with torch.no_grad():
        x = x if net.pixels is None else x[:, net.pixels]
        for k, norm in enumerate(net.norms):
            x = net.activation.quantize(norm(net.linears[k](x)))
            value = torch.zeros_like(x)
            for c, plane in zip(net.activation.coefficients, np.split(integer.hidden[k], bits, axis=1), strict=True):
                value += c * signs(plane)
            assert torch.equal(x, value)
            assert np.array_equal(integer.hidden[k], packed.hidden[k])
        logits = net(seen)
        sums = net.linears[-1](x).numpy()
    greatest = sum(model.layers[-1].coefficients) * hidden[-1]
    assert np.array_equal(integer.scores, (sums + greatest) / 2)
    assert np.array_equal(integer.scores, packed.scores)
    assert np.array_equal(integer.classes, logits.argmax(1).numpy())
    for layer, linear in zip(model.layers, net.linears, strict=True):
        assert (layer.mask is None) == (t is None or linear is net.linears[-1])
        assert layer.mask is None or np.array_equal(layer.mask, linear.quantized().detach().numpy() != 0)


def test_the_thresholds_of_two_planes_by_hand():
    """Batch norm is the sum of the products / 2. Of five inputs with a weight of 0, 2·s - 4 is -4, -2, 0, 2 or 4."""
    norm = FoldableBatchNorm(3, eps=0.0).eval()
    norm.weight.data = torch.tensor([0.5, -0.5, 0.0])
    norm.bias.data = torch.tensor([0.0, 0.0, -0.25])
    norm.running_var.fill_(1.0)
    # -2, -1, 0, 1, 2: the levels -1, 0 and 1 are reached at s = 1, 2, 3; falling, 2 1 0 -1 -2 reaches them for s up to
    # 3, 2, 1, so for s of the flipped row from 1, 2, 3; the last neuron is between -1 and 0 whatever comes
    found, falling = absorb.thresholds(norm, 4, residual(2))
    assert found.tolist() == [[1, 2, 3], [1, 2, 3], [0, 5, 5]]
    assert falling.tolist() == [False, True, False]
    found, _ = absorb.thresholds(norm, np.array([4, 2, 0]), residual(4))
    assert found.tolist() == [[1, 2, 3], [0, 1, 2], [0, 1, 1]]


def test_a_large_layer_is_asked_in_parts(monkeypatch):
    torch.manual_seed(0)
    norm = FoldableBatchNorm(20).eval()
    drawn_norm(norm)
    whole = absorb.thresholds(norm, 97, residual(2))
    monkeypatch.setattr(absorb, "CHUNK", 7)
    parts = absorb.thresholds(norm, 97, residual(2))
    assert all(np.array_equal(one, other) for one, other in zip(whole, parts, strict=True))
