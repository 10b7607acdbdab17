# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace

import numpy as np
import pytest

from xnorfpga.artefacts.accelerator import Accelerator
from xnorfpga.base.errors import UserError
from xnorfpga.data import mnist
from xnorfpga.learn import export, train
from xnorfpga.learn.absorb import absorb
from xnorfpga.learn.quantizers import pixels
from xnorfpga.network import golden, imported, package
from xnorfpga.network.encoding import binarize


@pytest.fixture
def trained(tiny, tmp_path):
    """The small design, with its checkpoint in tmp_path."""
    train.train(tiny, tmp_path)
    return tiny


def test_export_and_load(trained, tmp_path):
    export.export(trained, tmp_path)
    description = json.loads((tmp_path / "accelerator.json").read_text())
    net, _ = train.load_checkpoint(trained, tmp_path / "checkpoint.pt")
    model = package.load(tmp_path)
    assert model.digest == absorb(net, 128).digest
    assert description["digest"] == model.digest
    assert description["origin"] == "trained"
    assert description["network"] == [784, 16, 12, 10]
    assert [(layer["mw"], layer["mh"], layer["thresholded"]) for layer in description["layers"]] == [
        (784, 16, True),
        (16, 12, True),
        (12, 10, False),
    ]
    validation = mnist.load().validation
    assert description["data"] == {
        "train": "two hundred",
        "train_source": "test",
        "validation": "one hundred",
        "validation_images": 100,
        "validation_digest": validation.digest,
        "source": "test",
    }
    bits = binarize(validation.images, 128)
    images = pixels(validation.images, trained.quantization)
    assert description["accuracy"]["float"] == train.accuracy(net, images, validation.labels)
    assert description["accuracy"]["golden"] == float(
        (golden.infer_packed(model, bits).classes == validation.labels).mean()
    )
    assert model.layers[0].weights.dtype == bool
    assert model.layers[0].thresholds.dtype == np.int32


def test_exporting_twice_gives_the_same_bytes(trained, tmp_path):
    written = []
    for _ in range(2):
        export.export(trained, tmp_path)
        written.append([path.read_bytes() for path in sorted((tmp_path / "weights").iterdir())])
    assert written[0] == written[1]
    assert len(written[0]) == 3


def test_damaged_exports_are_one_line(trained, tmp_path):
    with pytest.raises(UserError, match=r"accelerator.json: not found"):
        package.load(tmp_path)
    export.export(trained, tmp_path)
    layer, description = tmp_path / "weights/layer1.npz", tmp_path / "accelerator.json"
    good = layer.read_bytes()
    for damage in (good[:-1], b"", good[:100] + bytes([good[100] ^ 1]) + good[101:]):
        layer.write_bytes(damage)
        with pytest.raises(UserError, match=r"^[^\n]*layer1.npz: SHA-256 \w+ is not the exported \w+; export again$"):
            package.load(tmp_path)
    layer.unlink()
    with pytest.raises(UserError, match=r"^[^\n]*layer1.npz: cannot read: No such file"):
        package.load(tmp_path)
    layer.write_bytes(good)
    package.load(tmp_path)
    text = description.read_text()
    description.write_text(text.replace('"input_threshold": 128', '"input_threshold": 127'))
    with pytest.raises(UserError, match=r"^[^\n]*accelerator.json: digest \w+ is not that of its layers"):
        package.load(tmp_path)
    description.write_text(text.replace('"digest"', '"digits"'))
    with pytest.raises(UserError, match=r"^[^\n]*accelerator.json: digits = [^\n]*: unknown key"):
        package.load(tmp_path)


@pytest.fixture
def brought(tiny, dataset, tmp_path):
    """A design of an imported model, with that model, in a folder of its own."""
    random = np.random.default_rng(2)
    layers = [
        golden.LayerWeights(random.random((mh, mw)) < 0.5, random.integers(0, mw + 2, mh).astype(np.int32))
        for mw, mh in tiny.shapes
    ]
    layers[-1] = replace(layers[-1], thresholds=None)
    model = golden.Model(tuple(layers), 128, tiny.network.layers)
    source = tmp_path / "theirs.npz"
    source.write_bytes(b"their network")
    imported.write(tmp_path / "mine.npz", model, imported.record(model, source, None))
    return replace(tiny, path=tmp_path / "mine.toml", weights="./mine.npz", training=None), model


def test_an_imported_model_is_exported_as_it_is(brought, dataset, tmp_path):
    design, model = brought
    build = tmp_path / "build"
    build.mkdir()
    (build / "training.json").write_text("of the model that was here before")
    export.export(design, build)
    described = Accelerator.read(build / "accelerator.json")
    assert package.load(build).digest == described.digest == model.digest
    assert (described.origin, described.data.train, described.accuracy.float) == ("imported", None, None)
    bits = binarize(dataset.validation.images, 128)
    right = golden.infer_packed(model, bits).classes == dataset.validation.labels
    assert described.accuracy.golden == float(right.mean())
    assert not (build / "training.json").exists()


@pytest.mark.parametrize(
    "part, change", [("network", {"layers": (784, 9, 10)}), ("quantization", {"input_threshold": 9})]
)
def test_an_imported_model_of_another_network_is_refused(brought, tmp_path, part, change):
    design, _ = brought
    other = replace(design, **{part: getattr(design, part).model_copy(update=change)})
    with pytest.raises(UserError, match=rf"^[^\n]*mine.toml: {part}\.\w+ = [^\n]+: accepted with ./mine.npz: [^\n]+$"):
        export.export(other, tmp_path / "build")
