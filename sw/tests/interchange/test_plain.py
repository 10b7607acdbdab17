# SPDX-License-Identifier: Apache-2.0
"""Plain .npz files: the layout's every form means the network that was meant, and all else is one line."""

import numpy as np
import pytest

from xnorfpga.base.errors import UserError
from xnorfpga.base.paths import MODELS
from xnorfpga.interchange import plain
from xnorfpga.network.golden import infer

SHAPES = ((784, 20), (20, 15), (15, 10))


def drawn(seed=0, shapes=SHAPES):
    """Return the arrays of a random network as the layout has them, weights bool."""
    random = np.random.default_rng(seed)
    arrays = {}
    for k, (mw, mh) in enumerate(shapes):
        arrays[f"weights{k}"] = random.random((mh, mw)) < 0.5
        arrays[f"thresholds{k}"] = np.round(mw / 2 + random.normal(0, mw**0.5 / 2, mh)).astype(int)
    del arrays[f"thresholds{len(shapes) - 1}"]
    return arrays


def classes(arrays, bits):
    """The network by its definition: a neuron is 1 where at least T of its inputs equal their weights."""
    depth = sum(name.startswith("weights") for name in arrays)
    for k in range(depth):
        equal = (bits[:, None, :] == (arrays[f"weights{k}"] > 0)[None]).sum(axis=2)
        bits = equal >= arrays[f"thresholds{k}"] if k < depth - 1 else equal
    return bits.argmax(axis=1)


def write(tmp_path, **arrays):
    np.savez(tmp_path / "net.npz", **arrays)
    return tmp_path / "net.npz"


@pytest.fixture
def bits():
    return np.random.default_rng(9).random((200, 784)) < 0.5


@pytest.mark.parametrize("form", [bool, np.int8, np.float32, "±1", "int ±1"])
def test_each_form_of_weights_is_the_same_network(tmp_path, bits, form):
    arrays = drawn()
    signs = {"±1": lambda w: 2.0 * w - 1, "int ±1": lambda w: 2 * w.astype(int) - 1}
    change = signs.get(form, lambda w: w.astype(form))
    written = {name: change(values) if "weights" in name else values for name, values in arrays.items()}
    model, notes = plain.read(write(tmp_path, **written))
    assert (model.network, model.input_threshold, notes) == ((784, 20, 15, 10), 128, [])
    expected = classes(arrays, bits)
    assert len(set(expected)) > 3
    np.testing.assert_array_equal(infer(model, bits).classes, expected)


def test_the_input_threshold_is_taken(tmp_path):
    assert plain.read(write(tmp_path, **drawn(), input_threshold=7))[0].input_threshold == 7


def test_thresholds_beyond_what_a_popcount_reaches_always_or_never_fire(tmp_path, bits):
    arrays = drawn()
    arrays["thresholds0"][:3] = (-9, 10**9, 786)
    model, _ = plain.read(write(tmp_path, **arrays))
    assert model.layers[0].thresholds[:3].tolist() == [0, 785, 785]
    np.testing.assert_array_equal(infer(model, bits).classes, classes(arrays, bits))


@pytest.mark.parametrize("padding", [0, -1, 1])
def test_inputs_that_are_padding_go_into_the_thresholds(tmp_path, bits, padding):
    arrays = drawn(1, ((832, 20), (20, 16)))
    model, notes = plain.read(write(tmp_path, **arrays, padding=padding))
    assert (model.network, notes) == ((784, 20, 10), ["48 inputs are padding", "outputs 10 to 15 are not used"])
    padded = np.pad(bits, ((0, 0), (0, 48)), constant_values=padding == 1)
    used = {**arrays, "weights1": arrays["weights1"][:10]}
    np.testing.assert_array_equal(infer(model, bits).classes, classes(used, padded))
    other = np.pad(bits, ((0, 0), (0, 48)), constant_values=padding != 1)
    assert (infer(model, bits).classes != classes(used, other)).any()


def test_pixels_in_any_order_and_a_frame(tmp_path, bits):
    """Images of 28 × 28 in the middle of 32 × 32, column by column."""
    arrays = drawn(2, ((1024, 20), (20, 10)))
    place = np.full((32, 32), -1)
    place[2:30, 2:30] = np.arange(784).reshape(28, 28)
    model, _ = plain.read(write(tmp_path, **arrays, pixels=place.T.ravel(), padding=0))
    framed = np.zeros((200, 32, 32), bool)
    framed[:, 2:30, 2:30] = bits.reshape(200, 28, 28)
    expected = classes(arrays, framed.transpose(0, 2, 1).reshape(200, -1))
    np.testing.assert_array_equal(infer(model, bits).classes, expected)


def without(name):
    return lambda arrays: arrays.pop(name)


def with_(**values):
    return lambda arrays: arrays.update(values)


WEIGHTS = np.ones((20, 784))
MISTAKES = {
    "has no weights0": without("weights0"),
    "has no thresholds0": without("thresholds0"),
    "has an unknown array threshold0": with_(threshold0=1),
    "has an unknown array thresholds2 (the last layer has none": with_(thresholds2=np.ones(10, int)),
    "weights0 has other values than signs; accepted: bool, 0 and 1, or -1 and 1": with_(weights0=WEIGHTS / 2),
    "weights0 has the shape [784]": with_(weights0=WEIGHTS[0]),
    "weights1 is [20, 15] behind 20 neurons": lambda arrays: arrays.update(weights1=arrays["weights1"].T),
    "thresholds0 is float64[20]; accepted: integers [20]": with_(thresholds0=np.ones(20)),
    "thresholds1 is int64[20]": with_(thresholds1=np.ones(20, int)),
    "input_threshold = 0; accepted: an integer of 1 to 255": with_(input_threshold=0),
    "input_threshold = 0.5": with_(input_threshold=0.5),
    "takes 783 inputs; needed: each of the 784 pixels": with_(weights0=WEIGHTS[:, 1:]),
    "takes 785 inputs for 784 pixels; needed: `padding`": with_(weights0=np.ones((20, 785))),
    "takes 784 inputs; needed: each": with_(pixels=np.zeros(784, int)),
    "pixels is int64[3]": with_(pixels=np.arange(3)),
    "has 9 outputs; needed: 10": with_(weights2=np.ones((9, 15))),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_each_mistake_is_one_line(tmp_path, message):
    arrays = drawn()
    MISTAKES[message](arrays)
    with pytest.raises(UserError) as told:
        plain.read(write(tmp_path, **arrays))
    assert str(told.value).startswith(f"{tmp_path / 'net.npz'}: {message}")
    assert "\n" not in str(told.value)


def test_padding_of_a_lone_layer_must_not_move_the_scores_apart(tmp_path):
    arrays = drawn(3, ((785, 10),))
    with pytest.raises(UserError, match="an offset of its own"):
        plain.read(write(tmp_path, **arrays, padding=0))
    arrays["weights0"][:, 784] = True
    assert plain.read(write(tmp_path, **arrays, padding=0))[0].network == (784, 10)


def test_other_files_are_one_line(tmp_path):
    with pytest.raises(UserError, match=r"no.npz: not found$"):
        plain.read(tmp_path / "no.npz")
    (tmp_path / "net.npz").write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"^[^\n]*net.npz: damaged [^\n]+$"):
        plain.read(tmp_path / "net.npz")
    with pytest.raises(UserError, match=r"^[^\n]*mnist.npz: is a model of this package already[^\n]+$"):
        plain.read(MODELS / "mnist.npz")
