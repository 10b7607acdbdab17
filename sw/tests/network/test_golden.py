# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorfpga.network import golden
from xnorfpga.network.golden import LayerWeights, Model

BOTH = pytest.mark.parametrize("infer", [golden.infer, golden.infer_packed])


COEFFICIENTS = ((1,), (1, 2), (1, 4), (1, 2, 4))


def random_model(network: list[int], seed: int, planes=(), masks=False) -> tuple[Model, np.ndarray]:
    """A model with thresholds over their whole range, and images of random density, all-zero and all-one.

    planes: coefficients of each layer's inputs (without them: one plane). masks: hidden layers have weights of 0.
    """
    random = np.random.default_rng(seed)
    planes = [*planes, *[(1,)] * (len(network) - 1 - len(planes))]
    layers = []
    for k, (mw, mh) in enumerate(pairwise(network)):
        thresholds = mask = None
        if k < len(network) - 2:
            shape = (mh, 2 ** len(planes[k + 1]) - 1)
            thresholds = np.sort(random.integers(0, sum(planes[k]) * mw + 2, shape, dtype=np.int32))
            thresholds = thresholds[:, 0] if shape[1] == 1 else thresholds
            mask = random.random((mh, mw)) < random.random((mh, 1)) if masks else None
        layers.append(LayerWeights(random.random((mh, mw)) < 0.5, thresholds, mask, planes[k]))
    images = random.random((9, len(planes[0]) * network[0])) < random.random((9, 1))
    images[0], images[1] = False, True
    return Model(tuple(layers), 128, tuple(network)), images


def by_hand(model: Model, image: np.ndarray) -> tuple[list[list[bool]], list[int]]:
    """The same network in plain Python, a bit at a time."""
    x, hidden = image.tolist(), []
    for layer in model.layers:
        mw, sums = layer.weights.shape[1], []
        for n, row in enumerate(layer.weights.tolist()):
            used = [True] * mw if layer.mask is None else layer.mask[n].tolist()
            total = 0
            for k, c in enumerate(layer.coefficients):
                plane = x[k * mw : (k + 1) * mw]
                total += c * sum(a == b for a, b, counts in zip(plane, row, used, strict=True) if counts)
            sums.append(total)
        if layer.thresholds is not None:
            codes = [sum(s >= t for t in levels) for s, levels in zip(sums, layer.levels.tolist(), strict=True)]
            x = [bool(code >> k & 1) for k in range(layer.levels.shape[1].bit_length()) for code in codes]
            hidden.append(x)
    return hidden, sums


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


def test_worked_example_with_planes_and_a_mask():
    # Two planes with coefficients 1 and 2, the low one 101, the high one 110: values 1·(+1) + 2·(+1) = 3, 1, -1.
    # Row 110 counts 1 + 2·3 = 7; row 001 without its middle weight counts 1 + 2·0 = 1.
    # 7 reaches all three thresholds 0, 5, 7: code 3; 1 reaches one of 1, 2, 4: code 1. Planes: low 11, high 10.
    first = LayerWeights(
        np.array([[1, 1, 0], [0, 0, 1]], bool),
        np.array([[0, 5, 7], [1, 2, 4]], np.int32),
        np.array([[1, 1, 1], [1, 0, 1]], bool),
        (1, 2),
    )
    # Values 3 and -1: row 11 counts 2 + 2·1 = 4, row 10 counts 1 + 2·2 = 5.
    last = LayerWeights(np.array([[1, 1], [1, 0]], bool), None, None, (1, 2))
    model = Model((first, last), 128, (3, 2, 2))
    for infer in (golden.infer, golden.infer_packed):
        answer = infer(model, np.array([[True, False, True, True, True, False]]))
        assert answer.hidden[0].tolist() == [[True, True, True, False]]
        assert answer.scores.tolist() == [[4, 5]]
        assert answer.classes.tolist() == [1]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1, 140), min_size=2, max_size=4),
    st.lists(st.sampled_from(COEFFICIENTS), max_size=1),
    st.sampled_from(COEFFICIENTS),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_integer_packed_and_by_hand_agree(network, inputs, activations, masks, seed):
    planes = (inputs + [activations] * 3)[: len(network) - 1]
    model, images = random_model(network, seed, planes, masks)
    integer, packed = golden.infer(model, images), golden.infer_packed(model, images)
    for n, image in enumerate(images):
        hidden, scores = by_hand(model, image)
        for answer in (integer, packed):
            assert [bits[n].tolist() for bits in answer.hidden] == hidden
            assert answer.scores[n].tolist() == scores
            assert answer.classes[n] == scores.index(max(scores))


def test_images_become_planes_of_the_pixels_that_are_taken():
    grey = np.array([[[0, 63, 64], [128, 200, 255]]], np.uint8)
    layer = LayerWeights(np.ones((2, 6), bool), None)
    assert Model((layer,), 128, (6, 2)).encode(grey).tolist() == [[False, False, False, True, True, True]]
    two = LayerWeights(np.ones((2, 3), bool), None, None, (1, 2))
    pixels = np.array([1, 2, 4])  # 63 is 0, 64 is 1 and 200 is 3 of 4 levels
    assert Model((two,), 128, (3, 2), pixels).encode(grey).tolist() == [[False, True, True, False, False, True]]


def test_the_digest_is_over_planes_masks_and_pixels():
    """And that of a binary model is what it always was."""
    plain, _ = random_model([9, 5, 3], 1)
    assert plain.digest == "8e3ae7521897652e4c637e3e539574632d3f4b9b9b411a55470a96444a09e92f"
    hidden, last = plain.layers
    changed = [
        replace(plain, layers=(replace(hidden, coefficients=(1, 2)), last)),
        replace(plain, layers=(replace(hidden, coefficients=(1, 4)), last)),
        replace(plain, layers=(hidden, replace(last, coefficients=(1, 2)))),
        replace(plain, layers=(replace(hidden, mask=np.ones((5, 9), bool)), last)),
        replace(plain, layers=(replace(hidden, mask=np.eye(5, 9, dtype=bool)), last)),
        replace(plain, layers=(hidden, replace(last, mask=np.ones((3, 5), bool)))),
        replace(plain, pixels=np.arange(9)),
        replace(plain, pixels=np.arange(1, 10)),
    ]
    assert len({plain.digest, *(model.digest for model in changed)}) == 1 + len(changed)


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
