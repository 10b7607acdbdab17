# SPDX-License-Identifier: Apache-2.0
"""Each option of [training] changes what it should, alone; a training cut in the middle ends in the same bits."""

import math
from dataclasses import replace

import pytest
import torch

from xnorfpga.artefacts.training import Training
from xnorfpga.base import paths
from xnorfpga.base.errors import UserError
from xnorfpga.data.datasets import DATASETS
from xnorfpga.design import fold
from xnorfpga.design.schema import Distillation, Pruning
from xnorfpga.learn import distill, export, publish, train
from xnorfpga.learn.norms import FoldableBatchNorm, ShiftBatchNorm
from xnorfpga.learn.optimizers import ShiftAdaMax
from xnorfpga.learn.quantizers import pixels
from xnorfpga.network import golden, package

SHIFTING = {"schedule": "right_shift", "shift_every_epochs": 2}
TAUGHT = Distillation(weight=0.5, temperature=2.0, teacher_images=500, teacher_learning_rate=0.003)
FLOAT = 1000
OPTIONS = {
    "two-bit activations": {"activation_bits": 2},
    "two-bit activations at 4:1": {"activation_bits": 2, "activation_ratio": 4},
    "ternary weights": {"weight_bits": 2},
    "trained ternary weights": {"weight_bits": 2, "method": "ttq"},
    "grey levels": {"input_bits": 3},
    "XNOR-Net": {"method": "xnor_net"},
    "HORQ": {"method": "xnor_net", "activation_bits": 2},
    "BWN": {"method": "bwn"},
    "floats": {"method": "float"},
    "taught": {"distillation": TAUGHT},
    "float weights first": {"float_weight_images": FLOAT},
    "bfloat16": {"precision": "bfloat16"},
    "adamax": {"optimizer": "adamax"},
    "shift_adamax": {"optimizer": "shift_adamax"},
    "right_shift": SHIFTING,
    "shift batch norm": {"batch_norm": "shift"},
    "warped": {"rotation_degrees": 12.0, "scale": 0.1, "shear": 0.15, "shift_pixels": 1.5},
    "the paper's": {"optimizer": "shift_adamax", "batch_norm": "shift", **SHIFTING},
}


def changed(design, options):
    """Return the design with other values in [quantization] and [training]."""
    tables = {}
    for name in ("quantization", "training"):
        table = getattr(design, name)
        known = {key: value for key, value in options.items() if key in type(table).model_fields}
        tables[name] = table.model_copy(update=known)
    return replace(design, **tables)


def trained(design, build):
    train.train(design, build)
    return torch.load(build / "checkpoint.pt", weights_only=True)["net"]


def test_optimizer_and_batch_norm_are_the_named_ones(tiny, dataset, tmp_path):
    def run(options):
        return train.Run(changed(tiny, options), dataset, tmp_path / "resume.pt")

    assert type(run({}).optimizer) is torch.optim.Adam
    assert type(run({"optimizer": "adamax"}).optimizer) is torch.optim.Adamax
    assert type(run({"optimizer": "shift_adamax"}).optimizer) is ShiftAdaMax
    assert {type(norm) for norm in run({}).net.norms} == {FoldableBatchNorm}
    assert {type(norm) for norm in run({"batch_norm": "shift"}).net.norms} == {ShiftBatchNorm}


def test_the_learning_rate_follows_the_schedule(tiny, dataset, tmp_path):
    """Six epochs of four batches: the cosine is at half after twelve; two epochs are a bit to the right."""
    rates = {}
    for options in ({}, SHIFTING):
        run = train.Run(changed(tiny, options), dataset, tmp_path / "resume.pt")
        rates[bool(options)] = seen = []
        for _ in range(24):
            seen.append(run.optimizer.param_groups[0]["lr"] / 0.005)
            run.optimizer.step()
            run.schedule.step()
    assert rates[True] == [1.0] * 8 + [0.5] * 8 + [0.25] * 8
    assert rates[False][0] == 1.0
    assert rates[False][12] == pytest.approx(0.5)
    assert 0 < rates[False][-1] < 0.01


def test_hidden_weights_are_floats_for_so_many_images_and_the_last_layers_never(tiny, dataset, tmp_path, monkeypatch):
    run, seen = train.Run(changed(tiny, {"float_weight_images": FLOAT}), dataset, tmp_path / "resume.pt"), []
    step = run.train_batch
    monkeypatch.setattr(run, "train_batch", lambda chosen: (seen.append(few_values(run.net)), step(chosen)))
    run.train()
    first = run.steps * round(FLOAT / (run.steps * run.batch))
    assert 0 < first < len(seen)
    assert seen == [[False, False, True]] * first + [[True, True, True]] * (len(seen) - first)


