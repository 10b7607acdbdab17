# SPDX-License-Identifier: Apache-2.0
"""The host's class, against a board in Python: what it sends, what it makes of answers, and of none."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from host.boards import IDENTITY, Board, label_of, scores_of
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorfpga.base.errors import UserError
from xnorfpga.host import accelerator as host
from xnorfpga.host.accelerator import Accelerator, Refused
from xnorfpga.host.faults import KINDS, FaultyLine
from xnorfpga.network.encoding import pack_bytes


def images(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 784)) < 0.5


def labels(bits: np.ndarray) -> list[int]:
    return [label_of(row.tobytes()) for row in pack_bytes(bits)]


def test_images_are_classified_in_full_frames():
    board = Board()
    bits = images(20)
    with Accelerator(board) as accelerator:
        found = accelerator.classify(bits)
        assert found.dtype == np.int64 and found.tolist() == labels(bits)
        assert accelerator.statistics.requests == 1 + 3
    assert board.closed


def test_scores_and_cycles():
    bits = images(9)
    came = Accelerator(Board()).run(bits, with_scores=True)
    assert came.scores.tolist() == [scores_of(row.tobytes()) for row in pack_bytes(bits)]
    assert came.classes.tolist() == labels(bits) and came.cycles == 81
    assert (Accelerator(Board()).scores(bits) == came.scores).all()


def test_no_images_need_no_request():
    accelerator = Accelerator(Board())
    assert accelerator.classify(images(0)).tolist() == [] and accelerator.statistics.requests == 1


def test_rounds_are_asked_for():
    board = Board()
    Accelerator(board).run(images(2), log_rounds=5)
    assert board.images == 2 * 32


def test_grey_images_are_encoded_by_the_model_or_at_128():
    grey = np.random.default_rng(2).integers(256, size=(3, 28, 28), dtype=np.uint8)
    assert Accelerator(Board()).classify(grey).tolist() == labels(grey.reshape(3, -1) >= 128)
    model = SimpleNamespace(encode=lambda images: images.reshape(len(images), -1) >= 7, sent=lambda bits: bits)
    assert Accelerator(Board(), model=model).classify(grey).tolist() == labels(grey.reshape(3, -1) >= 7)


@pytest.mark.parametrize(
    "shape, dtype", [((2, 783), bool), ((2, 784), np.uint8), ((784,), bool), ((2, 8, 8), np.uint8)]
)
def test_images_of_another_size_are_refused(shape, dtype):
    with pytest.raises(UserError, match=r"accepted by the board: bool\[N, 784\], or uint8\[N, 28, 28\]"):
        Accelerator(Board()).classify(np.zeros(shape, dtype))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from((0.0005, 0.002, 0.01)))
def test_no_wrong_answer_is_accepted_and_none_counts_twice(seed, rate):
    board, bits = Board(), images(30, seed)
    line = FaultyLine(board, seed)
    accelerator = Accelerator(line, attempts=10_000, patience_s=0)
    line.rate = rate
    assert accelerator.classify(bits).tolist() == labels(bits)
    assert board.images == 30


def test_the_fault_injection_injects_each_kind():
    """Negative control: without a CRC the answers would be wrong."""
    line = FaultyLine(Board(), 5, rate=0.5)
    sent = bytes(range(256)) * 4
    assert line._through(sent) != sent
    assert set(line.faults) == set(KINDS) and all(count > 50 for count in line.faults.values())
    assert 400 < line.faults.total() < 624


def test_a_silent_board_is_asked_again_and_given_up():
    board = Board(silent=3)
    accelerator = Accelerator(board, patience_s=0.001)
    assert (accelerator.statistics.retries, accelerator.statistics.silent) == (3, 3)
    board = Board(silent=1000)
    with pytest.raises(UserError, match="a test's board: no answer to 4 attempts; is it the board's port"):
        Accelerator(board, attempts=4, patience_s=0.001)
    assert board.closed


def test_a_stale_answer_is_not_taken():
    board = Board()
    accelerator = Accelerator(board)
    accelerator.classify(images(2, 7))
    board.sent += board.last[1]  # once more, late
    bits = images(2, 8)
    assert accelerator.classify(bits).tolist() == labels(bits)


def test_another_version_of_the_protocol():
    with pytest.raises(UserError, match="speaks version 2 of the protocol, this host 1"):
        Accelerator(Board(dataclasses.replace(IDENTITY, version=2)))


def test_another_design():
    accelerator = Accelerator(Board())
    manifest = SimpleNamespace(design="mine", link=SimpleNamespace(digest="0badcafe"))
    accelerator.check(manifest)
    manifest.link.digest = "00000001"
    with pytest.raises(UserError, match="holds the design 0badcafe; accepted: 00000001, which is mine"):
        accelerator.check(manifest)


def test_a_model_is_loaded_in_chunks(tmp_path):
    board, model = Board(), np.random.default_rng(3).bytes(200)
    accelerator = Accelerator(board)
    (tmp_path / "load.bin").write_bytes(model)
    accelerator.load(tmp_path / "load.bin")
    assert board.model == model and accelerator.statistics.requests == 1 + 4
    with pytest.raises(UserError, match="a model of 199 bytes; accepted by the board: 200"):
        accelerator.load(model[1:])
    with pytest.raises(UserError, match="absent: cannot read"):
        accelerator.load(tmp_path / "absent")


def test_an_unfinished_load_is_finished_first():
    board, model = Board(), np.random.default_rng(4).bytes(200)
    board.chunk, board.model = 2, b"of another host's model, 128 bytes".ljust(128)
    accelerator = Accelerator(board)
    with pytest.raises(Refused, match="the board refused: INCOMPLETE_MODEL"):
        accelerator.classify(images(1))
    accelerator.load(model)
    assert board.model == model and accelerator.classify(images(1)).tolist() == labels(images(1))


def test_a_wrong_checksum_is_told(monkeypatch):
    board = Board()
    real = board.do
    monkeypatch.setattr(board, "do", lambda command, *rest: real(command, *rest[:1], rest[1].replace(b"\1", b"\2")))
    with pytest.raises(UserError, match="the board's checksum is 0x"):
        Accelerator(board).load(b"\1" * 200)


def test_counters():
    accelerator = Accelerator(Board())
    before = accelerator.counters()
    accelerator.classify(images(8))
    assert accelerator.counters().since(before).images == 8


def test_a_port_that_is_not_there():
    with pytest.raises(UserError, match="/dev/absent: cannot open the port"):
        Accelerator("/dev/absent")


def test_a_port_that_goes_away(monkeypatch):
    board = Board()
    accelerator = Accelerator(board)

    def gone(data):
        raise OSError("device reports readiness to read but returned no data")

    monkeypatch.setattr(board, "write", gone)
    with pytest.raises(UserError, match="the port is gone: device reports"):
        accelerator.counters()


def test_the_port_has_no_other_session_s_sequence(monkeypatch):
    monkeypatch.setattr(host.random, "randrange", lambda limit: limit - 1)
    assert Accelerator(Board())._sequence == 255
    monkeypatch.setattr(host.random, "randrange", lambda limit: 0)
    assert Accelerator(Board())._sequence == 1
