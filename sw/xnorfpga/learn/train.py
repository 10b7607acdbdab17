# SPDX-License-Identifier: Apache-2.0
"""Train a binary network on images: seeded, resumable, the same bits every time.

The last epoch's weights are the model; nothing is chosen by looking at the test digits. `checkpoint.pt` appears only
when the training is complete. What an interrupted one needs to go on lies in `resume.pt`.
"""

import io
import json
import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import TypeAdapter
from torch import Tensor
from tqdm import tqdm

from xnorfpga.artefacts.training import Epoch, Training, TrainingData
from xnorfpga.base import paths
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import atomic_write, sha256
from xnorfpga.base.strict import Strict, check
from xnorfpga.data.datasets import DATASETS
from xnorfpga.data.load import load_dataset
from xnorfpga.data.splits import Dataset
from xnorfpga.design import schema
from xnorfpga.design.schema import Design
from xnorfpga.learn import distill, models, optimizers, prune
from xnorfpga.learn.augment import augment
from xnorfpga.learn.models import QuantizedNet
from xnorfpga.learn.quantizers import pixels

SAVE_SECONDS = 10.0  # how much work a kill may cost, and a save takes well under a second
EVALUATED = 250  # images at once: bounds the memory of their maps
LOADING = (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError)  # of a state that does not fit


def train(design: Design, build: Path) -> None:
    """Train the design's network and write `checkpoint.pt` and `training.json` into `build`.

    An interrupted training goes on where it was last saved, and ends in the same bits as one that was never
    interrupted, on any number of cores. It goes on only with the same configuration, code, digits, torch and device.
    On another device than "cpu" the bits are not promised: there torch adds in whatever order is fast.

    Raises UserError for unreadable data, a damaged `resume.pt`, a device that torch cannot use, and where the disk
    takes no file.
    """
    with threads(1), device(paths.DEVICE):
        run = Run(design, load_dataset(design.network.dataset), build / "resume.pt")
        run.load()
        run.train()
        record = run.record()
        save(build / "checkpoint.pt", {"record": record.model_dump(mode="json"), "net": run.net.state_dict()})
        write_record(build, record)
        run.resume.unlink(missing_ok=True)


class Progress(Strict):
    """How far a run is: epochs that are finished; of the one under way its batches, their losses and hits, seconds."""

    curves: tuple[Epoch, ...]
    step: int
    loss: float
    correct: int
    seconds: float


class Phase(NamedTuple):
    """A network, and for how many epochs it is trained before it is pruned to the next phase's."""

    network: schema.Network
    epochs: int


