# SPDX-License-Identifier: Apache-2.0
"""A board in a few lines of Python, as docs/board.md says; tests of the host need no simulator."""

import struct
import zlib

import numpy as np

from xnorfpga.host import protocol
from xnorfpga.host.protocol import Command, Damaged, Identity, Status

IDENTITY = Identity(1, 0xBADCAFE, 50_000, 784, 10, 2, 3, 7, 64, 200)


def label_of(packed: bytes) -> int:
    """Return the class of an image."""
    return zlib.crc32(packed) % 10


def scores_of(packed: bytes) -> list[int]:
    """Return the scores of an image."""
    return [zlib.crc32(packed + bytes([k])) % 1025 for k in range(10)]


class Board:
    """A serial line with a board at its other end, which answers at once. `silent`: so many requests it misses."""

    name = "a test's board"

    def __init__(self, identity: Identity = IDENTITY, silent: int = 0) -> None:
        """Switch on."""
        self.identity, self.silent, self.timeout = identity, silent, None
        self.received, self.sent = b"", b""
        self.last: tuple[bytes, bytes] = (b"", b"")
        self.chunk, self.model, self.model_complete = 0, b"", True
        self.images = self.frames = self.damaged = self.errors = 0
        self.closed = False

    @property
    def in_waiting(self) -> int:
        """Bytes that have arrived."""
        return len(self.sent)

    def read(self, size: int = 1) -> bytes:
        """Return what was answered."""
        data, self.sent = self.sent[:size], self.sent[size:]
        return data

    def close(self) -> None:
        """Note it."""
        self.closed = True

    def write(self, data: bytes) -> int:
        """Take what a host sends."""
        *frames, self.received = (self.received + data).split(protocol.DELIMITER)
        for frame in filter(None, frames):
            self.take(frame)
        return len(data)

    def take(self, encoded: bytes) -> None:
        """Answer a frame."""
        if self.silent:
            self.silent -= 1
            return
        try:
            body = protocol.unpack(encoded)
        except Damaged:
            self.damaged += 1
            self.sent += protocol.pack(bytes([0, Status.DAMAGED_FRAME]))
            return
        if body != self.last[0]:
            self.frames += 1
            sequence, command, argument = struct.unpack("<BBH", body[:4])
            status, data = self.do(command, argument, body[4:])
            self.errors += status != Status.OK
            self.last = body, protocol.pack(bytes([sequence, status]) + data)
        self.sent += self.last[1]

    def do(self, command: int, argument: int, data: bytes) -> tuple[Status, bytes]:
        """Do what a request asks for."""
        identity = self.identity
        match command:
            case Command.IDENTIFY:
                return Status.OK, identity.LAYOUT.pack(*vars(identity).values())
            case Command.COUNTERS:
                return Status.OK, struct.pack(
                    "<5I", 9 * self.images, self.images, self.frames, self.damaged, self.errors
                )
            case Command.LOAD:
                if argument != self.chunk:
                    return Status.WRONG_CHUNK, struct.pack("<HI", self.chunk, zlib.crc32(self.model))
                self.model = data if self.chunk == 0 else self.model + data
                self.chunk = (self.chunk + 1) % identity.chunks
                return Status.OK, struct.pack("<HI", self.chunk, zlib.crc32(self.model))
        packed = np.frombuffer(data, np.uint8).reshape(argument & 0xFF, identity.image_bytes)
        if self.chunk:
            return Status.INCOMPLETE_MODEL, b""
        self.images += len(packed) << (argument >> 8 & 31)
        answer = b""
        for image in packed:
            answer += bytes([label_of(image.tobytes())])
            if argument >> 15:
                answer += struct.pack("<10H", *scores_of(image.tobytes()))
        return Status.OK, answer + struct.pack("<I", 9 * len(packed))
