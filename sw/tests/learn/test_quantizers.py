# SPDX-License-Identifier: Apache-2.0
"""Quantizers beyond one bit, by hand."""

from itertools import pairwise

import torch

from xnorfpga.learn.quantizers import residual_planes, scale, scale_ternary_weight, sign, ternarize_weight, ternary


def test_the_scale_by_hand_and_that_no_other_is_nearer():
    x = torch.tensor([[1.0, -2.0, 3.0, 0.0], [4.0, 4.0, -4.0, 4.0]])
    assert scale(x).tolist() == [[1.5], [4.0]]
    errors = [(x - factor * scale(x) * sign(x)).square().sum(1) for factor in (1.0, 0.99, 1.01)]
    assert (errors[0] < errors[1]).all() and (errors[0] < errors[2]).all()


def test_residual_planes_by_hand():
    planes, scales = residual_planes(torch.tensor([4.0, 1.0, -1.0, -6.0]), 3)
    # R1 = 4 1 -1 -6, scale 3; R2 = 1 -2 2 -3, scale 2; R3 = -1 0 0 -1, scale 1/2
    assert planes.tolist() == [[1, 1, -1, -1], [1, -1, 1, -1], [-1, 1, 1, -1]]
    assert scales.flatten().tolist() == [3.0, 2.0, 0.5]


def test_each_order_leaves_a_shorter_residual():
    torch.manual_seed(0)
    x = torch.randn(20, 50)
    planes, scales = residual_planes(x, 5)
    errors = [(x - (planes[:k] * scales[:k]).sum(0)).square().sum(1) for k in range(6)]
    assert all((after < before).all() for before, after in pairwise(errors))


def test_ternary_weights_and_their_gradients_by_hand():
    w = torch.tensor([[1.0, 0.25, -0.25], [-0.5, 0.3, 0.0]], requires_grad=True)
    positive, negative = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    assert ternary(w.detach(), 0.25).tolist() == [[1, 0, 0], [-1, 1, 0]]  # at the threshold itself it is 0
    quantized = scale_ternary_weight(w, positive, negative, 0.25)
    assert quantized.tolist() == [[2, 0, 0], [-3, 2, 0]]
    quantized.backward(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    assert w.grad.tolist() == [[2, 2, 3], [12, 10, 6]]
    assert (positive.grad.item(), negative.grad.item()) == (6.0, -4.0)
    w.grad = None
    ternarize_weight(w, 0.25).backward(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    assert w.grad.tolist() == [[1, 2, 3], [4, 5, 6]]
