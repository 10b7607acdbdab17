# SPDX-License-Identifier: Apache-2.0
"""Convolutional layers of the golden models: by hand, against each other, and against plain Python."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorfpga.artefacts.hardware import Convolution
from xnorfpga.network import golden
from xnorfpga.network.golden import LayerWeights, Model


def test_the_order_of_a_window_by_hand():
    """A map of 2 × 3 pixels of two channels, named by what they are: row, column, channel."""
    maps = np.array([[100 * row + 10 * column + c for row in (0, 1) for column in (0, 1, 2) for c in (0, 1)]])
    convolution = Convolution(height=2, width=3, channels=2, kernel=2)
    assert golden.windows(maps, convolution, -1).tolist() == [
        [0, 1, 10, 11, 100, 101, 110, 111],
        [10, 11, 20, 21, 110, 111, 120, 121],
    ]
    framed = golden.windows(maps, convolution.model_copy(update={"padding": 1, "stride": 2}), -1)
    assert framed.tolist() == [
        [-1, -1, -1, -1, -1, -1, 0, 1],
        [-1, -1, -1, -1, 10, 11, 20, 21],
        [-1, -1, 100, 101, -1, -1, -1, -1],
        [110, 111, 120, 121, -1, -1, -1, -1],
    ]


def test_worked_example():
    """An image of 3 × 3 bits, windows of 2 × 2, two filters, a pool of 2 × 2, two classes."""
    image = np.array([[1, 1, 0, 0, 1, 1, 1, 0, 0]], bool)
    # Windows 1101, 1011, 0110, 1100. Filter 1111 counts 3, 3, 2, 2; filter 1010 of the same counts 1, 3, 2, 2.
    weights = np.array([[1, 1, 1, 1], [1, 0, 1, 0]], bool)
    convolution = Convolution(height=3, width=3, channels=1, kernel=2, pool=2)
    first = LayerWeights(weights, np.array([3, 4], np.int32), convolution=convolution)
    last = LayerWeights(np.array([[1, 0], [0, 1]], bool), None)
    model = Model((first, last), 128, (2, 2))
    for infer in (golden.infer, golden.infer_packed):
        answer = infer(model, image)
        assert answer.hidden[0].tolist() == [[True, False, True, False, False, False, False, False]]
        assert answer.scores.tolist() == [[2, 0]]  # of the pooled map, one pixel of the channels 1 and 0


def test_the_pool_takes_the_greatest_code():
    """Two planes: of the codes 1 and 2 in a square the greatest is 2, no OR of bits; a column fills no square."""
    convolution = Convolution(height=2, width=3, channels=1, kernel=1, pool=2)
    layer = LayerWeights(np.ones((1, 1), bool), np.array([[0, 1, 2]], np.int32), convolution=convolution)
    low, high = [1, 0, 0, 1], [0, 1, 0, 0]
    fired = np.array([low, high], bool).T
    assert golden.goes_on(layer, fired).tolist() == [[False, True]]
    assert golden.goes_on(replace(layer, thresholds=np.array([1], np.int32)), fired[:, :1]).tolist() == [[True]]


@st.composite
def networks(draw) -> tuple[Model, np.ndarray]:
    """A model of one to three convolutional layers and one or two others on a small map, and images."""
    height, width, channels = (draw(st.integers(1, top)) for top in (9, 9, 3))
    inputs, activations = (draw(st.sampled_from(((1,), (1, 2), (1, 4), (1, 2, 4)))) for _ in range(2))
    masks, random = draw(st.booleans()), np.random.default_rng(draw(st.integers(0, 2**32)))
    layers, coefficients, pixels = [], inputs, (height, width, channels)

    def layer(mw: int, mh: int, convolution: Convolution | None = None) -> LayerWeights:
        shape = (mh, 2 ** len(activations) - 1)
        thresholds = np.sort(random.integers(0, sum(coefficients) * mw + 2, shape, dtype=np.int32))
        mask = random.random((mh, mw)) < 0.7 if masks else None
        thresholds = thresholds[:, 0] if shape[1] == 1 else thresholds
        return LayerWeights(random.random((mh, mw)) < 0.5, thresholds, mask, coefficients, convolution)

    for _ in range(draw(st.integers(1, 3))):
        padding = draw(st.integers(0, 2))
        kernel = draw(st.integers(1, min(height, width, 3) + 2 * padding))
        sizes = {"kernel": kernel, "stride": draw(st.integers(1, 3)), "padding": padding}
        convolution = Convolution(height=height, width=width, channels=channels, **sizes)
        pool = draw(st.integers(1, min(convolution.out_height, convolution.out_width, 3)))
        convolution = convolution.model_copy(update={"pool": pool})
        layers.append(layer(convolution.mw, draw(st.integers(1, 6)), convolution))
        height, width, channels = convolution.pooled_height, convolution.pooled_width, len(layers[-1].weights)
        coefficients = activations
    sizes = [height * width * channels, *draw(st.lists(st.integers(1, 9), max_size=1)), 4]
    for mw, mh in pairwise(sizes[:-1]):
        layers.append(layer(mw, mh))
    layers.append(LayerWeights(random.random((4, sizes[-2])) < 0.5, None, None, coefficients))
    images = random.random((3, len(inputs) * int(np.prod(pixels)))) < random.random((3, 1))
    return Model(tuple(layers), 128, tuple(sizes)), images


def by_hand(model: Model, image: list[bool]) -> tuple[list[list[bool]], list[int]]:
    """The hidden answers and the scores of an image in plain Python, a bit at a time, with maps as dictionaries."""
    hidden: list[list[bool]] = []
    x = image
    for layer in model.layers:
        count, geometry = len(layer.coefficients), layer.convolution
        planes = [x[len(x) // count * k : len(x) // count * (k + 1)] for k in range(count)]
        if geometry is None:
            windows = {(0, 0): planes}
        else:
            stride, pool, frame = geometry.stride, geometry.pool, 2 * geometry.padding
            rows = ((geometry.height + frame - geometry.kernel) // stride + 1) // pool * pool
            columns = ((geometry.width + frame - geometry.kernel) // stride + 1) // pool * pool
            windows = {
                (row, column): [cut(plane, geometry, row * stride, column * stride) for plane in planes]
                for row in range(rows)
                for column in range(columns)
            }
        mask = np.ones_like(layer.weights) if layer.mask is None else layer.mask
        sums = {
            place: [
                sum(
                    c * sum(bool(a == b) for a, b, used in zip(plane, row, counts, strict=True) if used)
                    for c, plane in zip(layer.coefficients, window, strict=True)
                )
                for row, counts in zip(layer.weights.tolist(), mask.tolist(), strict=True)
            ]
            for place, window in windows.items()
        }
        if layer.thresholds is None:
            return hidden, sums[0, 0]
        bits = layer.levels.shape[1].bit_length()
        codes = {
            place: [sum(s >= t for t in levels) for s, levels in zip(found, layer.levels.tolist(), strict=True)]
            for place, found in sums.items()
        }
        hidden.append([bool(c >> k & 1) for found in codes.values() for k in range(bits) for c in found])
        if geometry:
            side, pooled = geometry.pool, []
            for row in range(geometry.pooled_height):
                for column in range(geometry.pooled_width):
                    square = [codes[row * side + i, column * side + j] for i in range(side) for j in range(side)]
                    pooled += [max(each) for each in zip(*square, strict=True)]
        else:
            pooled = codes[0, 0]
        x = [bool(c >> k & 1) for k in range(bits) for c in pooled]
    raise AssertionError("the last layer has no thresholds")


def cut(plane: list[bool], geometry: Convolution, top: int, left: int) -> list[bool]:
    """Return a window of a plane of bits; outside the map they are 0."""
    found = []
    for row in range(top - geometry.padding, top - geometry.padding + geometry.kernel):
        for column in range(left - geometry.padding, left - geometry.padding + geometry.kernel):
            inside = 0 <= row < geometry.height and 0 <= column < geometry.width
            start = (row * geometry.width + column) * geometry.channels
            found += plane[start : start + geometry.channels] if inside else [False] * geometry.channels
    return found


@settings(max_examples=60, deadline=None)
@given(networks())
def test_integer_packed_and_by_hand_agree(drawn):
    model, images = drawn
    integer, packed = golden.infer(model, images), golden.infer_packed(model, images)
    for n, image in enumerate(images.tolist()):
        hidden, scores = by_hand(model, image)
        for answer in (integer, packed):
            assert [bits[n].tolist() for bits in answer.hidden] == hidden
            assert answer.scores[n].tolist() == scores


def small() -> tuple[Model, np.ndarray]:
    """A model of a convolutional layer with a pool, and ten images of 5 × 5 bits."""
    random = np.random.default_rng(1)
    convolution = Convolution(height=5, width=5, channels=1, kernel=2, pool=2)
    first = LayerWeights(random.random((3, 4)) < 0.5, np.array([1, 2, 3], np.int32), convolution=convolution)
    last = LayerWeights(random.random((4, 12)) < 0.5, None)
    return Model((first, last), 128, (12, 4)), random.random((10, 25)) < 0.5


@pytest.mark.parametrize("infer", [golden.infer, golden.infer_packed])
@pytest.mark.parametrize("kept", [0, 1, 3, 4, 6, 10, 99])
def test_hidden_answers_of_the_first_images_alone(infer, kept, monkeypatch):
    model, images = small()
    whole = infer(model, images)
    monkeypatch.setattr(golden, "CHUNK_ELEMENTS", 3 * golden.window_elements(model.layers[0]) + 1)  # three images
    part = infer(model, images, kept)
    assert np.array_equal(part.scores, whole.scores)
    assert np.array_equal(part.hidden[0], whole.hidden[0][:kept])
    assert len(part.hidden[0]) == min(kept, 10)


def test_the_digest_is_over_the_geometry_too():
    model, _ = small()
    first, last = model.layers
    changed = [{"stride": 2}, {"pool": 1}, {"padding": 1}, {"width": 6}]
    digests = {model.digest}
    for change in changed:
        other = replace(first, convolution=first.convolution.model_copy(update=change))
        digests.add(replace(model, layers=(other, last)).digest)
    digests.add(replace(model, layers=(replace(first, convolution=None), last)).digest)
    assert len(digests) == 2 + len(changed)


def test_images_of_colors_become_planes():
    """Plane by plane, of each plane the pixels, of each pixel the channels."""
    convolution = Convolution(height=1, width=2, channels=3, kernel=1)
    layer = LayerWeights(np.ones((1, 3), bool), np.array([1], np.int32), None, (1, 2), convolution)
    model = Model((layer, LayerWeights(np.ones((2, 2), bool), None)), 128, (2, 2))
    image = np.array([[[[0, 64, 128], [192, 0, 255]]]], np.uint8)  # levels 0 1 2, 3 0 3
    low, high = [False, True, False, True, False, True], [False, False, True, True, False, True]
    assert model.encode(image).tolist() == [low + high]
