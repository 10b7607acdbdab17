# SPDX-License-Identifier: Apache-2.0
import copy
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from xnorfpga.artefacts.training import Training, TrainingData
from xnorfpga.base import paths
from xnorfpga.base.errors import UserError
from xnorfpga.data import mnist
from xnorfpga.learn import models, train
from xnorfpga.learn.augment import augment
from xnorfpga.learn.models import QuantizedNet
from xnorfpga.learn.norms import FoldableBatchNorm
from xnorfpga.learn.quantizers import binarize_activation, pixels, signs


def weights(build):
    return torch.load(build / "checkpoint.pt", weights_only=True)["net"]


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_twice_gives_the_same_bits_and_another_seed_does_not(tiny, tmp_path):
    for name in ("one", "two"):
        train.train(tiny, tmp_path / name)
    assert equal(weights(tmp_path / "one"), weights(tmp_path / "two"))
    train.train(replace(tiny, training=tiny.training.model_copy(update={"seed": 2})), tmp_path / "three")
    assert not equal(weights(tmp_path / "one"), weights(tmp_path / "three"))


KILLED = """
import os, signal
import numpy as np
from dataclasses import replace
from pathlib import Path
from xnorfpga.data import mnist
from xnorfpga.data.splits import Dataset
from xnorfpga.design import designs
from xnorfpga.learn import train

digits = mnist._embedded()
part = np.zeros(5000, bool)
part[::25] = True
mnist.load = lambda *_, **__: Dataset("test", True, *(digits.part(np.roll(part, by), "some") for by in (0, 1, 2)))
smoke = designs.load("smoke")
tiny = replace(
    smoke,
    network=smoke.network.model_copy(update={{"layers": (784, 16, 12, 10)}}),
    training=smoke.training.model_copy(update={{"images": 1200, "dropout": 0.1}}),
)
{patch}
train.train(tiny, Path({build!r}))
"""
KILL_AT = """
train.SAVE_SECONDS = -1.0
step, save, done = train.Run.train_batch, train.Run.save, []

def train_batch(run, chosen):
    step(run, chosen)
    done.append(1)
    if len(done) == {at}:
        os.kill(os.getpid(), signal.SIGKILL)

def save_now_and_then(run):
    if len(done) % 3 == 0:
        save(run)

train.Run.train_batch, train.Run.save = train_batch, save_now_and_then
"""


def trained_apart(build, patch: str = "") -> subprocess.CompletedProcess:
    """Train in a process of its own, six epochs of four batches."""
    script = KILLED.format(patch=patch, build=str(build))
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)


