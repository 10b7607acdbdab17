# SPDX-License-Identifier: Apache-2.0
"""Memory images against the naive reading of what the engine does with them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorfpga.base.errors import UserError
from xnorfpga.design import folding
from xnorfpga.network import golden
from xnorfpga.network.golden import LayerWeights, Model
from xnorfpga.rtl import memory


@st.composite
def folded_layers(draw):
    """Draw the manifest entry of a layer, and the layer, one in three with a mask; one level or three."""
    pe, groups, words = (draw(st.integers(1, 5)) for _ in range(3))
    routing = draw(st.sampled_from(["stationary", "diagonal", "broadcast"]))
    words = 1 if routing == "stationary" else words
    simd = draw(st.integers(1, 6))
    mw, mh = words * simd, groups * pe
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    layer = {
        "mw": mw,
        "mh": mh,
        "pe": pe,
        "simd": simd,
        "synapse_fold": words,
        "neuron_fold": groups,
        "routing": routing,
    }
    coefficients = draw(st.sampled_from([(1,), (1, 2), (1, 4), (1, 2, 4)]))
    kinds = ["plain", "masked", *(["paired"] if simd % 2 == 0 else [])]
    greatest, kind, levels = sum(coefficients) * mw, draw(st.sampled_from(kinds)), draw(st.sampled_from([1, 3]))
    layer["coefficients"], layer["counting"] = list(coefficients), kind
    layer["weights"] = "ternary" if kind == "masked" else "binary"
    layer["margin_bits"] = greatest.bit_length() + 1
    layer["level_bits"] = (greatest + 1).bit_length() + 1
    layer["threshold"] = "preset" if levels == 1 else "levels"
    thresholds = np.sort(rng.integers(0, greatest + 2, (mh, levels)), axis=1).astype(np.int32)
    mask = rng.random((mh, mw)) < 0.6 if kind == "masked" else None
    return layer, LayerWeights(rng.random((mh, mw)) < 0.5, thresholds, mask, coefficients)


@given(folded_layers())
def test_every_pe_reads_the_weights_of_the_word_in_front_of_it(drawn):
    layer, model = drawn
    content = memory.weight_rows(layer, model.weights, model.mask)
    bits = 1 if model.mask is None else 2
    for group in range(layer["neuron_fold"]):
        for step in range(layer["synapse_fold"]):
            for p in range(layer["pe"]):
                word = (step + p) % layer["synapse_fold"] if layer["routing"] == "diagonal" else step
                inputs = slice(word * layer["simd"], (word + 1) * layer["simd"])
                whole = content[group * layer["synapse_fold"] + step].reshape(layer["pe"], layer["simd"], bits)
                assert (whole[p, :, 0] == model.weights[group * layer["pe"] + p, inputs]).all()
                if model.mask is not None:
                    assert (whole[p, :, 1] == model.mask[group * layer["pe"] + p, inputs]).all()


@given(folded_layers())
def test_from_the_stored_start_the_accumulator_reaches_the_sum_minus_the_middle_threshold(drawn):
    layer, model = drawn
    bits, middle = layer["margin_bits"], model.levels[:, model.levels.shape[1] // 2]
    starts = memory.threshold_rows(layer, model.weights, middle).reshape(layer["mh"], bits) @ (1 << np.arange(bits))
    planes = np.random.default_rng(layer["mh"]).random((len(model.coefficients), layer["mw"])) < 0.5
    reached = starts
    for coefficient, x in zip(model.coefficients, planes, strict=True):
        agree = (model.weights == x) & (True if model.mask is None else model.mask)
        if layer["counting"] == "paired":
            a, b, unlike = agree[:, 0::2], agree[:, 1::2], (x[0::2] != x[1::2])[None]
            majorities = np.count_nonzero(a & b | unlike & (a | b), axis=1)
            reached = reached + coefficient * (2 * majorities - np.count_nonzero(unlike))
        else:
            reached = reached + coefficient * np.count_nonzero(agree, axis=1)
    margin = signed(reached, bits)
    assert (margin == golden.sums(model, planes[:, None])[0] - middle).all()
    if layer["threshold"] == "levels":  # and above or below it are the others
        size = layer["level_bits"]
        stored = memory.level_rows(layer, model.levels).reshape(layer["mh"], 2, size) @ (1 << np.arange(size))
        assert (signed(stored, size) == model.levels[:, [0, 2]] - middle[:, None]).all()


def signed(values, bits):
    """Return what bits of two's complement mean, whatever stands above them."""
    return (values + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


@given(st.integers(1, 4000), st.data())
def test_serial_thresholds_count_up_to_the_start_value(mw, data):
    bits = mw.bit_length() + 1
    thresholds = np.array([*data.draw(st.lists(st.integers(0, mw + 1), max_size=5)), 0, mw + 1])
    layer = {"pe": len(thresholds), "margin_bits": bits, "counting": "plain", "threshold": "serial"}
    layer["threshold_digit_bits"] = folding.SERIAL_DIGIT_BITS
    rows = memory.threshold_rows(layer, np.zeros((len(thresholds), mw), dtype=bool), thresholds)
    assert len(rows) == folding.serial_rows(bits)
    assert not rows[0].any()  # the row that clears
    reached = np.zeros(len(thresholds), dtype=np.int64)
    for k, row in enumerate(rows[1:]):
        reached += row * sum(16**digit for digit in range(k // 16 + 1))
    assert ((reached + thresholds) % (1 << bits) == 0).all()


def small(columns: int):
    """Return a manifest of one 2 × 3 layer whose memory has columns of that many bits, and its model."""
    layer = {
        "mw": 3,
        "mh": 2,
        "pe": 2,
        "simd": 3,
        "synapse_fold": 1,
        "neuron_fold": 1,
        "routing": "stationary",
        "margin_bits": 3,
        "counting": "plain",
        "threshold": "none",
        "coefficients": [1],
        "weights": "binary",
    }
    files = [f"w_{k}.bin" for k in range(-(-6 // columns))]
    entry = {
        "layer": 0,
        "kind": "weights",
        "width": 6,
        "depth": 1,
        "column_width": columns,
        "files": files,
        "name": "w",
    }
    weights = np.array([[1, 0, 0], [1, 1, 0]], dtype=bool)
    return {"layers": [layer], "memories": [entry], "load_word_bits": 40}, Model(
        (LayerWeights(weights, None),), 128, (3, 2)
    )


def test_a_row_is_split_into_columns_lowest_bits_first_and_written_highest_bit_first():
    manifest, model = small(columns=4)  # the row is 1,0,0,1,1,0 from bit 0 up
    assert memory.images(manifest, model) == {"w_0.bin": "1001\n", "w_1.bin": "01\n"}
    assert memory.load_words(manifest, model) == [0b1001, 0b01]


def test_bits_that_no_memory_stores_may_be_anything():
    manifest, model = small(columns=4)
    words = memory.load_words(manifest, model, spare=np.random.default_rng(1))
    assert [int(word) & mask for word, mask in zip(words, (0b1111, 0b11), strict=True)] == [0b1001, 0b01]
    assert all(1 << 20 < word < 1 << 40 for word in words)


@pytest.mark.parametrize("bits", (64, 72))
def test_a_word_holds_the_whole_of_a_wide_column(bits):
    manifest, _ = small(columns=bits)
    manifest["load_word_bits"] = manifest["memories"][0]["width"] = bits
    manifest["layers"][0] |= {"mw": bits, "mh": 1, "pe": 1, "simd": bits, "neuron_fold": 1, "synapse_fold": 1}
    weights = np.arange(bits)[None] % 3 == bits % 3
    model = Model((LayerWeights(weights, None),), 128, (bits, 1))
    expected = sum(1 << i for i in range(bits) if weights[0, i])
    assert memory.load_words(manifest, model) == [expected]
    assert memory.load_bytes(manifest, model) == expected.to_bytes(bits // 8, "little")


def test_a_model_of_another_shape_is_refused():
    manifest, model = small(columns=6)
    manifest["layers"][0]["mw"] = 4
    with pytest.raises(UserError, match="elaborate again"):
        memory.images(manifest, model)


def test_a_model_of_other_bits_is_refused():
    manifest, model = small(columns=6)
    manifest["layers"][0]["coefficients"] = [1, 2]
    with pytest.raises(UserError, match=r"bit planes weigh \[\(1,\)\] but .* for \[\(1, 2\)\]: elaborate again"):
        memory.images(manifest, model)
    manifest, model = small(columns=6)
    layer = model.layers[0]
    masked = Model((LayerWeights(layer.weights, None, layer.weights),), 128, (3, 2))
    with pytest.raises(UserError, match=r"layer 0 has weights that are 0 but .* ±1: elaborate again"):
        memory.images(manifest, masked)


def test_a_stored_image_is_a_block_of_rows_the_first_word_first():
    """Three words of two bits an image, so four rows each; columns of one bit."""
    manifest = {
        "input": {"word_bits": 2, "words": 3},
        "link": {"stored": {"images": 2, "width": 2, "depth": 8, "column_width": 1, "files": ["b_0.bin", "b_1.bin"]}},
    }
    first, second = (1, 0, 0, 1, 1, 1), (0, 1, 0, 0, 1, 0)
    texts = memory.stored_images(manifest, np.array([first, second], bool))
    assert texts["b_0.bin"].split() == [*"101", "0", *"001", "0"]  # bit 0 of each word; the row that is left over
    assert texts["b_1.bin"].split() == [*"011", "0", *"100", "0"]
