# SPDX-License-Identifier: Apache-2.0
"""Frames: whatever is packed is unpacked, and whatever was damaged is not."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorfpga.host import protocol
from xnorfpga.host.protocol import Answer, Command, Counters, Damaged, Identity


@given(st.binary(max_size=800))
def test_a_frame_is_its_body_between_delimiters(body):
    frame = protocol.pack(body)
    assert frame.count(protocol.DELIMITER) == 1 and frame.endswith(protocol.DELIMITER)
    assert protocol.unpack(frame[:-1]) == body


@given(st.binary(max_size=300), st.data())
def test_a_damaged_frame_is_none(body, data):
    frame = protocol.pack(body)[:-1]
    place = data.draw(st.integers(0, len(frame) - 1))
    other = data.draw(
        st.sampled_from(("flip", "drop", "double")).map(
            lambda kind: {
                "flip": frame[:place] + bytes([frame[place] ^ 0x10 or 1]) + frame[place + 1 :],
                "drop": frame[:place] + frame[place + 1 :],
                "double": frame[: place + 1] + frame[place:],
            }[kind]
        )
    )
    if other != frame:
        with pytest.raises(Damaged):
            protocol.unpack(other)


def test_a_request_byte_by_byte():
    """As docs/board.md shows it: sequence number 7, classify, 2 images with scores, their bytes, the CRC-32, COBS."""
    frame = protocol.request(7, Command.CLASSIFY, 2 | protocol.WITH_SCORES << 8, b"\x11\x22")
    assert frame.hex(" ") == "0b 07 02 02 80 11 22 84 73 82 1b 00"


def test_an_answer_is_parsed():
    assert Answer.parse(protocol.pack(b"\5\0abc")[:-1]) == Answer(5, 0, b"abc")
    with pytest.raises(Damaged, match="too short"):
        Answer.parse(protocol.pack(b"\5")[:-1])


def test_an_identity_is_parsed():
    data = struct.pack("<BIIIIBHBII", 1, 0xBADCAFE, 50_000, 784, 10, 2, 3, 7, 740, 368_640)
    identity = Identity.parse(data)
    assert (identity.digest, identity.image_bytes, identity.label_bytes, identity.chunks) == (0xBADCAFE, 98, 1, 499)
    with pytest.raises(Damaged):
        Identity.parse(data[:-1])


def test_counters_wrap():
    earlier, later = Counters(2**32 - 5, 1, 1, 1, 1), Counters(5, 3, 1, 2, 1)
    assert later.since(earlier) == Counters(10, 2, 0, 1, 0)
