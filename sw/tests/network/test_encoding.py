# SPDX-License-Identifier: Apache-2.0
"""One test a line of docs/encoding.md; each test's docstring is the line."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorfpga.artefacts.hardware import Convolution
from xnorfpga.base.paths import ROOT
from xnorfpga.design import designs
from xnorfpga.learn import absorb
from xnorfpga.learn.models import QuantizedNet
from xnorfpga.learn.norms import FoldableBatchNorm
from xnorfpga.learn.quantizers import pixels, sign, signs
from xnorfpga.network import encoding, golden
from xnorfpga.network.golden import LayerWeights, Model

MAP = Convolution(height=3, width=4, channels=3, kernel=2)
PIXELS = Convolution(height=2, width=2, channels=3, kernel=1)
LINES = dict(re.findall(r"^- \*\*(E\d+)\*\* (.+)$", (ROOT / "docs/encoding.md").read_text(encoding="utf-8"), re.M))


def norm_of(gain=1.0, bias=0.0, mean=0.0, variance=1.0) -> FoldableBatchNorm:
    """A batch norm of one neuron; eps = 0 so that the gain is what is asked for."""
    norm = FoldableBatchNorm(1, eps=0.0)
    state = {"weight": gain, "bias": bias, "running_mean": mean, "running_var": variance}
    norm.load_state_dict({name: torch.tensor([float(value)]) for name, value in state.items()}, strict=False)
    return norm.eval()


def one_layer(weights, thresholds=None) -> Model:
    weights = np.asarray(weights, bool)
    last = LayerWeights(np.eye(weights.shape[0], dtype=bool), None)
    layer = LayerWeights(weights, None if thresholds is None else np.asarray(thresholds, np.int32))
    layers = (layer,) if thresholds is None else (layer, last)
    return Model(layers, 128, (weights.shape[1], weights.shape[0], *([weights.shape[0]] * (len(layers) - 1))))


def test_every_line_has_its_test():
    functions = {name: function for name, function in globals().items() if re.match(r"test_e\d+_", name)}
    quoted = {name.split("_")[1].upper(): " ".join(function.__doc__.split()) for name, function in functions.items()}
    assert quoted == LINES
    assert len(functions) == len(LINES)


def test_e1_bits_are_signs():
    """Bit 1 is +1 and bit 0 is −1, in images, activations and weights."""
    assert signs(np.array([True, False])).tolist() == [1.0, -1.0]
    net = QuantizedNet((2, 1))
    net.linears[0].weight.data = torch.tensor([[0.3, -0.3]])
    assert absorb.absorb(net, 128).layers[0].weights.tolist() == [[True, False]]


def test_e2_sign_of_zero():
    """sign(0) is +1."""
    assert sign(torch.tensor([0.0, -0.0, 1e-45, -1e-45])).tolist() == [1, 1, 1, -1]
    # A sum of exactly the mean: popcount 2 of 4 fires.
    assert absorb.thresholds(norm_of(), 4)[0].tolist() == [2]


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_e3_bit_order(bits):
    """Element i of a vector is bit i of its word; over several words of W bits it is bit i mod W of word i div W."""
    words = encoding.pack(np.array([bits]))[0].tolist()
    assert [bool(words[i // 64] >> (i % 64) & 1) for i in range(len(bits))] == bits


@given(st.integers(1, 130))
def test_e4_padding(mw):
    """Padding never counts, whatever the padded bits are."""
    # All ones against all ones: as packed, the padding is equal bits too, and XNOR would count them.
    model = one_layer(np.ones((1, mw), bool))
    for image, score in ((np.ones((1, mw), bool), mw), (np.zeros((1, mw), bool), 0)):
        assert golden.infer_packed(model, image).scores.tolist() == [[score]]


@given(st.integers(0, 27), st.integers(0, 27), st.integers(1, 255))
def test_e5_pixels(row, column, threshold):
    """A pixel is +1 where it is at least `input_threshold`; element i is the pixel in row i div 28, column i mod 28."""
    images = np.full((2, 28, 28), threshold - 1, np.uint8)
    images[1, row, column] = threshold
    bits = encoding.binarize(images, threshold)
    assert not bits[0].any()
    assert np.flatnonzero(bits[1]).tolist() == [28 * row + column]


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=100))
def test_e6_popcount(pairs):
    """The popcount of a neuron is how many of its MW inputs equal their weights; the sum of the products is 2·popcount
    − MW."""
    x, w = np.array(pairs).T
    model = one_layer(w[None])
    popcount = sum(a == b for a, b in pairs)
    assert golden.infer(model, x[None]).scores.tolist() == [[popcount]]
    assert golden.infer_packed(model, x[None]).scores.tolist() == [[popcount]]
    assert int(signs(x) @ signs(w)) == 2 * popcount - len(pairs)


@given(st.integers(1, 70), st.data())
def test_e7_threshold(mw, draw):
    """A hidden neuron is `popcount(xnor(x, w)) >= T` with an integer threshold T from 0 to MW + 1."""
    threshold = draw.draw(st.integers(0, mw + 1))
    model = one_layer(np.ones((1, mw), bool), [threshold])
    images = np.tri(mw + 1, mw, -1, dtype=bool)  # row p has p ones
    for infer in (golden.infer, golden.infer_packed):
        assert infer(model, images).hidden[0][:, 0].tolist() == [p >= threshold for p in range(mw + 1)]


NUMBERS = st.floats(-100, 100, width=32)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 40), NUMBERS, NUMBERS, NUMBERS, st.floats(0, 1000, width=32))
def test_e8_exact_fold(mw, gain, bias, mean, variance):
    """Batch norm and sign fold into T exactly: every popcount from 0 to MW gives what torch gives."""
    norm = norm_of(gain, bias, mean, variance)
    norm.eps = 1e-5
    (threshold,), (flipped,) = absorb.thresholds(norm, mw)
    for popcount in range(mw + 1):
        torch_answer = bool(norm(torch.tensor([[2.0 * popcount - mw]])) >= 0)
        assert ((mw - popcount if flipped else popcount) >= threshold) == torch_answer


@given(st.integers(1, 50), st.integers(0, 50))
def test_e9_negative_gain(mw, step):
    """A negative gain flips the neuron's weight row, so that the compare never changes direction."""
    mean = 2 * (step % (mw + 1)) - mw  # a tie at popcount `step`: both directions answer +1 there
    net = QuantizedNet((mw, 1, 1))
    net.norms[0] = norm_of(-1.0, 0.0, mean)
    unflipped = sign(net.linears[0].weight.detach()).numpy() > 0
    folded = absorb.absorb(net, 128).layers[0]
    threshold = mw - step % (mw + 1)  # popcounts up to `step` fire; of the flipped row, MW − step and more
    if threshold == 0:  # it fires always, and a constant needs no flip
        assert folded.thresholds.tolist() == [0]
    else:
        assert folded.thresholds.tolist() == [threshold]
        assert (folded.weights == ~unflipped).all()


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_e10_zero_gain(zero):
    """A gain of 0 gives a constant neuron: T = 0 is always +1, T = MW + 1 never."""
    for bias, threshold in ((1.0, 0), (0.0, 0), (-0.0, 0), (-1.0, 8)):
        thresholds, flipped = absorb.thresholds(norm_of(zero, bias, 3.0), 7)
        assert thresholds.tolist() == [threshold]
        assert not flipped.any()