def test_a_killed_training_goes_on_and_ends_in_the_same_bits(tmp_path):
    """kill -9 in the middle of an epoch, once a batch after a save and once two batches after: they are done again."""
    whole = trained_apart(tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    for at, saved in ((10, 9), (8, 15)):  # batches: of this process, and saved in all
        killed = trained_apart(tmp_path / "cut", KILL_AT.format(at=at))
        assert killed.returncode == -signal.SIGKILL
        assert [path.name for path in (tmp_path / "cut").iterdir()] == ["resume.pt"]  # nothing looks finished
        state = torch.load(tmp_path / "cut" / "resume.pt", weights_only=True)
        assert 4 * len(state["progress"]["curves"]) + state["progress"]["step"] == saved
    rest = trained_apart(tmp_path / "cut")
    assert rest.returncode == 0, rest.stderr
    assert "epoch 4 of 6, after batch 3 of 4" in rest.stdout
    assert equal(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    assert not (tmp_path / "cut" / "resume.pt").exists()
    one, other = (Training.read(tmp_path / name / "training.json") for name in ("whole", "cut"))
    timeless = {"seconds": 0.0}
    assert [e.model_copy(update=timeless) for e in one.curves] == [e.model_copy(update=timeless) for e in other.curves]


@pytest.fixture
def cut(tiny, tmp_path, monkeypatch):
    """The small design, and a build in which its training was interrupted after five batches."""
    monkeypatch.setattr(train, "SAVE_SECONDS", -1.0)
    step, calls = train.Run.train_batch, []

    def interrupt(run, chosen):
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        step(run, chosen)

    with monkeypatch.context() as patch:
        patch.setattr(train.Run, "train_batch", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train.train(tiny, tmp_path)
    return tiny, tmp_path


def test_an_interrupted_training_goes_on(cut, tmp_path, capsys):
    design, build = cut
    train.train(design, build)
    assert "training goes on in epoch 2 of 6, after batch 1 of 4" in capsys.readouterr().out
    train.train(design, tmp_path / "whole")
    assert equal(weights(build), weights(tmp_path / "whole"))


@pytest.mark.parametrize("what", ["configuration", "code", "training digits", "validation digits", "torch", "file"])
def test_no_training_goes_on_from_another_one(cut, what, monkeypatch, capsys, dataset):
    design, build = cut
    if what == "configuration":
        design = replace(design, training=design.training.model_copy(update={"seed": 5}))
    elif what == "code":
        monkeypatch.setattr(train, "sources", lambda: "0" * 64)
    elif what == "file":
        saved = torch.load(build / "resume.pt", weights_only=True)
        torch.save({**saved, "key": {**saved["key"], "epochs": torch.zeros(3)}}, build / "resume.pt")
    elif what == "torch":
        monkeypatch.setattr(torch, "__version__", "1.0")
    else:
        split = what.split()[0].replace("ing", "")
        split = "train" if split == "train" else "validation"
        digits = getattr(dataset, split)
        images = digits.images.copy()
        images[0, 0, 0] ^= 1  # one bit of one pixel
        other = replace(dataset, **{split: replace(digits, images=images)})
        monkeypatch.setattr(mnist, "load", lambda *_, **__: other)
    train.train(design, build)
    said = capsys.readouterr().out
    assert "resume.pt: of another configuration, code, data or torch: training starts anew" in said
    assert "goes on" not in said


def test_a_training_that_diverges_is_one_line(tiny, tmp_path, monkeypatch):
    cross_entropy = train.F.cross_entropy
    monkeypatch.setattr(train.F, "cross_entropy", lambda *given: cross_entropy(*given) * float("inf"))
    with pytest.raises(
        UserError, match=r"smoke.toml: training.learning_rate = 0.005: the training diverged in epoch 1;"
    ):
        train.train(tiny, tmp_path)
    assert not (tmp_path / "checkpoint.pt").exists()


def test_the_code_of_the_room_decides(tmp_path, monkeypatch):
    before = train.sources()
    for file in Path(train.__file__).parent.glob("*.py"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(train, "__file__", str(tmp_path / "train.py"))
    assert train.sources() == before
    for name in ("train.py", "quantizers.py", "layers.py", "norms.py", "models.py"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content + b"#")
        assert train.sources() != before, name
        (tmp_path / name).write_bytes(content)


def test_training_leaves_the_threads_of_the_process_alone(tiny, tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        train.train(tiny, tmp_path)
        assert torch.get_num_threads() == 3
        with pytest.raises(KeyError), train.threads(2):
            assert torch.get_num_threads() == 2
            raise KeyError
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert Training.read(tmp_path / "training.json").threads == 1


def other_resumes(path):
    """Well-formed files that are no interrupted training, each with what is said of it."""
    right = torch.load(path, weights_only=True)
    yield [1, 2], "holds a list, no training"
    yield torch.zeros(3), "holds a Tensor, no training"
    for name in right.keys() - {"key"}:
        yield {key: value for key, value in right.items() if key != name}, "not as train writes it"
        yield {**right, name: None}, "not as train writes it"
    yield {**right, "net": {}}, "not as train writes it"
    yield {**right, "optimizer": {"state": {}, "param_groups": []}}, "not as train writes it"
    yield {**right, "random": torch.zeros(3)}, "not as train writes it"
    for wrong in ({"curves": [{"epoch": 1}]}, {"step": 1000}, {"step": "one"}, {"step": -1}):
        yield {**right, "progress": {**right["progress"], **wrong}}, "not as train writes it"
    for part, place in (("optimizer", ("state", 0, "exp_avg")), ("schedule", ("last_epoch",)), ("progress", ("loss",))):
        changed = copy.deepcopy(right)
        inner = changed[part]
        for name in place[:-1]:
            inner = inner[name]
        inner[place[-1]] = inner[place[-1]] * 2 + 1
        yield changed, "not as train writes it .*its digest is not that of its content"


def test_a_wrong_resume_file_is_one_line(cut):
    design, build = cut
    path = build / "resume.pt"
    for content, said in list(other_resumes(path)):
        torch.save(content, path)
        with pytest.raises(UserError, match=rf"^[^\n]*resume.pt: {said}[^\n]*; delete it and train again$"):
            train.train(design, build)
    path.write_bytes(b"nothing of torch's")
    with pytest.raises(UserError, match=r"^[^\n]*resume.pt: damaged [^\n]+; delete it and train again$"):
        train.train(design, build)


def test_what_a_training_leaves(tiny, dataset, tmp_path):
    train.train(tiny, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "training.json"]
    record = Training.read(tmp_path / "training.json")
    assert record.network["layers"] == [784, 16, 12, 10]
    assert record.training["seed"] == 1
    assert record.data == TrainingData(
        source="test",
        train="two hundred",
        validation="one hundred",
        train_digest=dataset.train.digest,
        validation_digest=dataset.validation.digest,
    )
    assert record.epochs == len(record.curves) == 6
    assert record.curves[-1].loss < record.curves[0].loss
    assert (record.torch, record.sources) == (torch.__version__, train.sources())
    net, loaded = train.load_checkpoint(tiny, tmp_path / "checkpoint.pt")
    assert loaded == record
    assert not net.training
    images = pixels(dataset.validation.images, tiny.quantization)
    assert train.accuracy(net, images, dataset.validation.labels) == record.curves[-1].validation_accuracy


def test_a_checkpoint_of_another_network_or_a_damaged_one_is_one_line(tiny, tmp_path):
    with pytest.raises(UserError, match=r"checkpoint.pt: not found; train first: doit train:tiny$"):
        train.load_checkpoint(tiny, tmp_path / "checkpoint.pt")
    elsewhere = replace(tiny, path=tmp_path / "tiny.toml")
    with pytest.raises(UserError, match=rf"train first: python -m xnorfpga train {tmp_path}/tiny.toml$"):
        train.load_checkpoint(elsewhere, tmp_path / "checkpoint.pt")
    train.train(tiny, tmp_path)
    path = tmp_path / "checkpoint.pt"
    for part, change in (("network", {"layers": (784, 16, 10)}), ("quantization", {"input_threshold": 99})):
        other = replace(tiny, **{part: getattr(tiny, part).model_copy(update=change)})
        with pytest.raises(UserError, match=rf"^[^\n]*checkpoint.pt: a model of another {part}: [^\n]+$"):
            train.load_checkpoint(other, path)
    right = torch.load(path, weights_only=True)
    nan = {**right["net"], "log_scale": torch.tensor(float("nan"))}
    wrong = [
        ([1], "holds a list, no training"),
        ({}, "None"),
        ({"record": right["record"]}, "not as train writes it"),
        ({**right, "net": {}}, "not as train writes it"),
        ({**right, "net": 3}, "not as train writes it"),
        ({**right, "net": {**right["net"], "log_scale": torch.zeros(2)}}, "not as train writes it"),
        ({**right, "net": nan}, "has parameters that are not finite"),
        ({**right, "record": {**right["record"], "epochs": "six"}}, "epochs = 'six'"),
        ({**right, "record": 3}, ""),
    ]
    for content, said in wrong:
        torch.save(content, path)
        with pytest.raises(UserError, match=rf"^[^\n]*checkpoint.pt: [^\n]*{said}[^\n]*$"):
            train.load_checkpoint(tiny, path)
    torch.save(right, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"^[^\n]*checkpoint.pt: damaged [^\n]+$"):
        train.load_checkpoint(tiny, path)


def test_the_gradient_passes_inside_the_window_alone():
    x = torch.tensor([-2.0, -0.5, 0.0, 0.5, 2.0], requires_grad=True)
    binarize_activation(x).backward(torch.arange(1.0, 6.0))
    assert x.grad.tolist() == [0.0, 2.0, 3.0, 4.0, 0.0]


def test_every_parameter_learns_and_weights_stay_in_reach():
    torch.manual_seed(0)
    net = QuantizedNet((20, 8, 8, 4)).train()
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
    net = QuantizedNet((3, 2)).eval()
    net.linears[0].weight.data = torch.tensor([[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]])
    bits = np.array([[1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 1, 0]], bool)
    assert train.accuracy(net, signs(bits), np.array([0, 1, 0, 0])) == 0.75


def test_a_device_that_torch_has_not_is_one_line(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DEVICE", "abacus")
    with pytest.raises(UserError, match=r"^XNORFPGA_DEVICE = abacus: [^\n]*; accepted: cpu, or a device"):
        train.train(tiny, tmp_path)
    monkeypatch.setattr(paths, "DEVICE", "cuda:99")
    with pytest.raises(UserError, match=r"^XNORFPGA_DEVICE = cuda:99: [^\n]*; accepted: cpu"):
        train.train(tiny, tmp_path)


def test_on_another_device_all_tensors_of_a_step_are_there(tiny):
    """torch's "meta" device computes nothing but refuses to meet a tensor of another device, as a GPU does."""
    with torch.device("meta"):
        images = torch.zeros((3, 28, 28), dtype=torch.uint8)
        for moved in (tiny.recipe, tiny.recipe.model_copy(update={"rotation_degrees": 5.0})):
            net = models.untrained(tiny.network, tiny.quantization, moved)
            logits = net(pixels(augment(images, moved), tiny.quantization))
            assert (logits.device.type, tuple(logits.shape)) == ("meta", (3, 10))
