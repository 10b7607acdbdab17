# SPDX-License-Identifier: Apache-2.0
"""Pruning: what goes is what matters least, what stays is unchanged, and a cut training ends in the same bits."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from xnorfpga.artefacts.training import Training
from xnorfpga.design.schema import Network, Pruning
from xnorfpga.learn import layers, models, prune, train
from xnorfpga.learn.quantizers import pixels, signs

RULE = Pruning(layers=(784, 24, 20, 10), images=400, rounds=2, round_images=200)


@pytest.fixture
def pruned(tiny):
    """A design of 300 pixels and fewer neurons than the network that it begins with: 2, 1 and 6 epochs."""
    return replace(
        tiny,
        network=tiny.network.model_copy(update={"layers": (300, 16, 12, 10)}),
        training=tiny.training.model_copy(update={"pruning": RULE}),
    )


def test_each_round_takes_the_same_share(tiny):
    network = Network(dataset="mnist", layers=(196, 25, 64, 10))
    rule = Pruning(layers=(784, 100, 64, 10), images=7, rounds=2, round_images=8)
    training = tiny.training.model_copy(update={"images": 9, "pruning": rule})
    found = [(phase.layers, images) for phase, images in prune.phases(network, training)]
    assert found == [((784, 100, 64, 10), 7), ((392, 50, 64, 10), 8), ((196, 25, 64, 10), 9)]
    assert prune.phases(network, training.model_copy(update={"pruning": None})) == [(network, 9)]


def net_of(*sizes, inputs=None, activation=layers.SIGN):
    """Return an evaluated network whose batch norms have seen something."""
    torch.manual_seed(0)
    net = models.QuantizedNet(sizes, inputs=inputs, activation=activation)
    for norm in net.norms:
        norm.running_mean.normal_()
        norm.running_var.uniform_(1, sizes[0])
    return net.eval()


def test_importance_by_hand():
    """One layer: logits w·x of two inputs; dL/dx = sum over classes of (p - label) · w."""
    net = net_of(2, 2)
    net.linears[0].weight.data = torch.tensor([[1.0, 1.0], [-1.0, 1.0]])
    net.log_scale.data.zero_()
    images, labels = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0], [1.0, 1.0]]), torch.tensor([0, 0, 1, 1])
    (mean,), (importance,) = prune.measure(net, images, labels)
    assert mean.tolist() == [0.5, 0.0]
    # logits are ±(1, -1) of the first input alone, whose gradient is 2 · (p - label); the second one's is 0
    p = torch.sigmoid(torch.tensor(-2.0)).double().item()  # of the other class
    gradients = [2 * p, 2 * p, 2 * p, 2 * (1 - p)]
    expected = sum((g * (x - 0.5)) ** 2 for g, x in zip(gradients, (1, 1, -1, 1), strict=True)) / 4
    assert importance.tolist() == [pytest.approx(expected, rel=1e-5), pytest.approx(0, abs=1e-12)]


def test_inputs_that_never_vary_go_without_loss():
    net = net_of(40, 12, 10, 4)
    torch.manual_seed(1)
    images = (torch.rand(300, 40) < 0.5).float() * 2 - 1
    constant = torch.arange(0, 40, 4)
    images[:, constant] = images[0, constant]
    with torch.no_grad():
        before = net(images)
    _, importances = prune.measure(net, images, before.argmax(1))
    assert torch.nonzero(importances[0] == 0).flatten().tolist() == constant.tolist()
    smaller = net_of(30, 12, 10, 4, inputs=40)
    prune.prune(net, smaller, images, before.argmax(1))
    assert smaller.pixels.tolist() == [k for k in range(40) if k % 4]
    with torch.no_grad():
        assert torch.equal(smaller(images), before)


@pytest.mark.parametrize("activation", [layers.SIGN, layers.residual(2)])
def test_what_stays_is_unchanged_and_twice_pruned_inputs_are_still_known(activation):
    net = net_of(30, 9, 8, 4, activation=activation)
    torch.manual_seed(2)
    images, labels = signs(torch.rand(100, 30) < 0.5), torch.randint(0, 4, (100,))
    for inputs, first, second in ((20, 7, 8), (10, 5, 4)):
        _, importances = prune.measure(net, images, labels)
        smaller = net_of(inputs, first, second, 4, inputs=30, activation=activation)
        prune.prune(net, smaller, images, labels)
        kept = [(-importance).argsort()[:count].sort().values for importance, count in
                zip(importances, (inputs, first, second), strict=True)] + [torch.arange(4)]  # fmt: skip
        known = torch.arange(30) if net.pixels is None else net.pixels
        assert torch.equal(smaller.pixels, known[kept[0]])
        assert torch.equal(smaller.log_scale, net.log_scale)
        for k, (columns, rows) in enumerate(pairwise(kept)):
            assert torch.equal(smaller.linears[k].weight, net.linears[k].weight[rows][:, columns])
        for k, norm in enumerate(smaller.norms):
            assert torch.equal(norm.running_var, net.norms[k].running_var[kept[k + 1]])
            assert torch.equal(norm.weight, net.norms[k].weight[kept[k + 1]])
        net = smaller


def test_a_pruned_training(pruned, dataset, tmp_path):
    train.train(pruned, tmp_path)
    record = Training.read(tmp_path / "training.json")
    assert (record.epochs, len(record.curves), record.network["layers"]) == (9, 9, [300, 16, 12, 10])
    net, _ = train.load_checkpoint(pruned, tmp_path / "checkpoint.pt")
    assert [linear.weight.shape for linear in net.linears] == [(16, 300), (12, 16), (10, 12)]
    images = pixels(dataset.train.images, pruned.quantization)
    varying = torch.nonzero((images != images[0]).any(0)).flatten()
    assert set(net.pixels.tolist()) <= set(varying.tolist())
    validation = pixels(dataset.validation.images, pruned.quantization)
    assert train.accuracy(net, validation, dataset.validation.labels) == record.curves[-1].validation_accuracy


@pytest.mark.parametrize("batches", [6, 9, 10, 13, 14, 30])  # a phase ends after 8 and after 12
def test_a_training_cut_anywhere_goes_on(batches, pruned, tmp_path, monkeypatch):
    train.train(pruned, tmp_path / "whole")
    step, done = train.Run.train_batch, []

    def interrupt(*given):
        done.append(1)
        if len(done) == batches:
            raise KeyboardInterrupt
        step(*given)

    with monkeypatch.context() as patch:
        patch.setattr(train, "SAVE_SECONDS", -1.0)
        patch.setattr(train.Run, "train_batch", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train.train(pruned, tmp_path / "cut")
    train.train(pruned, tmp_path / "cut")
    whole, cut = (torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["net"] for name in ("whole", "cut"))
    assert whole.keys() == cut.keys()
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