def few_values(net):
    return [linear.seen().unique().numel() == 2 for linear in net.linears]


def test_bfloat16_rounds_the_sums_of_the_training_alone(tiny, dataset, tmp_path):
    run = train.Run(changed(tiny, {"precision": "bfloat16"}), dataset, tmp_path / "resume.pt")
    linear, seen = run.net.linears[0], []
    linear.register_forward_hook(lambda module, given, sums: seen.append(sums.dtype))
    run.train()
    assert seen[0] == torch.bfloat16  # of a batch
    assert seen[-1] == torch.float32  # of the validation digits
    assert linear.weight.dtype == linear.weight.grad.dtype == torch.float32


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_changes_the_network_and_a_cut_training_goes_on(name, tiny, tmp_path, monkeypatch):
    design = changed(tiny, OPTIONS[name])
    whole, plain = trained(design, tmp_path / "whole"), trained(tiny, tmp_path / "plain")
    assert any(not torch.equal(whole[key], plain[key]) for key in whole)
    cut_and_go_on(design, tmp_path / "cut", whole, monkeypatch, train.Run, 14)


def cut_and_go_on(design, build, whole, monkeypatch, owner, batches):
    """Train with a save after each batch, interrupt in a batch of `owner` (a class that trains), go on, and compare."""
    step, done = owner.train_batch, []

    def interrupt(*given):
        done.append(1)
        if len(done) == batches:
            raise KeyboardInterrupt
        step(*given)

    with monkeypatch.context() as patch:
        patch.setattr(train, "SAVE_SECONDS", -1.0)
        patch.setattr(owner, "train_batch", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train.train(design, build)
    assert (build / "resume.pt").is_file()
    again = trained(design, build)
    assert all(torch.equal(whole[key], again[key]) for key in whole)


def test_a_model_of_shift_batch_norms_is_published_loaded_and_exported_as_one(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    design = changed(tiny, {"batch_norm": "shift"})
    train.train(design, tmp_path)
    net, _ = train.load_checkpoint(design, tmp_path / "checkpoint.pt")
    assert {type(norm) for norm in net.norms} == {ShiftBatchNorm}
    path = publish.publish(design, tmp_path)
    loaded, record = publish.load(path, tiny)  # the record decides, whatever the design says by now
    assert {type(norm) for norm in loaded.norms} == {ShiftBatchNorm}
    assert record.training["batch_norm"] == "shift"
    with torch.no_grad():
        x = torch.randn(5, 784)
        assert torch.equal(loaded(x), net(x))
    export.export(replace(design, weights="tiny.npz"), tmp_path / "other")
    assert Training.read(tmp_path / "other/training.json") == record


def test_a_model_beyond_one_bit_is_published_loaded_and_exported_as_one(tiny, dataset, tmp_path, monkeypatch):
    """Ternary weights, two planes, grey pixels, some of which are pruned: what comes back answers the same."""
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    rule = Pruning(layers=(784, 16, 12, 10), images=200, rounds=1, round_images=1)
    design = changed(tiny, {"weight_bits": 2, "activation_bits": 2, "input_bits": 2, "pruning": rule})
    design = replace(design, network=tiny.network.model_copy(update={"layers": (300, 16, 12, 10)}))
    train.train(design, tmp_path)
    net, _ = train.load_checkpoint(design, tmp_path / "checkpoint.pt")
    path = publish.publish(design, tmp_path)
    loaded, record = publish.load(path, design)
    x = pixels(dataset.test.images, design.quantization)
    with torch.no_grad():
        assert torch.equal(loaded(x), net(x))
    export.export(replace(design, weights="tiny.npz"), tmp_path / "other")
    model = package.load(tmp_path / "other")
    assert model.digest == record.published.digest
    assert model.pixels.tolist() == net.pixels.tolist()
    assert [layer.mask is not None for layer in model.layers] == [True, True, False]
    assert [layer.coefficients for layer in model.layers] == [(1, 2)] * 3
    right = golden.infer(model, model.encode(dataset.test.images)).classes == dataset.test.labels
    assert record.published.test_accuracy == right.mean()


@pytest.mark.parametrize("wrong", [[5, 5, 6], [6, 5, 7], [-1, 5, 7], [5, 7, 784]])
def test_impossible_pixels_are_one_line(wrong, tiny, tmp_path):
    rule = Pruning(layers=(784, 16, 12, 10), images=200, rounds=1, round_images=1)
    design = changed(tiny, {"pruning": rule, "images": 200})
    design = replace(design, network=tiny.network.model_copy(update={"layers": (3, 16, 12, 10)}))
    train.train(design, tmp_path)
    path = tmp_path / "checkpoint.pt"
    content = torch.load(path, weights_only=True)
    content["net"]["pixels"] = torch.tensor(wrong)
    torch.save(content, path)
    with pytest.raises(UserError, match=r"^[^\n]*checkpoint.pt: its pixels are not 0 to 783, ascending; [^\n]*$"):
        train.load_checkpoint(design, path)


def test_a_batch_norm_that_there_is_not_is_one_line(tiny, tmp_path):
    train.train(tiny, tmp_path)
    path = tmp_path / "checkpoint.pt"
    content = torch.load(path, weights_only=True)
    content["record"]["training"]["batch_norm"] = "group"
    torch.save(content, path)
    with pytest.raises(UserError, match=r"^[^\n]*checkpoint.pt: batch_norm = 'group': accepted: 'plain' or 'shift'$"):
        train.load_checkpoint(tiny, path)


def test_a_teacher_cut_in_its_training_goes_on_and_another_weight_teaches_otherwise(tiny, tmp_path, monkeypatch):
    design = changed(tiny, {"distillation": TAUGHT})
    whole = trained(design, tmp_path / "whole")
    cut_and_go_on(design, tmp_path / "cut", whole, monkeypatch, distill.Teacher, 5)
    for name, change in (
        ("weight", 0.9),
        ("temperature", 4.0),
        ("teacher_images", 100),
        ("teacher_learning_rate", 0.1),
    ):
        other = changed(tiny, {"distillation": TAUGHT.model_copy(update={name: change})})
        found = trained(other, tmp_path / name)
        assert any(not torch.equal(whole[key], found[key]) for key in whole), name
    unheard = changed(tiny, {"distillation": TAUGHT.model_copy(update={"weight": 0.0})})
    found, plain = trained(unheard, tmp_path / "unheard"), trained(tiny, tmp_path / "plain")
    assert all(torch.equal(plain[key], found[key]) for key in plain)


def test_the_loss_of_distillation_by_hand():
    """Logits 0, 2·ln 3 at temperature 2 are odds of 1 : 3; the teacher's are 1 : 1; the label is the first class."""
    logits, teacher = torch.tensor([[0.0, 2 * math.log(3)]]), torch.zeros(1, 2)
    divergence = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    expected = 0.75 * math.log(10) + 0.25 * 4 * divergence  # at temperature 1 the odds are 1 : 9
    rule = TAUGHT.model_copy(update={"weight": 0.25})
    assert distill.loss(logits, teacher, torch.tensor([0]), rule).item() == pytest.approx(expected)


def test_a_teacher_learns(tiny, dataset):
    rule = TAUGHT.model_copy(update={"teacher_images": 3000})
    teacher = distill.Teacher(tiny.training, rule, 50, DATASETS["mnist"])
    images, labels = torch.from_numpy(dataset.train.images), torch.from_numpy(dataset.train.labels)
    while teacher.step < teacher.total:
        teacher.train_batch(images, labels)
    assert (teacher.answer(images).argmax(1) == labels).float().mean() > 0.9


def test_a_teacher_sees_the_channels_of_a_pixel(tiny):
    """Images of one color channel each, the others black, become three planes in torch's order."""
    torch.manual_seed(0)
    shape = DATASETS["cifar10"]
    teacher = distill.Teacher(tiny.training, TAUGHT, 50, shape)
    images = torch.zeros((3, shape.height, shape.width, 3))
    for channel in range(3):
        images[channel, 4, 9, channel] = 255
    seen = []
    teacher.net.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    assert teacher.answer(images).shape == (3, shape.classes)
    assert torch.nonzero(seen[0]).tolist() == [[channel, channel, 4, 9] for channel in range(3)]
    assert seen[0].max() == 1


@pytest.mark.parametrize(
    "method, bits, why",
    [("xnor_net", 1, "beta"), ("bwn", 1, "floats"), ("ttq", 2, "Wp and Wn"), ("float", 1, "floats")],
)
def test_a_method_of_software_alone_is_trained_but_neither_exported_nor_folded(method, bits, why, tiny, tmp_path):
    design = changed(tiny, {"method": method, "weight_bits": bits})
    train.train(design, tmp_path)
    said = rf"smoke.toml: training.method = '{method}': accepted for hardware: 'bnn'; [^\n]*{why}[^\n]*$"
    for stage in (export.export, fold.fold, publish.publish):
        with pytest.raises(UserError, match=said):
            stage(design, tmp_path)