def test_e11_scores():
    """The scores of the last layer are its popcounts, from 0 to MW."""
    model = one_layer([[True] * 5, [False] * 5, [True, True, False, False, False]])
    image = np.ones((1, 5), bool)
    assert golden.infer(model, image).scores.tolist() == [[5, 0, 2]]
    assert golden.infer_packed(model, image).scores.tolist() == [[5, 0, 2]]


def test_e12_argmax():
    """The class is the argmax of the scores, the lowest index at a tie."""
    assert golden.classify(np.array([[1, 3, 3], [2, 2, 2], [0, 1, 2]])).tolist() == [1, 0, 2]
    model = one_layer([[False, True], [True, True], [True, True]])
    assert golden.infer(model, np.ones((1, 2), bool)).classes.tolist() == [1]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 70), min_size=2, max_size=4), st.integers(0, 2**31))
def test_e13_models_agree(layers, seed):
    """Four models agree in every bit: torch, integer golden, packed-bit golden, RTL."""
    # Three of them here; the simulation and verif/ hold the RTL against the integer golden.
    torch.manual_seed(seed)
    net = QuantizedNet(tuple(layers))
    for norm in net.norms:  # gains of both signs and zero; means on possible sums, so that ties happen
        norm.weight.data = torch.randint(-1, 2, norm.weight.shape) * torch.rand(norm.weight.shape)
        norm.bias.data = torch.randint(-1, 2, norm.bias.shape).float() * torch.randint(0, 2, norm.bias.shape)
        norm.running_mean = torch.randint(-9, 10, norm.running_mean.shape).float()
        norm.running_var = torch.rand(norm.running_var.shape) * 50
    net.eval()
    images = np.random.default_rng(seed).random((20, layers[0])) < 0.5
    model = absorb.absorb(net, 128)
    integer, packed = golden.infer(model, images), golden.infer_packed(model, images)
    x = signs(images)
    with torch.no_grad():
        for k, norm in enumerate(net.norms):
            x = sign(norm(net.linears[k](x)))
            assert np.array_equal(x.numpy() > 0, integer.hidden[k])
            assert np.array_equal(integer.hidden[k], packed.hidden[k])
        logits = net(signs(images))
    assert np.array_equal(integer.scores, packed.scores)
    assert np.array_equal(integer.scores, ((net.linears[-1](x) + layers[-2]) / 2).detach().numpy())
    assert np.array_equal(integer.classes, logits.argmax(1).numpy())
    assert np.array_equal(integer.classes, packed.classes)


