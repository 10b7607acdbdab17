# SPDX-License-Identifier: Apache-2.0
"""Knowledge distillation: a small float network learns first, and the binary one learns from its answers too."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xnorfpga.data.datasets import ImageShape
from xnorfpga.design import schema
from xnorfpga.learn.augment import augment
from xnorfpga.learn.optimizers import cosine


def teacher_network(shape: ImageShape) -> nn.Sequential:
    """Return an untrained convolutional network of floats: images [N, C, H, W] of 0 to 1 to logits [N, classes]."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((shape.channels, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]
    elements = 64 * (shape.height // 8) * (shape.width // 8)
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.3), nn.Linear(elements, shape.classes))


def loss(logits: Tensor, teacher: Tensor, labels: Tensor, rule: schema.Distillation) -> Tensor:
    """Return the mean loss of logits [N, C] beside the teacher's [N, C] and labels int64 [N].

    Hinton, Vinyals and Dean 2015 (arXiv:1503.02531), of the design's weight w and temperature t:

        (1 - w) · CE(labels, logits) + w · t² · KL(softmax(teacher / t) || softmax(logits / t))

    The factor t² keeps the gradient's size where t changes.
    """
    t = rule.temperature
    soft = F.kl_div(F.log_softmax(logits / t, 1), F.softmax(teacher / t, 1), reduction="batchmean") * t**2
    return (1 - rule.weight) * F.cross_entropy(logits, labels) + rule.weight * soft


class Teacher:
    """A teacher and its training, which goes on at any step: all that is drawn follows from the seed and the step."""

    def __init__(self, training: schema.Training, rule: schema.Distillation, batch: int, shape: ImageShape) -> None:
        """Set up an untrained teacher for batches of that many images of that shape."""
        self.training, self.batch, self.shape = training, batch, shape
        self.total = max(1, round(rule.teacher_images / batch))
        torch.manual_seed(training.seed)
        self.net = teacher_network(shape)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=rule.teacher_learning_rate, fused=True)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, cosine(self.total))

    @property
    def step(self) -> int:
        """How many steps are done."""
        return self.schedule.last_epoch

    def train_batch(self, images: Tensor, labels: Tensor) -> None:
        """Take one step on a batch of the training images uint8 [N, H, W] or [N, H, W, C]."""
        torch.manual_seed(self.training.seed + 1_000_003 * self.step + 1)
        chosen = torch.randint(0, len(images), (self.batch,))
        self.net.train()
        error = F.cross_entropy(self.logits(augment(images[chosen], self.training)), labels[chosen])
        self.optimizer.zero_grad()
        error.backward()
        self.optimizer.step()
        self.schedule.step()

    def logits(self, images: Tensor) -> Tensor:
        """Return the logits [N, classes] of images [N, H, W] or [N, H, W, C] of 0 to 255."""
        maps = images.reshape(-1, self.shape.height, self.shape.width, self.shape.channels).permute(0, 3, 1, 2)
        return self.net(maps.to(torch.float32) / 255)

    @torch.no_grad()
    def answer(self, images: Tensor) -> Tensor:
        """Return the evaluated logits [N, classes] of images as `logits` takes them, without a gradient."""
        self.net.eval()
        return self.logits(images)

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on from here."""
        return {name: getattr(self, name).state_dict() for name in ("net", "optimizer", "schedule")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state; KeyError, RuntimeError and the like where it does not fit."""
        for name in ("net", "optimizer", "schedule"):
            getattr(self, name).load_state_dict(state[name])
