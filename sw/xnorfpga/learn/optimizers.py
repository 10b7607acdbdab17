# SPDX-License-Identifier: Apache-2.0
"""Optimizers and schedules of Courbariaux et al. 2016 beside torch's own (`torch.optim.Adamax` is the vanilla one)."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from xnorfpga.design import schema
from xnorfpga.learn.quantizers import ap2


class ShiftAdaMax(torch.optim.Optimizer):
    """AdaMax whose multiplications by the step and by 1/v are shifts.

    Courbariaux et al. 2016 (arXiv:1602.02830), algorithm 4, with AP2 the approximate power of two; of a parameter
    with the gradient g at step t, counted from 1:

        m = beta1 · m + (1 - beta1) · g
        v = max(beta2 · v, |g|)
        parameter -= AP2(lr / (1 - beta1^t)) · m · AP2(1 / v)

    Where v is 0 no gradient was ever seen, and nothing moves. The defaults are the paper's: lr = 2^-10,
    1 - beta1 = 2^-3, 1 - beta2 = 2^-10. With powers of two, the averages take shifts too.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 2**-10,
        betas: tuple[float, float] = (1 - 2**-3, 1 - 2**-10),
    ) -> None:
        """Set up the averages at 0; ValueError for lr below 0 or a beta outside [0, 1)."""
        if not (lr >= 0 and all(0 <= beta < 1 for beta in betas)):
            raise ValueError(f"lr = {lr}, betas = {betas}; accepted: lr of at least 0, betas from 0 to below 1")
        super().__init__(params, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:  # type: ignore[override]
        """Take one step; return the loss of `closure`, where one is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state.update(step=0, m=torch.zeros_like(parameter), v=torch.zeros_like(parameter))
                state["step"] += 1
                m, v = state["m"], state["v"]
                m.lerp_(parameter.grad, 1 - beta1)
                torch.maximum(v.mul_(beta2), parameter.grad.abs(), out=v)
                step = ap2(torch.tensor(group["lr"] / (1 - beta1 ** state["step"]))).item()
                inverse = torch.where(v > 0, ap2(v).reciprocal(), 0.0)  # AP2(1/v), without rounding 1/v
                parameter.addcmul_(m, inverse, value=-step)
        return loss


def optimizer(parameters: Iterable[Tensor], training: schema.Training) -> torch.optim.Optimizer:
    """Return the design's optimizer of the parameters."""
    if training.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=training.learning_rate, fused=True)
    kinds = {"adamax": torch.optim.Adamax, "shift_adamax": ShiftAdaMax}
    return kinds[training.optimizer](parameters, lr=training.learning_rate)


def schedule(training: schema.Training, epochs: int, steps: int) -> Callable[[int], float]:
    """Return the factor of the learning rate at each step, counted from 0, of so many epochs of so many steps."""
    if training.schedule == "cosine":
        return cosine(epochs * steps)
    assert training.shift_every_epochs is not None
    return right_shift(training.shift_every_epochs * steps)


def cosine(total: int) -> Callable[[int], float]:
    """Return half a cosine from 1 to 0 at step `total`: the last epochs only settle the signs that still flip.

    Loshchilov and Hutter 2016 (arXiv:1608.03983), without restarts.
    """
    return lambda step: 0.5 * (1 + math.cos(math.pi * step / total))


def right_shift(steps: int) -> Callable[[int], float]:
    """Return the factor of the learning rate at each step, counted from 0: shifted right by one bit every `steps`.

    For `torch.optim.lr_scheduler.LambdaLR`. The paper shifts every 50 epochs.
    """
    return lambda step: 2.0 ** -(step // steps)
