# SPDX-License-Identifier: Apache-2.0
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorfpga.network import golden
from xnorfpga.network.golden import LayerWeights, Model

BOTH = pytest.mark.parametrize("infer", [golden.infer, golden.infer_packed])


def random_model(network: list[int], seed: int) -> tuple[Model, np.ndarray]:
    """A model with thresholds over their whole range, and images of random density, all-zero and all-one."""
    random = np.random.default_rng(seed)
    layers = []
    for k, (mw, mh) in enumerate(pairwise(network)):
        thresholds = random.integers(0, mw + 2, mh, dtype=np.int32) if k < len(network) - 2 else None
        layers.append(LayerWeights(random.random((mh, mw)) < 0.5, thresholds))
    images = random.random((9, network[0])) < random.random((9, 1))
    images[0], images[1] = False, True
    return Model(tuple(layers), 128, tuple(network)), images


def by_hand(model: Model, image: np.ndarray) -> tuple[list[list[bool]], list[int]]:
    """The same network in plain Python, a bit at a time."""
    x, hidden = image.tolist(), []
    for layer in model.layers:
        popcounts = [sum(a == b for a, b in zip(x, row, strict=True)) for row in layer.weights.tolist()]
        if layer.thresholds is not None:
            x = [p >= t for p, t in zip(popcounts, layer.thresholds.tolist(), strict=True)]
            hidden.append(x)
    return hidden, popcounts


def test_worked_example():
    # popcounts of the image 101: rows 111 -> 2, 101 -> 3, 010 -> 0; at thresholds 2, 4, 0 the bits are 1, 0, 1.
    # Of 101 again: rows 100 -> 2, 011 -> 1: scores 2 and 1, class 0.
    first = LayerWeights(np.array([[1, 1, 1], [1, 0, 1], [0, 1, 0]], bool), np.array([2, 4, 0], np.int32))
    last = LayerWeights(np.array([[1, 0, 0], [0, 1, 1]], bool), None)
    model = Model((first, last), 128, (3, 3, 2))
    for infer in (golden.infer, golden.infer_packed):
        answer = infer(model, np.array([[True, False, True]]))
        assert answer.hidden[0].tolist() == [[True, False, True]]
        assert answer.scores.tolist() == [[2, 1]]
        assert answer.classes.tolist() == [0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 140), min_size=2, max_size=4), st.integers(0, 2**32))
def test_integer_packed_and_by_hand_agree(network, seed):
    model, images = random_model(network, seed)
    integer, packed = golden.infer(model, images), golden.infer_packed(model, images)
    for n, image in enumerate(images):
        hidden, scores = by_hand(model, image)
        for answer in (integer, packed):
            assert [bits[n].tolist() for bits in answer.hidden] == hidden
            assert answer.scores[n].tolist() == scores
            assert answer.classes[n] == scores.index(max(scores))


@BOTH
def test_chunks_change_nothing(infer, monkeypatch):
    model, images = random_model([65, 33, 10], 7)
    whole = infer(model, images)
    monkeypatch.setattr(golden, "CHUNK", 4)
    parts = infer(model, images)
    assert np.array_equal(whole.scores, parts.scores)
    assert np.array_equal(whole.hidden[0], parts.hidden[0])


@BOTH
def test_one_wrong_weight_is_seen(infer):
    model, images = random_model([65, 10], 7)
    weights = model.layers[0].weights.copy()
    weights[3, 64] ^= True
    wrong = Model((LayerWeights(weights, None),), 128, model.network)
    assert (infer(model, images).scores != infer(wrong, images).scores).any()


@BOTH
@pytest.mark.parametrize("images", [np.zeros((2, 64), bool), np.zeros((2, 65), np.uint8), np.zeros(65, bool)])
def test_images_of_another_shape_are_refused(infer, images):
    model, _ = random_model([65, 10], 7)
    with pytest.raises(ValueError, match=r"the model takes bool\[N, 65\]"):
        infer(model, images)