def test_e14_planes():
    """A value of K planes is the sum of c_k · (2·bit_k − 1); a vector of them is K·MW bits, plane by plane, the least
    first."""
    # Bits 10 in the plane of 1 and 01 in that of 4: values 1 - 4 and -1 + 4. Row 11: s = 1·1 + 4·1.
    layer = LayerWeights(np.array([[True, True], [False, True]]), None, None, (1, 4))
    model, image = Model((layer,), 128, (2, 2)), np.array([[True, False, False, True]])
    for infer in (golden.infer, golden.infer_packed):
        sums = infer(model, image).scores
        assert sums.tolist() == [[5, 4 * 2 + 1 * 0]]
        assert (2 * sums - 5 * 2).tolist() == [[-3 + 3, 3 + 3]]  # the products of the values and the weights


def test_e15_grey():
    """Of a grey pixel with K planes, plane k is bit k of the pixel shifted right by 8 − K, and c_k is 2^k."""
    grey = np.array([[[0b11001010, 0b00111111]]], np.uint8)
    assert encoding.bit_planes(grey, 3).tolist() == [[False, True, True, False, True, False]]  # 110 and 001
    assert encoding.bit_planes(grey, 8).reshape(8, 2)[:, 0].tolist() == [bool(0b11001010 >> k & 1) for k in range(8)]
    quantization = designs.load("smoke").quantization.model_copy(update={"input_bits": 3})
    assert quantization.input_coefficients == (1, 2, 4)
    assert pixels(grey, quantization).tolist() == [[2 * 0b110 - 7, 2 * 0b001 - 7]]


def test_e16_masks():
    """Where a weight's mask bit is 0 the weight is 0: the input counts in no plane, whatever the weight's bit is."""
    mask = np.array([[True, False, True]])
    image = np.array([[True, True, False, False, True, True]])
    for infer in (golden.infer, golden.infer_packed):
        for bit in (False, True):
            layer = LayerWeights(np.array([[True, bit, True]]), None, mask, (1, 2))
            assert infer(Model((layer,), 128, (3, 1)), image).scores.tolist() == [[1 * 1 + 2 * 1]]


@given(st.integers(0, 2**31), st.sampled_from([(1,), (1, 2), (1, 4), (1, 2, 4)]))
def test_e17_sums(seed, coefficients):
    """The sum s of a neuron is Σ c_k · popcount(mask & xnor(x_k, w)); the sum of the products is 2·s − Σ c_k ·
    ones(mask)."""
    random = np.random.default_rng(seed)
    weights, mask = random.random((2, 3, 9)) < 0.5
    x = random.random((len(coefficients), 9)) < 0.5
    s = sum(c * (mask & (plane == weights)).sum(1) for c, plane in zip(coefficients, x, strict=True))
    value = sum(c * (2 * plane - 1) for c, plane in zip(coefficients, x.astype(int), strict=True))
    assert ((2 * weights - 1) * mask @ value).tolist() == (2 * s - sum(coefficients) * mask.sum(1)).tolist()
    model = Model((LayerWeights(weights, None, mask, coefficients),), 128, (9, 3))
    assert golden.infer(model, x.reshape(1, -1)).scores.tolist() == [s.tolist()]


def test_e18_levels():
    """A hidden neuron of K planes has 2^K − 1 ascending thresholds; plane k is bit k of how many of them s reaches."""
    layer = LayerWeights(np.ones((1, 5), bool), np.array([[1, 3, 3]], np.int32))
    codes = [golden.fire(layer, np.array([[s]], np.int32)).tolist() for s in (0, 1, 2, 3)]
    assert codes == [[[False, False]], [[True, False]], [[True, False]], [[True, True]]]


def test_e19_pixels():
    """A pruned network takes the pixels that its model lists, in ascending order."""
    grey = np.array([[[0, 255, 255], [0, 0, 255]]], np.uint8)
    model = Model((LayerWeights(np.ones((1, 3), bool), None),), 128, (3, 1), np.array([0, 2, 5]))
    assert model.encode(grey).tolist() == [[False, True, True]]


