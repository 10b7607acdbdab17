# SPDX-License-Identifier: Apache-2.0
"""The frames on the serial line, as docs/board.md has them: COBS around a header, data and a CRC-32."""

import struct
import zlib
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Self

from cobs import cobs

VERSION = 1
DELIMITER = b"\0"
MAX_LOG_ROUNDS = 16  # a batch goes through the accelerator at most 2^16 times
WITH_SCORES = 0x80  # in the upper byte of a classification's argument, beside the logarithm of its rounds


class Command(IntEnum):
    """What a request asks for."""

    IDENTIFY = 1
    CLASSIFY = 2
    LOAD = 3
    COUNTERS = 4


class Status(IntEnum):
    """What an answer says of its request."""

    OK = 0
    DAMAGED_FRAME = 1
    UNKNOWN_COMMAND = 2
    WRONG_LENGTH = 3
    WRONG_CHUNK = 4
    INCOMPLETE_MODEL = 5


class Damaged(ValueError):
    """The bytes between two delimiters are not a frame."""


def pack(body: bytes) -> bytes:
    """Return a frame, its delimiter behind it."""
    return cobs.encode(body + struct.pack("<I", zlib.crc32(body))) + DELIMITER


def unpack(encoded: bytes) -> bytes:
    """Return the body of a frame, given without delimiters.

    Raises Damaged where COBS or the CRC does not fit.
    """
    try:
        frame = cobs.decode(encoded)
    except cobs.DecodeError as error:
        raise Damaged(str(error)) from None
    body, crc = frame[:-4], frame[-4:]
    if struct.pack("<I", zlib.crc32(body)) != crc:
        raise Damaged("the CRC does not fit")
    return body


def request(sequence: int, command: int, argument: int = 0, data: bytes = b"") -> bytes:
    """Return a request's frame: `sequence` and `command` are bytes, `argument` is two."""
    return pack(struct.pack("<BBH", sequence, command, argument) + data)


@dataclass(frozen=True)
class Answer:
    """An answer: the sequence number of its request (0 of a damaged one), its status and what follows."""

    sequence: int
    status: int
    data: bytes

    @classmethod
    def parse(cls, encoded: bytes) -> Self:
        """Return the answer in a frame, given without delimiters.

        Raises Damaged where it is none.
        """
        body = unpack(encoded)
        if len(body) < 2:
            raise Damaged("too short")
        return cls(body[0], body[1], body[2:])


class _Record:
    """Whole numbers one after the other, the lowest byte first."""

    LAYOUT: struct.Struct

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Return what the answer's data holds.

        Raises Damaged where it is of another length.
        """
        try:
            return cls(*cls.LAYOUT.unpack(data))
        except struct.error as error:
            raise Damaged(str(error)) from None


@dataclass(frozen=True)
class Identity(_Record):
    """What the board holds.

    version: of the protocol. digest: of the design's hardware, as its manifest has it. clock_khz: of the accelerator.
    image_bits: of an image with all its planes. score_bytes: of a score. copies: images that share a weight read.
    images_per_frame: at most in one request. chunk_bytes: of a chunk of a model, but for the last one. model_bytes.
    """

    LAYOUT = struct.Struct("<BIIIIBHBII")
    version: int
    digest: int
    clock_khz: int
    image_bits: int
    classes: int
    score_bytes: int
    copies: int
    images_per_frame: int
    chunk_bytes: int
    model_bytes: int

    @property
    def image_bytes(self) -> int:
        """Bytes of an image."""
        return -(-self.image_bits // 8)

    @property
    def label_bytes(self) -> int:
        """Bytes of a class."""
        return -(-max(1, (self.classes - 1).bit_length()) // 8)

    @property
    def chunks(self) -> int:
        """Chunks of a model."""
        return -(-self.model_bytes // self.chunk_bytes)


@dataclass(frozen=True)
class Counters(_Record):
    """What the board counted since its reset, each modulo 2^32.

    cycles: in which the accelerator worked on a batch. images: results that left it. frames: good ones, each once
    however often it came. damaged: frames whose CRC, length or COBS was wrong. errors: good ones that were refused.
    """

    LAYOUT = struct.Struct("<IIIII")
    cycles: int
    images: int
    frames: int
    damaged: int
    errors: int

    def since(self, earlier: Self) -> Self:
        """Return what was counted since `earlier`."""
        return type(self)(
            *((getattr(self, field.name) - getattr(earlier, field.name)) % 2**32 for field in fields(self))
        )
