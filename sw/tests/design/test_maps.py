# SPDX-License-Identifier: Apache-2.0
"""Design files with convolutions: what their shapes are, and what of them cannot be."""

import pytest

from xnorfpga.base.errors import UserError
from xnorfpga.design import designs

GOOD = """
weights = "train"

[network]
dataset = "cifar10"
convolutions = [{ filters = 8 }, { filters = 6, kernel = 4, stride = 2, padding = 1, pool = 2 }]
layers = [294, 20, 10]

[quantization]
weight_bits = 1
activation_bits = 1
input_threshold = 128
input_bits = 2

[training]
images = 60_000
batch_size = 50
learning_rate = 0.005
dropout = 0.0
shift_pixels = 4
seed = 1

[folding]
copies = 1
input_word_bits = 6
layers = [
    { routing = "stationary", pe = 8, simd = 27, windows = 2 },
    { routing = "stationary", pe = 3, simd = 128 },
    { routing = "stationary", pe = 2, simd = 294 },
    { routing = "broadcast", pe = 10, simd = 2 },
]

[simulation]
images = 1000

[board]
name = "de1soc"
clock_mhz = 50
"""
SECOND = "{ filters = 6, kernel = 4, stride = 2, padding = 1, pool = 2 }"
LAYERS = "layers = [294, 20, 10]"
PRUNED = "seed = 1\npruning = { layers = [294, 30, 10], images = 1, rounds = 1, round_images = 1 }"


def test_the_shapes_by_hand(tmp_path):
    """32 × 32 × 3, windows of 3: 30 × 30 × 8; framed, every other window of 4: 15 × 15 × 6, 14 × 14 in squares."""
    path = tmp_path / "good.toml"
    path.write_text(GOOD)
    design = designs.load(path)
    assert design.shapes == ((27, 8), (128, 6), (294, 20), (20, 10))
    assert [(each.windows, each.pooled_height, each.pooled_width) for each in design.convolutions] == [
        (900, 30, 30),
        (196, 7, 7),
    ]
    assert design.weight_bits == 27 * 8 + 128 * 6 + 294 * 20 + 20 * 10


@pytest.mark.parametrize(
    ("old", "new", "key", "accepted"),
    [
        (SECOND, "{ filters = 6, kernel = 3 }", "network.layers = [294, 20, 10]", "the last map, 28 × 28 × 6"),
        (LAYERS, "layers = [300, 20, 10]", "network.layers = [300, 20, 10]", "[294, hidden layers, 10]"),
        (LAYERS, "layers = [294, 20, 9]", "network.layers = [294, 20, 9]", "[294, hidden layers, 10]"),
        (LAYERS, "layers = [294]", "network.layers = [294]", "[294, hidden layers, 10]"),
        ("kernel = 4", "kernel = 0", "network.convolutions[1].kernel = 0", "1 to 15"),
        ("{ filters = 8 }", "{ filters = 8, pool = 30 }", "network.convolutions[0].pool = 30", "1 to 15"),
        (
            "{ filters = 8 }",
            "{ filters = 8, stride = 15, pool = 3 }",
            "network.convolutions[0].pool = 3",
            "on a map of 2 × 2 answers: 1 to 2",
        ),
        (
            "{ filters = 8 }",
            "{ filters = 8, stride = 15 }, { filters = 8 }",
            "network.convolutions[1].kernel = 3",
            "on a map of 2 × 2: 1 to 2",
        ),
        (
            "{ filters = 8 }",
            "{ filters = 8, pool = 15 }, { filters = 8, kernel = 5, padding = 1 }",
            "network.convolutions[1].kernel = 5",
            "on a map of 2 × 2 in a frame of 1: 1 to 4",
        ),
        (
            "kernel = 4, stride = 2, padding = 1",
            "kernel = 1, padding = 1",
            "network.convolutions[1].padding = 1",
            "0 to 0",
        ),
        ("{ filters = 8 }", "{ kernel = 3 }", "network.convolutions[0].filters is missing", "needed: filters"),
        ("padding = 1", 'padding = "zero"', "network.convolutions[1].padding = 'zero'", "a whole number"),
        ("seed = 1", PRUNED, "training.pruning = 'a table'", "accepted without network.convolutions"),
        ("seed = 1", 'seed = 1\nmethod = "xnor_net"', "", None),
        ("seed = 1", 'seed = 1\nmethod = "bwn"', "", None),
        ("seed = 1", "seed = 1\nflip = 1", "training.flip = 1", "true or false"),
        ("seed = 1", "seed = 1\nflip = true", "", None),
        ("input_word_bits = 6", "input_word_bits = 12", "folding.input_word_bits = 12", "6, a pixel of 3 × 2 bits"),
        ("copies = 1", "copies = 2", "folding.copies = 2", "accepted with convolutions: 1"),
        ("pe = 8", "pe = 5", "folding.layers[0].pe = 5", "does not divide network.convolutions[0].filters (8)"),
        ("simd = 128", "simd = 100", "folding.layers[1].simd = 100", "a window of convolution 1 (128)"),
        ("pe = 2", "pe = 3", "folding.layers[2].pe = 3", "does not divide network.layers[1] (20)"),
        ("windows = 2", "windows = 7", "folding.layers[0].windows = 7", "the windows in a row of convolution 0 (30)"),
        ("simd = 294", "simd = 294, windows = 2", "folding.layers[2].windows = 2", "fully connected layer: 1"),
    ],
)
def test_each_mistake_is_one_line(loads_or_says, old, new, key, accepted):
    loads_or_says(GOOD, old, new, key, accepted)


def test_filters_count_as_weights(tmp_path):
    """64 filters, then 4,096 of 4 × 4 × 64: more than the block RAM of the board holds."""
    path = tmp_path / "big.toml"
    text = GOOD.replace("{ filters = 8 }", "{ filters = 64 }").replace(
        SECOND, "{ filters = 4096, kernel = 4, pool = 15 }"
    )
    start, end = text.index("[folding]"), text.index("[simulation]")
    path.write_text(
        f"{text[:start].replace(LAYERS, 'layers = [4096, 10]')}{text[end:]}".replace(
            "[network]", 'folding = "auto"\n[network]', 1
        )
    )
    bits = 27 * 64 + 16 * 64 * 4096 + 4096 * 10
    with pytest.raises(UserError, match=f"{bits:,} weight bits are {bits - 397 * 10240:,} more than the 397 M10K"):
        designs.load(path)


def test_a_network_in_a_line(tmp_path):
    path = tmp_path / "good.toml"
    path.write_text(GOOD)
    assert designs.load(path).network.title == "8C3-6C4s2p1-MP2-20-10"
    assert designs.load("smoke").network.title == "784-64-64-10"
