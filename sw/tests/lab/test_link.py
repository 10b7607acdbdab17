# SPDX-License-Identifier: Apache-2.0
"""The figures of a faulty line, against a board in Python: what is wrong, lost or done twice is counted so."""

import numpy as np
from host.boards import Board, label_of, scores_of

from xnorfpga.host import protocol
from xnorfpga.host.protocol import Command
from xnorfpga.lab import link
from xnorfpga.network.encoding import pack_bytes
from xnorfpga.network.golden import Inference


def measured(monkeypatch, board: Board, faults: int = 300, patience_s: float = 1.0) -> link.LinkFigures:
    monkeypatch.setattr(link, "open_port", lambda port: board)
    monkeypatch.setattr(link, "PATIENCE_S", 0.0 if faults else patience_s)
    bits = np.random.default_rng(1).random((40, 784)) < 0.5
    packed = [row.tobytes() for row in pack_bytes(bits)]
    expected = Inference([], np.array([scores_of(row) for row in packed]), np.array([label_of(row) for row in packed]))
    return link._classify("a design", "a port", bits, expected, faults, seed=3)


def test_a_right_board(monkeypatch):
    found = measured(monkeypatch, Board())
    assert (found.images, found.wrong, found.lost, found.repeated) == (40, 0, 0, 0)
    assert found.faults >= 300 and found.sent >= 40 and found.retries > 100
    assert found.faults == found.flipped + found.dropped + found.inserted + found.duplicated
    assert found.damaged_at_board > 50 and found.damaged_at_host > 20


def test_no_faults(monkeypatch):
    found = measured(monkeypatch, Board(), faults=0)
    assert (found.images, found.sent, found.faults, found.retries) == (40, 40, 0, 0)


def test_a_wrong_answer_is_counted(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("host.boards.scores_of", lambda packed: [0] * 10)
        assert measured(monkeypatch, Board(), faults=0).wrong == 40
    monkeypatch.setattr("host.boards.label_of", lambda packed: 11)
    assert measured(monkeypatch, Board(), faults=0).wrong == 40


def test_a_frame_done_twice_is_counted(monkeypatch):
    class Forgetful(Board):
        def take(self, encoded: bytes) -> None:
            self.last = b"", b""
            super().take(encoded)

    assert measured(monkeypatch, Forgetful()).repeated > 0


def test_an_image_without_an_answer_is_lost(monkeypatch):
    class Deaf(Board):
        def take(self, encoded: bytes) -> None:
            if self.images < 12 or protocol.unpack(encoded)[1] != Command.CLASSIFY:
                super().take(encoded)

    monkeypatch.setattr(link, "ATTEMPTS", 2)
    monkeypatch.setattr("xnorfpga.host.accelerator.MAX_BACKOFF", 1)
    found = measured(monkeypatch, Deaf(), faults=0, patience_s=0.01)
    assert found.lost > 20 and found.lost + 12 <= found.sent and (found.wrong, found.repeated) == (0, 0)
