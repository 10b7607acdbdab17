# SPDX-License-Identifier: Apache-2.0
"""Batch norms become integer thresholds where the real threshold is."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorfpga.base.errors import UserError
from xnorfpga.learn import absorb
from xnorfpga.learn.models import QuantizedNet
from xnorfpga.learn.norms import FoldableBatchNorm
from xnorfpga.learn.publish import NORM_ROWS
from xnorfpga.network.golden import LayerWeights

FINITE = st.floats(-1e4, 1e4, width=32)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 200),
    st.lists(
        st.tuples(FINITE, FINITE, FINITE, st.floats(0, 1e6, width=32))
        | st.tuples(*[st.sampled_from([-1.0, 0.0, 1.0])] * 3, st.just(1.0)),
        min_size=1,
        max_size=8,
    ),
)
def test_the_fold_is_where_the_real_threshold_is(mw, parameters):
    """Against the algebra of exact fractions, wherever float rounding cannot turn the sign."""
    norm = FoldableBatchNorm(len(parameters)).eval()
    table = torch.tensor(parameters, dtype=torch.float32)
    for row, values in zip(NORM_ROWS, table.T, strict=True):
        getattr(norm, row).data.copy_(values)
    thresholds, flipped = absorb.thresholds(norm, mw)
    popcount = np.arange(mw + 1)[:, None]
    answers = np.where(flipped, mw - popcount, popcount) >= thresholds
    weight, bias, mean, variance = table.double().T.numpy()
    exact = (2 * popcount - mw - mean) / np.sqrt(variance + norm.eps) * weight + bias
    clear = np.abs(exact) > 1e-5 * (
        1 + np.abs(bias) + np.abs(exact - bias) + np.abs(mean * weight / np.sqrt(variance + norm.eps))
    )
    assert (answers == (exact >= 0))[clear].all()
    assert ((thresholds >= 0) & (thresholds <= mw + 1)).all()
    assert not flipped[weight >= 0].any()


@pytest.mark.parametrize("row", NORM_ROWS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_norm_that_is_not_finite_is_refused(row, value):
    norm = FoldableBatchNorm(3).eval()
    getattr(norm, row).data[1] = value
    if row == "running_var" and value > 0:
        thresholds, _ = absorb.thresholds(norm, 5)  # gain 0: a constant neuron
        assert thresholds[1] == 0
        return
    with pytest.raises(UserError, match="not finite"):
        absorb.thresholds(norm, 5)


def test_the_digest_is_over_content():
    net = QuantizedNet((9, 5, 4)).eval()
    model = absorb.absorb(net, 128)
    assert model.digest == absorb.absorb(net, 128).digest
    assert absorb.absorb(net, 127).digest != model.digest
    for k, change in ((0, "weights"), (0, "thresholds"), (1, "weights")):
        arrays = {"weights": model.layers[k].weights.copy(), "thresholds": model.layers[k].thresholds}
        if change == "weights":
            arrays["weights"][-1, -1] ^= True
        else:
            arrays["thresholds"] = arrays["thresholds"] + 1
        layers = list(model.layers)
        layers[k] = LayerWeights(**arrays)
        assert replace(model, layers=tuple(layers)).digest != model.digest