class Run:
    """A training under way: what is trained, how far it is, and what was measured."""

    def __init__(self, design: Design, dataset: Dataset, resume: Path) -> None:
        """Set up an untrained network; `resume` is the file from which the run goes on, if it is there."""
        self.design, self.dataset, self.resume = design, dataset, resume
        self.config = configuration(design)
        self.images, self.labels = torch.as_tensor(dataset.train.images), torch.as_tensor(dataset.train.labels)
        self.validation = pixels(dataset.validation.images, design.quantization)
        self.batch = min(design.recipe.batch_size, len(self.images))
        self.steps = len(self.images) // self.batch  # what does not fill a batch waits for the next epoch's shuffle
        self.phases = [
            Phase(network, max(1, round(images / (self.steps * self.batch))))
            for network, images in prune.phases(design.network, design.recipe)
        ]
        self.epochs = sum(phase.epochs for phase in self.phases)

        torch.manual_seed(design.recipe.seed)
        self.begin(self.phases[0])
        rule = design.recipe.distillation
        shape = DATASETS[design.network.dataset]
        self.teacher = distill.Teacher(design.recipe, rule, self.batch, shape) if rule else None
        self.curves: list[Epoch] = []
        # Inside an epoch: batches done, their losses and hits, seconds, and the random generator where it goes on.
        self.step, self.loss, self.correct, self.seconds = 0, 0.0, 0, 0.0
        self.random: Tensor | None = None
        self.last_save = time.monotonic()

    def begin(self, phase: Phase) -> None:
        """Set up an untrained network of the phase, and its optimizer at the start of the schedule."""
        self.net = models.untrained(phase.network, self.design.quantization, self.design.recipe)
        self.optimizer = optimizers.optimizer(self.net.parameters(), self.design.recipe)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, optimizers.schedule(self.design.recipe, phase.epochs, self.steps)
        )

    def phase(self) -> tuple[Phase, int]:
        """Return the phase of the epoch under way, and how many of its epochs are finished."""
        done = len(self.curves)
        for phase in self.phases:
            if done < phase.epochs:
                return phase, done
            done -= phase.epochs
        raise IndexError("no epoch is under way")

    def prune(self) -> None:
        """Make the network as small as this phase's."""
        wider = self.net
        self.begin(self.phase()[0])
        prune.prune(wider, self.net, pixels(self.images, self.design.quantization), self.labels)

    def train(self) -> None:
        """Train to the end of the last epoch, after the teacher where the design asks for one."""
        if self.teacher:
            self.train_teacher(self.teacher)
        done = len(self.curves) * self.steps + self.step
        name = f"train {self.design.name}"
        with tqdm(total=self.epochs * self.steps, initial=done, desc=name, unit="batch") as progress:
            while len(self.curves) < self.epochs:
                if self.curves and self.step == 0 and self.phase()[1] == 0:
                    self.prune()
                self.train_epoch(progress)

    def train_teacher(self, teacher: distill.Teacher) -> None:
        """Train the teacher on what is left of its steps."""
        name = f"train the teacher of {self.design.name}"
        with tqdm(total=teacher.total, initial=teacher.step, desc=name, unit="batch") as progress:
            while teacher.step < teacher.total:
                teacher.train_batch(self.images, self.labels)
                progress.update()
                if time.monotonic() - self.last_save > SAVE_SECONDS:
                    self.save()

    def train_epoch(self, progress: tqdm) -> None:
        """Train on what is left of an epoch, and measure it."""
        started = time.monotonic() - self.seconds
        # Every epoch's shuffle, shifts and dropout follow from (seed, epoch) alone, so a resumed run repeats them.
        torch.manual_seed(self.design.recipe.seed + 1_000_003 * (len(self.curves) + 1))
        order = torch.randperm(len(self.images))
        if self.random is not None:
            _set_random_state(self.random)
            self.random = None
        self.net.train()
        self.net.use_latent(
            len(self.curves) < round(self.design.recipe.float_weight_images / (self.steps * self.batch))
        )
        while self.step < self.steps:
            self.train_batch(order[self.step * self.batch : (self.step + 1) * self.batch])
            self.step += 1
            progress.update()
            if time.monotonic() - self.last_save > SAVE_SECONDS:
                self.seconds = time.monotonic() - started
                self.save()
        if not math.isfinite(self.loss):
            raise UserError(
                f"{self.design.path}: training.learning_rate = {self.design.recipe.learning_rate:g}: the training "
                f"diverged in epoch {len(self.curves) + 1}; accepted: a smaller one"
            )
        measured = Epoch(
            epoch=len(self.curves) + 1,
            loss=self.loss / self.steps,
            train_accuracy=self.correct / (self.steps * self.batch),
            validation_accuracy=accuracy(self.net, self.validation, self.dataset.validation.labels),
            seconds=time.monotonic() - started,
        )
        self.curves.append(measured)
        self.step, self.loss, self.correct, self.seconds = 0, 0.0, 0, 0.0
        progress.set_postfix(
            epoch=f"{measured.epoch}/{self.epochs}",
            loss=f"{measured.loss:.4f}",
            validation=f"{measured.validation_accuracy:.2%}",
        )

    def train_batch(self, chosen: Tensor) -> None:
        """Take one step of the optimizer on the chosen images."""
        images = augment(self.images[chosen], self.design.recipe)
        with self.precision():
            logits = self.net(pixels(images, self.design.quantization)).float()
        if self.teacher:
            rule = self.design.recipe.distillation
            assert rule is not None
            loss = distill.loss(logits, self.teacher.answer(images), self.labels[chosen], rule)
        else:
            loss = F.cross_entropy(logits, self.labels[chosen])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        self.net.clamp_()
        self.loss += loss.item()
        self.correct += int((logits.argmax(1) == self.labels[chosen]).sum())

    def precision(self) -> AbstractContextManager[Any]:
        """Return where torch computes as precisely as the design asks: bfloat16's ±1 are exact, its sums rounded."""
        if self.design.recipe.precision == "float32":
            return nullcontext()
        return torch.autocast(torch.get_default_device().type, torch.bfloat16)

    def key(self) -> dict[str, Any]:
        """Return what decides the trained bits: a saved state is of use only where all of it is the same."""
        return {
            **self.config,
            "epochs": self.epochs,
            "sources": sources(),
            "train": self.dataset.train.digest,
            "validation": self.dataset.validation.digest,
            "torch": str(torch.__version__),
            "device": paths.DEVICE,
        }

    def save(self) -> None:
        """Write all that is needed to go on from here."""
        state = {name: getattr(self, name).state_dict() for name in ("net", "optimizer", "schedule")}
        inside = {name: getattr(self, name) for name in ("step", "loss", "correct", "seconds")}
        state["progress"] = Progress(curves=tuple(self.curves), **inside).model_dump(mode="json")
        if self.teacher:
            state["teacher"] = self.teacher.state_dict()
        state["random"] = _random_state()
        save(self.resume, {"key": self.key(), **state, "sha256": sha256(*_parts(state))})
        self.last_save = time.monotonic()

    def load(self) -> None:
        """Go on from `resume.pt` where it is of this very training.

        Raises UserError where the file is damaged.
        """
        saved = read(self.resume)
        if saved is None:
            return
        if [*_parts(saved.get("key"))] != [*_parts(self.key())]:
            print(f"{self.resume}: of another configuration, code, data or torch: training starts anew")
            return
        try:
            state = {name: value for name, value in saved.items() if name not in ("key", "sha256")}
            if saved["sha256"] != sha256(*_parts(state)):
                raise ValueError("its digest is not that of its content")
            at = Progress.model_validate_json(json.dumps(saved["progress"]))
            if not (0 <= at.step <= self.steps and len(at.curves) < self.epochs):
                raise ValueError(f"epoch {len(at.curves) + 1}, batch {at.step}")
            self.curves, self.step, self.loss = list(at.curves), at.step, at.loss
            self.correct, self.seconds = at.correct, at.seconds
            self.begin(self.phase()[0])
            self.net.load_state_dict(saved["net"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.schedule.load_state_dict(saved["schedule"])
            if self.teacher:
                self.teacher.load_state_dict(saved["teacher"])
            _set_random_state(saved["random"])
            self.random = saved["random"] if self.step else None  # an epoch not begun, as while a teacher learns
        except LOADING as error:
            raise UserError(f"{self.resume}: {_wrong(error)}; delete it and train again") from None
        where = f"epoch {len(self.curves) + 1} of {self.epochs}"
        print(f"{self.design.name}: training goes on in {where}, after batch {self.step} of {self.steps}")

    def record(self) -> Training:
        """Return what is known of the finished training."""
        train, validation = self.dataset.train, self.dataset.validation
        return Training(
            design=self.design.name,
            **self.config,
            epochs=self.epochs,
            curves=tuple(self.curves),
            data=TrainingData(
                source=self.dataset.source,
                train=train.name,
                validation=validation.name,
                train_digest=train.digest,
                validation_digest=validation.digest,
            ),
            seconds=sum(epoch.seconds for epoch in self.curves),
            torch=str(torch.__version__),
            threads=torch.get_num_threads(),
            device=paths.DEVICE,
            sources=sources(),
        )


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Have torch work with so many threads inside the block.

    The order of additions, and with it the trained bits, depends on the number of threads. For networks this small a
    second one gains little, and on a busy machine it costs a factor of four and more.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def device(name: str) -> Iterator[None]:
    """Have torch make its tensors on a device inside the block.

    Raises UserError where torch has no such device.
    """
    try:
        torch.ones((), device=name)
        chosen = torch.device(name)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        reason = str(error).splitlines()[0]
        raise UserError(f"XNORFPGA_DEVICE = {name}: {reason}; accepted: cpu, or a device that torch has") from None
    with chosen if chosen.type != "cpu" else nullcontext():  # torch's own place to be; looking costs time at every call
        yield


def _random_state() -> Tensor:
    """Return where torch's generator of the device in use is."""
    kind = torch.get_default_device().type
    return torch.get_rng_state() if kind == "cpu" else torch.get_device_module(kind).get_rng_state()


def _set_random_state(state: Tensor) -> None:
    """Let torch's generator of the device in use go on from a state."""
    kind = torch.get_default_device().type
    if kind == "cpu":
        torch.set_rng_state(state)
    else:
        torch.get_device_module(kind).set_rng_state(state)


def configuration(design: Design) -> dict[str, Any]:
    """Return what a design says about its weights, as plain values: network, quantization, training."""
    parts = ("network", "quantization", "training")
    return {part: TypeAdapter(Any).dump_python(getattr(design, part), mode="json") for part in parts}


def sources() -> str:
    """Return the SHA-256 of the code that trains: all of this room's modules."""
    return sha256(*(file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py"))))


def write_record(build: Path, record: Training) -> None:
    """Write what is known of a training as `training.json`."""
    record.write(build / "training.json")


@torch.no_grad()
def accuracy(net: QuantizedNet, images: Tensor, labels: np.ndarray) -> float:
    """Return the share of images [N, MW], as `pixels` gives them, that the evaluated network puts into their class."""
    net.eval()
    classes = torch.cat([net(part).argmax(1) for part in images.split(EVALUATED)])
    return float((classes.cpu().numpy() == labels).mean())


def test_accuracy(design: Design, build: Path) -> float:
    """Return the share of the test digits that the trained network has right, by torch: for the last measurement.

    Raises UserError as `load_checkpoint` does.
    """
    with threads(1):
        net, _ = load_checkpoint(design, build / "checkpoint.pt")
        test = load_dataset(design.network.dataset).test
        return accuracy(net, pixels(test.images, design.quantization), test.labels)


def load_checkpoint(design: Design, path: Path) -> tuple[QuantizedNet, Training]:
    """Return the trained network and its record (what is in training.json) from a `checkpoint.pt`.

    Raises UserError where it is absent, damaged, not as `train` writes it, or of another network than the design's.
    """
    checkpoint = read(path)
    if checkpoint is None:
        named = design.path.parent == paths.DESIGNS  # doit has a task for these alone
        mend = f"doit train:{design.name}" if named else f"python -m xnorfpga train {design.path}"
        raise UserError(f"{path}: not found; train first: {mend}")
    record = check(Training, checkpoint.get("record"), path)
    net = untrained(record, design, path)
    try:
        net.load_state_dict(checkpoint["net"])
    except LOADING as error:
        raise UserError(f"{path}: {_wrong(error)}; delete it and train again") from None
    if not all(values.isfinite().all() for values in net.state_dict().values()):
        raise UserError(f"{path}: has parameters that are not finite; delete it and train again")
    check_pixels(net, path)
    return net.eval(), record


def check_pixels(net: QuantizedNet, path: Path) -> None:
    """Raise UserError where the pixels that a network of `path` takes are not some of an image's, ascending."""
    if net.pixels is None:
        return
    if not (net.pixels[0] >= 0 and net.pixels[-1] < net.inputs and (net.pixels.diff() > 0).all()):
        raise UserError(f"{path}: its pixels are not 0 to {net.inputs - 1}, ascending; delete it and train again")


def untrained(record: Training, design: Design, path: Path) -> QuantizedNet:
    """Return a network into which the parameters of a trained one, recorded in `path`, can be loaded.

    The design decides its shape; the record alone knows its batch norm and its method.

    Raises UserError where it was trained for another network or quantization, or in a way that there is not.
    """
    for part in ("network", "quantization"):
        kind = type(getattr(design, part))
        if check(kind, getattr(record, part), path) != getattr(design, part):
            found, needed = getattr(record, part), configuration(design)[part]
            raise UserError(f"{path}: a model of another {part}: {found}; {design.path} needs {needed}; train again")
    training = check(schema.Training, record.training, path)
    return models.untrained(design.network, design.quantization, training)


def read(path: Path) -> dict[str, Any] | None:
    """Return what `save` wrote, None where there is no file.

    Raises UserError where it cannot be read or is no dictionary.
    """
    if not path.is_file():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch names no one type for a damaged file
        raise UserError(f"{path}: damaged ({type(error).__name__}); delete it and train again") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds a {type(content).__name__}, no training; delete it and train again")
    return content


def save(path: Path, content: dict[str, Any]) -> None:
    """Write a dictionary of tensors and plain values, whole or not at all."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with atomic_write(path) as file:
        file.write(buffer.getbuffer())


def _parts(value: Any) -> Iterator[bytes]:
    """Yield bytes that are the same for the same tensors and plain values, in whatever dictionaries and lists."""
    if isinstance(value, Tensor):
        yield f"{value.dtype} {tuple(value.shape)}".encode()
        yield value.cpu().numpy().tobytes()
    elif isinstance(value, dict):
        for name, content in value.items():
            yield f"{{{name}".encode()
            yield from _parts(content)
    elif isinstance(value, (list, tuple)):
        for content in value:
            yield b"["
            yield from _parts(content)
    else:
        yield repr(value).encode()


def _wrong(error: Exception) -> str:
    return f"not as train writes it ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''})"
