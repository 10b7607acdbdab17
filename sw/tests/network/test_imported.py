# SPDX-License-Identifier: Apache-2.0
"""Imported models: what is written comes back, and whatever is not that is refused in one line."""

import json

import numpy as np
import pytest

from xnorfpga.base.errors import UserError
from xnorfpga.base.paths import MODELS
from xnorfpga.network import imported, package
from xnorfpga.network.golden import LayerWeights, Model

NETWORK = (784, 9, 10)


@pytest.fixture
def written(tmp_path):
    """A random model, and the file that it was written into."""
    random = np.random.default_rng(5)
    hidden = LayerWeights(random.random((9, 784)) < 0.5, random.integers(0, 786, 9).astype(np.int32))
    model = Model((hidden, LayerWeights(random.random((10, 9)) < 0.5, None)), 77, NETWORK)
    source, path = tmp_path / "theirs.onnx", tmp_path / "ours.npz"
    source.write_bytes(b"their network")
    imported.write(path, model, imported.record(model, source, 255.0))
    return model, path


def test_what_is_written_comes_back(written, tmp_path):
    model, path = written
    found, known = imported.load(path)
    assert found.digest == model.digest
    assert (found.network, found.input_threshold) == (NETWORK, 77)
    assert (known.source, known.pixel_max, known.digest) == ("theirs.onnx", 255.0, model.digest)
    before = path.read_bytes()
    imported.write(path, found, known)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["weights0", "thresholds0", "weights1", "record"])
def test_every_array_is_needed_and_under_the_digest(written, name):
    _, path = written
    whole = package.read_npz(path)
    package.write_npz(path, {key: value for key, value in whole.items() if key != name})
    with pytest.raises(UserError, match=r"^[^\n]*ours.npz: not a model as `xnorfpga import` writes it [^\n]+$"):
        imported.load(path)
    changed = whole[name].copy()
    if name == "record":
        values = json.loads(changed.tobytes()) | {"input_threshold": 78}
        changed = np.frombuffer(json.dumps(values).encode(), np.uint8)
    else:
        changed.reshape(-1)[0] ^= 1
    package.write_npz(path, {**whole, name: changed})
    with pytest.raises(UserError, match=r"^[^\n]*ours.npz: digest \w+ is not that of its content[^\n]+$"):
        imported.load(path)


@pytest.mark.parametrize("name", ["weights0", "thresholds0"])
def test_arrays_of_another_shape_are_one_line(written, name):
    _, path = written
    whole = package.read_npz(path)
    for values in (whole[name][:-1], whole[name].astype(np.float64), whole[name].astype(np.int64)):
        package.write_npz(path, {**whole, name: values})
        with pytest.raises(UserError, match=r"^[^\n]*ours.npz: not a model as [^\n]+$"):
            imported.load(path)


def test_a_published_model_is_no_imported_one():
    with pytest.raises(UserError, match=r"^[^\n]*mnist.npz: a published model[^\n]+training$"):
        imported.load(MODELS / "mnist.npz")
