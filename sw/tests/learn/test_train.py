# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from xnorfpga.base.errors import UserError
from xnorfpga.data import mnist
from xnorfpga.design import designs
from xnorfpga.learn import train
from xnorfpga.learn.model import BinaryNet, FoldableBatchNorm, binarize, signs
from xnorfpga.network import encoding


@pytest.fixture
def tiny(monkeypatch):
    """A network small enough to train in a test, on 200 of the embedded digits, with 100 to validate."""
    images, labels = mnist._embedded()
    part = np.random.default_rng(3).permutation(5000)
    dataset = mnist.Dataset(
        "test",
        images[part[:200]],
        labels[part[:200]],
        images[part[200:300]],
        labels[part[200:300]],
        images[part[300:400]],
        labels[part[300:400]],
        "two hundred",
        "one hundred",
        "another hundred",
    )
    monkeypatch.setattr(mnist, "load", lambda *_, **__: dataset)
    smoke = designs.load("smoke")
    return replace(
        smoke,
        network=replace(smoke.network, layers=(784, 16, 12, 10)),
        training=replace(smoke.training, images=1200, dropout=0.1),
    )


def weights(build):
    return torch.load(build / "checkpoint.pt", weights_only=True)["net"]


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_twice_gives_the_same_bits_and_another_seed_does_not(tiny, tmp_path):
    for name in ("one", "two"):
        train.train(tiny, tmp_path / name)
    assert equal(weights(tmp_path / "one"), weights(tmp_path / "two"))
    train.train(replace(tiny, training=replace(tiny.training, seed=2)), tmp_path / "three")
    assert not equal(weights(tmp_path / "one"), weights(tmp_path / "three"))


def test_an_interrupted_training_goes_on_and_ends_in_the_same_bits(tiny, tmp_path, monkeypatch, capsys):
    train.train(tiny, tmp_path / "whole")
    monkeypatch.setattr(train, "SAVE_SECONDS", -1.0)
    measure, calls = train.accuracy, []

    def interrupt(*arguments):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return measure(*arguments)

    monkeypatch.setattr(train, "accuracy", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train.train(tiny, tmp_path / "cut")
    assert [path.name for path in (tmp_path / "cut").iterdir()] == ["resume.pt"]  # nothing looks finished
    train.train(tiny, tmp_path / "cut")
    assert "goes on after epoch 3 of 6" in capsys.readouterr().out
    assert equal(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    assert not (tmp_path / "cut" / "resume.pt").exists()
    assert len(json.loads((tmp_path / "cut" / "training.json").read_text())["curves"]) == 6

    # Of another configuration nothing is resumed.
    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        train.train(tiny, tmp_path / "other")
    calls.extend([1] * 10)
    train.train(replace(tiny, training=replace(tiny.training, seed=5)), tmp_path / "other")
    assert "goes on" not in capsys.readouterr().out


def test_what_a_training_leaves(tiny, tmp_path):
    train.train(tiny, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "training.json"]
    record = json.loads((tmp_path / "training.json").read_text())
    assert record["network"]["layers"] == [784, 16, 12, 10]
    assert record["training"]["seed"] == 1
    assert record["data"] == {"source": "test", "train": "two hundred", "validation": "one hundred"}
    assert record["epochs"] == len(record["curves"]) == 6
    assert record["curves"][-1]["loss"] < record["curves"][0]["loss"]
    assert record["torch"] == torch.__version__
    net, loaded = train.load_checkpoint(tiny, tmp_path / "checkpoint.pt")
    assert json.loads(json.dumps(loaded)) == record
    assert not net.training
    dataset = mnist.load()
    measured = train.accuracy(net, encoding.binarize(dataset.validation_images, 128), dataset.validation_labels)
    assert measured == record["curves"][-1]["validation_accuracy"]


def test_without_validation_digits_none_are_measured(tiny, tmp_path, monkeypatch):
    empty = replace(mnist.load(), validation_images=np.empty((0, 28, 28), np.uint8), validation_labels=np.empty(0, int))
    monkeypatch.setattr(mnist, "load", lambda *_, **__: empty)
    train.train(tiny, tmp_path)
    assert {row["validation_accuracy"] for row in json.loads((tmp_path / "training.json").read_text())["curves"]} == {
        None
    }


def test_a_checkpoint_of_another_network_or_a_damaged_one_is_one_line(tiny, tmp_path):
    with pytest.raises(UserError, match=r"checkpoint.pt: not found; train first"):
        train.load_checkpoint(tiny, tmp_path / "checkpoint.pt")
    train.train(tiny, tmp_path)
    path = tmp_path / "checkpoint.pt"
    for part, change in (("network", {"layers": (784, 16, 10)}), ("quantization", {"input_threshold": 99})):
        other = replace(tiny, **{part: replace(getattr(tiny, part), **change)})
        with pytest.raises(UserError, match=rf"^[^\n]*checkpoint.pt: a checkpoint of another {part}: [^\n]+$"):
            train.load_checkpoint(other, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"^[^\n]*checkpoint.pt: damaged [^\n]+$"):
        train.load_checkpoint(tiny, path)


def test_shifts_move_whole_images_each_alone():
    torch.manual_seed(0)
    image = torch.full((1, 28, 28), -1.0)
    image[0, 10, 20] = 1.0
    moved = train.shift(image.reshape(1, -1).expand(500, -1), 1).reshape(500, 28, 28)
    _, row, column = torch.nonzero(moved == 1.0, as_tuple=True)
    assert len(row) == 500
    assert {(r, c) for r, c in zip(row.tolist(), column.tolist(), strict=True)} == {
        (10 + dr, 20 + dc) for dr in (-1, 0, 1) for dc in (-1, 0, 1)
    }
    corner = torch.full((1, 784), -1.0)
    corner[0, 0] = 1.0
    assert set(train.shift(corner.expand(200, -1), 1).eq(1).sum(1).tolist()) == {0, 1}  # what leaves does not come back
    assert train.shift(corner, 0) is corner


def test_the_gradient_passes_inside_the_window_alone():
    x = torch.tensor([-2.0, -0.5, 0.0, 0.5, 2.0], requires_grad=True)
    binarize(x).backward(torch.arange(1.0, 6.0))
    assert x.grad.tolist() == [0.0, 2.0, 3.0, 4.0, 0.0]


def test_every_parameter_learns_and_weights_stay_in_reach():
    torch.manual_seed(0)
    net = BinaryNet((20, 8, 8, 4)).train()
    net(signs(torch.rand(32, 20) < 0.5)).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in net.parameters())
    net.linears[0].weight.data.fill_(3.0)
    net.clamp_()
    assert net.linears[0].weight.max() == 1.0


def test_foldable_batch_norm_is_batch_norm():
    torch.manual_seed(0)
    mine, theirs = FoldableBatchNorm(7), torch.nn.BatchNorm1d(7)
    for norm in (mine, theirs):
        torch.manual_seed(1)
        norm.weight.data = torch.randn(7)
        for _ in range(3):
            norm(torch.randn(50, 7) * 9 + 2)
        norm.eval()
    x = torch.randn(100, 7) * 9
    torch.testing.assert_close(mine(x), theirs(x))


def test_accuracy_is_the_share_of_right_classes():
    net = BinaryNet((3, 2)).eval()
    net.linears[0].weight.data = torch.tensor([[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]])
    bits = np.array([[1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 1, 0]], bool)
    assert train.accuracy(net, bits, np.array([0, 1, 0, 0])) == 0.75
