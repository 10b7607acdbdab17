# SPDX-License-Identifier: Apache-2.0
"""Powers of two in place of multiplications: AP2, shift-based AdaMax, shift-based batch norm; by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xnorfpga.learn import absorb
from xnorfpga.learn.norms import ShiftBatchNorm
from xnorfpga.learn.optimizers import ShiftAdaMax, right_shift
from xnorfpga.learn.quantizers import ap2, round_to_ap2


def test_ap2_by_hand():
    # √2 = 1.41421...: 1.41 rounds down to 1, 1.42 up to 2; 3 up to 4 and 2.8 down to 2.
    x = torch.tensor([0.0, 1.0, 1.41, 1.42, 3.0, 2.8, -0.3, -5.0, 2.0**-140])
    assert ap2(x).tolist() == [0.0, 1.0, 1.0, 2.0, 4.0, 2.0, -0.25, -4.0, 2.0**-140]


@given(st.floats(2.0**-100, 2.0**100, width=32), st.booleans())
def test_ap2_is_the_nearest_exponent(x, negative):
    found = ap2(torch.tensor(-x if negative else x)).item()
    assert (found < 0) == negative
    assert math.log2(abs(found)).is_integer()
    assert abs(math.log2(abs(found)) - math.log2(x)) <= 0.5 + 1e-6


def test_the_gradient_goes_straight_through_ap2():
    x = torch.tensor([-3.0, 0.0, 5.0], requires_grad=True)
    round_to_ap2(x).backward(torch.tensor([1.0, 2.0, 3.0]))
    assert x.grad.tolist() == [1.0, 2.0, 3.0]


def test_shift_adamax_by_hand():
    """lr = 1/8, 1 - beta1 = 1/2, 1 - beta2 = 1/4; gradients 3, then 1; the other parameter never has one but 0."""
    parameter = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    optimizer = ShiftAdaMax([parameter], lr=1 / 8, betas=(1 / 2, 3 / 4))
    parameter.grad = torch.tensor([3.0, 0.0])
    optimizer.step()
    # m = 3/2, v = 3, AP2(1/3) = 1/4; AP2((1/8) / (1/2)) = 1/4: 1 - 3/2 · 1/4 · 1/4
    assert parameter.tolist() == [1 - 3 / 32, 1.0]
    parameter.grad = torch.tensor([1.0, 0.0])
    optimizer.step()
    # m = 3/4 + 1/2 = 5/4, v = max(9/4, 1) = 9/4, AP2(4/9) = 1/2; AP2((1/8) / (3/4)) = AP2(1/6) = 1/8
    assert parameter.tolist() == [1 - 3 / 32 - 5 / 64, 1.0]


def test_shift_adamax_goes_on_from_its_saved_state():
    results = []
    for cut in (False, True):
        parameter = torch.nn.Parameter(torch.ones(3))
        optimizer = ShiftAdaMax([parameter])
        for k in range(4):
            if cut and k == 2:
                state = optimizer.state_dict()
                optimizer = ShiftAdaMax([parameter])
                optimizer.load_state_dict(state)
            parameter.grad = torch.tensor([1.0, -2.0, 0.5]) * (k + 1)
            optimizer.step()
        results.append(parameter.detach().clone())
    assert torch.equal(*results)


@pytest.mark.parametrize("wrong", [{"lr": -1.0}, {"lr": math.nan}, {"betas": (1.0, 0.9)}, {"betas": (0.9, -0.1)}])
def test_shift_adamax_refuses_impossible_settings(wrong):
    with pytest.raises(ValueError, match="accepted: lr of at least 0"):
        ShiftAdaMax([torch.nn.Parameter(torch.ones(1))], **wrong)


def test_the_rate_is_shifted_right():
    optimizer = ShiftAdaMax([torch.nn.Parameter(torch.ones(1))], lr=1.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, right_shift(2))
    rates = []
    for _ in range(6):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert rates == [1, 1, 1 / 2, 1 / 2, 1 / 4, 1 / 4]


def norm_by_hand() -> tuple[ShiftBatchNorm, torch.Tensor]:
    """One neuron with weight 3 and bias 1/2 has seen the batch 0, 2, 4, 10."""
    norm = ShiftBatchNorm(1, eps=0.0)
    norm.weight.data.fill_(3.0)
    norm.bias.data.fill_(0.5)
    return norm, norm(torch.tensor([[0.0], [2.0], [4.0], [10.0]]))


def test_shift_batch_norm_by_hand():
    norm, outputs = norm_by_hand()
    # mean 4; c = -4, -2, 0, 6, AP2(6) = 8; variance (16 + 4 + 0 + 48) / 4 = 17; AP2(1/√17 = 0.2425) = 1/4; AP2(3) = 4
    assert outputs.flatten().tolist() == [-4 + 0.5, -2 + 0.5, 0.5, 6 + 0.5]
    assert norm.running_mean.item() == pytest.approx(0.1 * 4)
    assert norm.running_var.item() == pytest.approx(0.9 + 0.1 * 17 * 4 / 3)
    outputs.sum().backward()
    assert norm.weight.grad.item() == 0.0  # Σ c · AP2(1/√variance)
    assert norm.bias.grad.item() == 4.0


def test_shift_batch_norm_evaluated_folds_by_hand():
    norm, _ = norm_by_hand()
    norm.eval()
    norm.running_mean.fill_(1.0)
    norm.running_var.fill_(17.0)
    assert norm.gain().item() == 1.0
    assert norm(torch.tensor([[3.0]])).item() == 2.5
    # sum - 1 + 1/2 >= 0: of five inputs the sums are -5, -3, -1, 1, 3, 5, so three equal pairs or more
    assert absorb.thresholds(norm, 5)[0].tolist() == [3]
    norm.weight.data.neg_()
    thresholds, flipped = absorb.thresholds(
        norm, 5
    )  # -(sum - 1) + 1/2 >= 0: sums up to 1; of the flipped row -1 and up
    assert (thresholds.tolist(), flipped.tolist()) == ([2], [True])


FINITE = st.floats(-100, 100, width=32)


@given(st.integers(1, 60), FINITE, FINITE, FINITE, st.floats(0, 1000, width=32))
def test_shift_batch_norm_folds_exactly(mw, weight, bias, mean, variance):
    norm = ShiftBatchNorm(1).eval()
    for name, value in (("weight", weight), ("bias", bias), ("running_mean", mean), ("running_var", variance)):
        getattr(norm, name).data.fill_(value)
    (threshold,), (flipped,) = absorb.thresholds(norm, mw)
    for popcount in range(mw + 1):
        fires = bool(norm(torch.tensor([[2.0 * popcount - mw]])) >= 0)
        assert ((mw - popcount if flipped else popcount) >= threshold) == fires
