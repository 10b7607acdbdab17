# SPDX-License-Identifier: Apache-2.0
"""Train a binary network on handwritten digits: seeded, resumable, the same bits every time.

The last epoch's weights are the model; nothing is chosen by looking at the test set. `checkpoint.pt` appears only
when the training is complete. What an interrupted one needs to go on lies in `resume.pt`.
"""

import io
import json
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from xnorfpga.base.errors import UserError
from xnorfpga.base.files import atomic_write, write_json
from xnorfpga.data import mnist
from xnorfpga.design.designs import Design
from xnorfpga.learn.model import BinaryNet, signs
from xnorfpga.network.encoding import binarize

SAVE_SECONDS = 15.0  # how much work an interruption may cost; small networks' epochs are shorter than a save


def train(design: Design, build: Path) -> None:
    """Train the design's network and write `checkpoint.pt` and `training.json` into `build`.

    An interrupted training of the same configuration goes on where it was last saved, and ends in the same bits as
    one that was never interrupted, on any number of cores.

    Raises UserError for unreadable data and where the disk takes no file.
    """
    # The order of additions, and with it the trained bits, depends on the number of threads. For networks this small a
    # second one gains little, and on a busy machine it costs a factor of four and more.
    torch.set_num_threads(1)
    config = configuration(design)
    dataset = mnist.load(design.network.dataset)
    train_bits = binarize(dataset.train_images, design.quantization.input_threshold)
    validation_bits = binarize(dataset.validation_images, design.quantization.input_threshold)
    images, labels = signs(train_bits), torch.from_numpy(dataset.train_labels)
    batch = min(design.training.batch_size, len(images))
    steps = len(images) // batch  # what does not fill a batch waits for the next epoch's shuffle
    epochs = max(1, round(design.training.images / (steps * batch)))

    torch.manual_seed(design.training.seed)
    net = BinaryNet(design.network.layers, design.training.dropout)
    optimizer = torch.optim.Adam(net.parameters(), lr=design.training.learning_rate, fused=True)
    # Half a cosine from the full learning rate to zero: the last epochs only settle the signs that still flip.
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * step / (epochs * steps)))
    )
    curves: list[dict[str, Any]] = []
    resume = build / "resume.pt"
    key = {**config, "train": dataset.train_name, "epochs": epochs}
    saved = _load_resume(resume, key)
    if saved is not None:
        net.load_state_dict(saved["net"])
        optimizer.load_state_dict(saved["optimizer"])
        schedule.load_state_dict(saved["schedule"])
        curves = saved["curves"]
        print(f"{design.name}: training goes on after epoch {len(curves)} of {epochs}")

    last_save = time.monotonic()
    progress = tqdm(total=epochs * steps, initial=len(curves) * steps, desc=f"train {design.name}", unit="batch")
    for epoch in range(len(curves), epochs):
        started = time.monotonic()
        # Every epoch's shuffle, shifts and dropout follow from (seed, epoch) alone, so a resumed run repeats them.
        torch.manual_seed(design.training.seed + 1_000_003 * (epoch + 1))
        net.train()
        order = torch.randperm(len(images))
        total_loss, correct = 0.0, 0
        for step in range(steps):
            chosen = order[step * batch : (step + 1) * batch]
            logits = net(shift(images[chosen], design.training.shift_pixels))
            loss = F.cross_entropy(logits, labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            net.clamp_()
            total_loss += loss.item()
            correct += int((logits.argmax(1) == labels[chosen]).sum())
            progress.update()
        validation = accuracy(net, validation_bits, dataset.validation_labels) if len(validation_bits) else None
        curves.append(
            {
                "epoch": epoch + 1,
                "loss": total_loss / steps,
                "train_accuracy": correct / (steps * batch),
                "validation_accuracy": validation,
                "seconds": time.monotonic() - started,
            }
        )
        progress.set_postfix(
            epoch=f"{epoch + 1}/{epochs}",
            loss=f"{total_loss / steps:.4f}",
            **({} if validation is None else {"validation": f"{validation:.2%}"}),
        )
        if time.monotonic() - last_save > SAVE_SECONDS and epoch + 1 < epochs:
            state = {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
            _save(resume, {**key, **state, "curves": curves})
            last_save = time.monotonic()
    progress.close()

    names = {"source": dataset.source, "train": dataset.train_name, "validation": dataset.validation_name}
    record = {"design": design.name, **config, "epochs": epochs, "curves": curves, "data": names}
    record |= {"seconds": sum(row["seconds"] for row in curves), "torch": str(torch.__version__)}
    record["threads"] = torch.get_num_threads()
    _save(build / "checkpoint.pt", {**record, "net": net.state_dict()})
    write_record(build, record)
    resume.unlink(missing_ok=True)


def write_record(build: Path, record: dict[str, Any]) -> None:
    """Write what is known of a training as `training.json`."""
    write_json(build / "training.json", record)


def configuration(design: Design) -> dict[str, Any]:
    """Return what decides the trained weights, as plain values: network, quantization, training."""
    parts = {part: asdict(getattr(design, part)) for part in ("network", "quantization", "training")}
    return json.loads(json.dumps(parts))  # as it will be read back from any file: lists, no tuples


def shift(images: Tensor, pixels: int) -> Tensor:
    """Return the images [N, 784] of ±1, each moved by up to that many pixels each way, drawn alone; -1 comes in."""
    if pixels == 0:
        return images
    count, side = len(images), math.isqrt(images.shape[1])
    padded = F.pad(images.view(count, side, side), [pixels] * 4, value=-1.0)
    window = torch.arange(side)
    row = torch.randint(0, 2 * pixels + 1, (count, 1)) + window
    column = torch.randint(0, 2 * pixels + 1, (count, 1)) + window
    return padded[torch.arange(count)[:, None, None], row[:, :, None], column[:, None, :]].reshape(count, -1)


@torch.no_grad()
def accuracy(net: BinaryNet, bits: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of images bool [N, MW] that the network, evaluated, puts into the class of their label."""
    net.eval()
    classes = torch.cat([net(signs(part)).argmax(1) for part in np.array_split(bits, -(-len(bits) // 1000))])
    return float((classes.numpy() == labels).mean())


def load_checkpoint(design: Design, path: Path) -> tuple[BinaryNet, dict[str, Any]]:
    """Return the trained network and its record (everything in training.json) from a `checkpoint.pt`.

    Raises UserError where it is absent, damaged, or of another network than the design's.
    """
    checkpoint = _read(path)
    if checkpoint is None:
        raise UserError(f"{path}: not found; train first: doit train:{design.name}")
    for part in ("network", "quantization"):
        found, needed = checkpoint.get(part), configuration(design)[part]
        if found != needed:
            raise UserError(
                f"{path}: a checkpoint of another {part}: {found}; {design.path} needs {needed}; train again"
            )
    net = BinaryNet(design.network.layers, design.training.dropout)
    net.load_state_dict(checkpoint.pop("net"))
    return net.eval(), checkpoint


def _load_resume(path: Path, key: dict[str, Any]) -> dict[str, Any] | None:
    """Return the state of an interrupted training of just this configuration and data, else None."""
    saved = _read(path)
    return saved if saved is not None and all(saved.get(name) == value for name, value in key.items()) else None


def _read(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        return torch.load(path, weights_only=True)
    except Exception as error:  # torch names no one type for a damaged file
        raise UserError(f"{path}: damaged ({type(error).__name__}); delete it and train again") from None


def _save(path: Path, content: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with atomic_write(path) as file:
        file.write(buffer.getbuffer())