def test_e20_maps():
    """Of a map of H rows, W columns and C channels, element (row·W + column)·C + channel is that channel of that
    pixel."""
    image = np.random.default_rng(1).integers(0, 256, (1, 4, 5, 3), np.uint8)
    bits = encoding.binarize(image, 128)[0]
    assert all(
        bits[(row * 5 + column) * 3 + c] == (image[0, row, column, c] >= 128) for row, column, c in np.ndindex(4, 5, 3)
    )


def test_e21_windows():
    """A window's elements, and the weights that meet them, lie row by row, pixel by pixel, channel by channel."""
    window = np.array([[[1, 0, 1], [0, 0, 1]], [[1, 1, 0], [0, 1, 0]]], bool)  # [row, column, channel]
    image = np.zeros((3, 4, 3), bool)
    image[1:, 2:] = window
    layer = LayerWeights(window.reshape(1, 12), np.array([12], np.int32), convolution=MAP)
    model = Model((layer, LayerWeights(np.ones((2, 6), bool), None)), 128, (6, 2))
    for infer in (golden.infer, golden.infer_packed):
        assert infer(model, image.reshape(1, -1)).hidden[0].tolist() == [[False, False, False, False, False, True]]


def test_e22_padding():
    """Around a map, padding is −1 in every plane; it cannot be 0, which is no value of a plane."""
    convolution = Convolution(height=1, width=1, channels=1, kernel=3, padding=1)
    for weight, expected in ((False, 8 * 3), (True, 0)):  # of eight weights that are this, and a pixel that is not
        weights = np.full((1, 9), weight)
        weights[0, 4] = False
        for reached in (expected, expected + 1):
            layer = LayerWeights(weights, np.array([reached], np.int32), None, (1, 2), convolution)
            model = Model((layer, LayerWeights(np.ones((2, 1), bool), None)), 128, (1, 2))
            for infer in (golden.infer, golden.infer_packed):
                assert infer(model, np.array([[True, True]])).hidden[0].tolist() == [[reached == expected]]
    net = QuantizedNet((1, 2), convolutions=[convolution], input_coefficients=(1, 2)).eval()
    net.linears[0].weight.data = torch.tensor([[1.0] * 9])
    net.norms[0].register_forward_pre_hook(lambda _, given: sums.append(given[0].item()))
    sums: list[float] = []
    with torch.no_grad():
        net(torch.tensor([[3.0]]))
    assert sums == [3 - 8 * 3]


def test_e23_pool():
    """The pool takes of each square and channel the greatest code; of one plane that is the OR of the bits."""
    pool = Convolution(height=2, width=2, channels=1, kernel=1, pool=2)
    one = LayerWeights(np.ones((2, 1), bool), np.array([1, 1], np.int32), convolution=pool)
    bits = np.random.default_rng(2).random((4 * 50, 2)) < 0.3
    assert (golden.goes_on(one, bits) == bits.reshape(50, 4, 2).any(1)).all()
    two = LayerWeights(np.ones((1, 1), bool), np.array([[1, 2, 3]], np.int32), convolution=pool)
    codes = np.array([[0, 1, 2, 0], [1, 1, 0, 1], [3, 0, 1, 2]])
    fired = np.stack([codes.reshape(-1) >> k & 1 for k in (0, 1)], 1).astype(bool)
    assert golden.goes_on(two, fired).tolist() == [[False, True], [True, False], [True, True]]


def test_e24_from_a_map_to_a_vector():
    """The vector that a fully connected layer takes from a map is the map's elements in their order."""
    identity = LayerWeights(np.eye(3, dtype=bool), np.array([3, 3, 3], np.int32), convolution=PIXELS)
    last = LayerWeights(np.eye(12, dtype=bool), None)
    model = Model((identity, last), 128, (12, 12))
    for pixel, c in np.ndindex(4, 3):  # the one pixel that is filter c's; every other pixel is all ones
        image = np.ones((4, 3), bool)
        image[pixel] = np.arange(3) == c
        scores = golden.infer(model, image.reshape(1, -1)).scores[0]
        assert scores.argmax() == 3 * pixel + c
    net = QuantizedNet((12, 12), convolutions=[PIXELS]).eval()
    assert absorb.absorb(net, 128).layers[0].convolution == PIXELS


def test_e25_levels():
    """Where a model has a table of levels, each pixel is looked up in it before its planes are taken."""
    levels = np.arange(256, dtype=np.uint8)[::-1].copy()
    layer = LayerWeights(np.ones((2, 2), bool), None, None, (1, 2))
    plain, inverted = (Model((layer,), 128, (2, 2), None, table) for table in (None, levels))
    grey = np.array([[[0, 70], [200, 255]]], np.uint8)[:, 0]
    assert plain.encode(grey).tolist() == [[False, True, False, False]]  # levels 0 and 1
    assert inverted.encode(grey).tolist() == [[True, False, True, True]]  # 3 and 2
    assert plain.digest != inverted.digest
