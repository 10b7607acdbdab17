# SPDX-License-Identifier: Apache-2.0
"""The command `import`: what it writes is a design that loads and exports, and it overwrites nothing unasked."""

import numpy as np
import pytest

from xnorfpga import __main__ as cli
from xnorfpga.artefacts.accelerator import Accelerator
from xnorfpga.artefacts.folding import Folding
from xnorfpga.base import paths
from xnorfpga.design import designs
from xnorfpga.flow import run as flow
from xnorfpga.interchange import plain
from xnorfpga.network import imported, package


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A network in a plain .npz, and folders of designs and models of its own."""
    for name in ("designs", "models"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(paths, "DESIGNS", tmp_path / "designs")
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    random = np.random.default_rng(4)
    np.savez(
        tmp_path / "their net.npz",
        weights0=random.integers(0, 2, (12, 784)),
        thresholds0=random.integers(380, 404, 12),
        weights1=random.integers(0, 2, (10, 12)),
        input_threshold=99,
    )
    return tmp_path / "their net.npz"


def test_a_design_and_a_model_are_written_and_go_through_the_flow(source, capsys, monkeypatch):
    monkeypatch.delenv("XNORFPGA_DATA", raising=False)
    assert cli.main(["import", str(source)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("their net.npz: 784-12-10, a pixel of 99 or more is +1 → ")
    assert said[1:] == ["next: doit report:their_net"]
    design = designs.load("their_net")
    assert (design.origin, design.network.layers, design.folding) == ("imported", (784, 12, 10), "auto")
    model, known = imported.load(design.model)
    assert model.digest == plain.read(source)[0].digest
    assert (known.source, known.pixel_max) == ("their net.npz", None)
    flow.run("export", "their_net")
    build = paths.BUILD / "their_net"
    assert package.load(build).digest == model.digest
    assert Accelerator.read(build / "accelerator.json").origin == "imported"
    flow.run("fold", "their_net")
    assert len(Folding.read(build / "folding.json").layers) == 2


def test_nothing_is_overwritten_unless_that_was_asked_for(source, capsys):
    assert cli.main(["import", str(source), "--name", "mine"]) == 0
    files = [paths.DESIGNS / "mine.toml", paths.MODELS / "mine.npz"]
    before = [path.read_bytes() for path in files]
    for absent, there in (files, reversed(files)):
        content = absent.read_bytes()
        absent.unlink()
        assert cli.main(["import", str(source), "--name", "mine"]) == 2
        told = capsys.readouterr().err
        assert told == f"error: {there}: is there already; --replace overwrites it, --name gives another name\n"
        assert not absent.exists()
        absent.write_bytes(content)
    files[0].write_text("another design")
    assert cli.main(["import", str(source), "--name", "mine", "--replace"]) == 0
    assert [path.read_bytes() for path in files] == before


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--name", "a b"], "--name 'a b': accepted: up to 64 letters"),
        (["--board", "de2"], "--board 'de2': accepted: de10nano, de1soc"),
        (["--pixel-max", "255"], "--pixel-max is for .onnx"),
    ],
)
def test_bad_options_are_one_line_and_write_nothing(source, capsys, arguments, said):
    assert cli.main(["import", str(source), *arguments]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {said}") and told.count("\n") == 1
    assert not [*paths.DESIGNS.iterdir(), *paths.MODELS.iterdir()]


def test_other_files_and_too_large_networks_are_one_line(source, capsys):
    assert cli.main(["import", str(source.with_suffix(".pt"))]) == 2
    assert "accepted: a file .onnx (QONNX) or .npz" in capsys.readouterr().err
    big = source.with_name("big.npz")
    np.savez(
        big, weights0=np.ones((8192, 784), bool), thresholds0=np.ones(8192, int), weights1=np.ones((10, 8192), bool)
    )
    assert cli.main(["import", str(big)]) == 2
    told = capsys.readouterr().err
    assert "weight bits are" in told and told.count("\n") == 1


def test_an_onnx_file_is_imported(source, capsys):
    onnx = pytest.importorskip("onnx")
    from onnx import helper, numpy_helper

    arrays = dict(np.load(source))
    signs = [(2 * arrays[f"weights{k}"].T - 1).astype(np.float32) for k in range(2)]
    at = 2 * arrays["thresholds0"] - 784 - 1  # between two sums, which are 784 minus an even number
    constants = {"half": np.float32(98.5), "w0": signs[0], "t": at.astype(np.float32), "w1": signs[1]}
    steps = [("Flatten", "x"), ("Sub", "half"), ("Sign",), ("MatMul", "w0"), ("Sub", "t"), ("Sign",), ("MatMul", "w1")]
    nodes, name = [], "x"
    for k, (kind, *given) in enumerate(steps):
        inputs = [name, *(each for each in given if each != "x")]
        name = f"n{k}"
        nodes.append(helper.make_node(kind, inputs, [name]))
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 1, 28, 28])],
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()],
    )
    path = source.with_name("theirs.onnx")
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)
    assert cli.main(["import", str(path), "--pixel-max", "255"]) == 0
    model, known = imported.load(paths.MODELS / "theirs.npz")
    assert known.pixel_max == 255
    assert model.digest == plain.read(source)[0].digest


def test_a_convolutional_onnx_file_becomes_a_design_that_exports(source, capsys, monkeypatch):
    """Of MNIST's grey pixels, quantized to four levels around 0, which takes a table."""
    pytest.importorskip("onnx")
    from test_qonnx import QONNX, Graph, float32, signs

    monkeypatch.delenv("XNORFPGA_DATA", raising=False)
    g, graph = np.random.default_rng(1), Graph()
    graph.add("Mul", float32(2)).add("Sub", float32(1))
    graph.add("Quant", float32(0.5), float32(0), float32(2), domain=QONNX, signed=1)
    for channels, filters, stride in ((1, 4, 2), (4, 3, 1)):
        graph.add("Conv", signs(g, filters, channels, 3, 3), kernel_shape=[3, 3], strides=[stride, stride])
        graph.add("Sub", float32(0.25)).add("BipolarQuant", float32(1), domain=QONNX)
    graph.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2]).add("Flatten").add("MatMul", signs(g, 75, 10))
    path = graph.write(source.with_name("conv.onnx"))
    assert cli.main(["import", str(path)]) == 0
    assert capsys.readouterr().out.startswith("conv.onnx: 4C3s2-3C3-MP2-10, 2 bits a pixel → ")
    design = designs.load("conv")
    assert [(each.kernel, each.stride, each.pool) for each in design.convolutions] == [(3, 2, 1), (3, 1, 2)]
    flow.run("export", "conv")
    exported = package.load(paths.BUILD / "conv")
    model, _ = imported.load(design.model)
    assert exported.digest == model.digest
    assert np.array_equal(exported.levels, model.levels) and len(set(model.levels.tolist())) == 4
