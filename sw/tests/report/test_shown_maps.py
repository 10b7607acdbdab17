# SPDX-License-Identifier: Apache-2.0
"""What the report shows of maps."""

import base64
import io
import json

import matplotlib.image
import numpy as np

from xnorfpga.artefacts.hardware import BlockRam, Convolution, Hardware, LayerShape
from xnorfpga.artefacts.manifest import InputFacts, LayerFacts, Manifest, OutputFacts
from xnorfpga.design import folding
from xnorfpga.network.golden import LayerWeights, Model
from xnorfpga.report import chain, charts

MAP = Convolution(height=4, width=5, channels=1, kernel=2, pool=3)


def test_each_filter_s_answers_are_a_picture_dark_where_they_are_high():
    """Filter 0 answers where all four pixels are dark, filter 1 where any is."""
    weights = np.ones((2, 4), bool)
    first = LayerWeights(weights, np.array([4, 1], np.int32), convolution=MAP)
    last = LayerWeights(np.ones((2, 2), bool), None)
    image = np.zeros((4, 5), np.uint8)
    image[:2, :3] = 255  # of 3 × 3 windows the first two of the first row see nothing else
    ((title, picture),) = charts.maps(Model((first, last), 128, (2, 2)), image)
    assert title == "Layer 0: 2 filters, 3 × 3 windows"
    shown = matplotlib.image.imread(io.BytesIO(base64.b64decode(picture.removeprefix("data:image/png;base64,"))))
    dark = shown[:, :, 0] < 0.1
    assert dark[:, :3].tolist() == [[True, True, False], [False] * 3, [False] * 3]
    assert dark[:, 4:].tolist() == [[True] * 3, [True] * 3, [False] * 3]


def test_an_image_of_three_channels_keeps_its_colors():
    image = np.zeros((2, 2, 3), np.uint8)
    image[0, 0] = (255, 0, 0)
    shown = matplotlib.image.imread(io.BytesIO(base64.b64decode(charts.digit(image).partition(",")[2])))
    assert shown[0, 0, :3].tolist() == [1, 0, 0]
    assert shown[1, 1, :3].tolist() == [0, 0, 0]


def test_the_chain_says_what_a_map_goes_through():
    shapes = (
        LayerShape(mw=4, mh=6, routing="stationary", pe=2, simd=4, convolution=MAP, windows=3),
        LayerShape(mw=6, mh=2, routing="broadcast", pe=1, simd=2),
    )
    memory = BlockRam(block_bits=10240, max_width=40)
    hardware = Hardware(design="maps", clock_mhz=50, input_word_bits=1, copies=1, layers=shapes, memory=memory)
    sizes = ("mw", "mh", "pe", "simd", "routing")
    layers = [
        LayerFacts.model_validate_json(
            json.dumps(layer.facts() | {key: getattr(layer, key) for key in sizes} | {"index": k})
        )
        for k, layer in enumerate(folding.predict_hardware(hardware).layers)
    ]
    manifest = Manifest.model_construct(
        copies=1,
        input=InputFacts(word_bits=1, words=20),
        output=OutputFacts(classes=2, class_bits=1, score_bits=3),
        layers=tuple(layers),
    )
    drawn = chain.chain(manifest)
    for said in (
        "20 of an image, one per cycle",
        "4 × 5 × 1 elements, a pixel per cycle",
        "Layer 0: 2 × 2 × 1 → 6, stationary",
        "PE 2 × SIMD 4 × 3 windows, pool 3 × 3",
        "9 cycles per image",
        "1 × 1 × 6 elements, a pixel per cycle",
    ):
        assert said in drawn, said
