# SPDX-License-Identifier: Apache-2.0
"""`Accelerator(port).classify(images)`: a board, or a simulated one, at the other end of a serial line."""

import contextlib
import random
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, TypeVar

import numpy as np
import serial
from numpy.typing import NDArray
from tqdm import tqdm

from xnorfpga.artefacts.hardware import BAUD
from xnorfpga.artefacts.manifest import Manifest
from xnorfpga.base.errors import UserError
from xnorfpga.host import protocol
from xnorfpga.host.protocol import Command, Counters, Identity, Status
from xnorfpga.network.encoding import Bits, pack_bytes
from xnorfpga.network.golden import Model

Record = TypeVar("Record", Identity, Counters)
PATIENCE_S = 0.1  # beyond what an answer takes, for the computers between: a USB-serial cable alone holds bytes 16 ms
ATTEMPTS = 10
MAX_BACKOFF = 64
PROGRESS_AFTER_S = 1.0


class Line(Protocol):
    """What is needed of a serial port; pyserial's is one. `read` waits `timeout` seconds at most."""

    timeout: float | None

    @property
    def in_waiting(self) -> int:
        """Bytes that have arrived."""

    def read(self, size: int = 1) -> bytes:
        """Return up to `size` bytes."""

    def write(self, data: bytes, /) -> int | None:
        """Send bytes."""

    def close(self) -> None:
        """Let go of the port."""


class Refused(UserError):
    """The board understood a request and refused it."""

    def __init__(self, place: str, status: int, data: bytes) -> None:
        """Say what the board's `status` means; `data` is what came with it."""
        known = status in Status.__members__.values()
        super().__init__(f"{place}: the board refused: {Status(status).name if known else f'status {status}'}")
        self.status, self.data = status, data


@dataclass
class Statistics:
    """What the line did so far: requests, how often one was sent again, answers that were damaged or never came."""

    requests: int = 0
    retries: int = 0
    damaged: int = 0
    silent: int = 0


@dataclass(frozen=True, eq=False)
class Batch:
    """What the board says of N images: classes int64[N], scores int64[N, classes] where they were asked for.

    cycles: that the accelerator took for them.
    """

    classes: NDArray[np.int64]
    scores: NDArray[np.int64] | None
    cycles: int


class Accelerator:
    """A board on a serial line. Every request is repeated until it is answered, and done once however often it came."""

    def __init__(
        self,
        port: str | Line,
        baud: int = BAUD,
        model: Model | None = None,
        attempts: int = ATTEMPTS,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Open a port and ask what is there.

        Args:
            port: name of a serial port (`/dev/ttyUSB0`, `COM3`), or an open line.
            baud: as the design's table [board] has it.
            model: says which bits a grey image becomes; without it bits alone are accepted, and images of 28 × 28
                where the board takes as many bits.
            attempts: how often a request is sent at most.
            patience_s: how long an answer may be late before the request is sent again, on the first attempt.

        Raises UserError where the port cannot be opened, nothing answers or something else does.
        """
        self.place = port if isinstance(port, str) else getattr(port, "name", None) or "the line"
        self.model, self.attempts, self.patience_s = model, attempts, patience_s
        self.statistics = Statistics()
        self._line = open_port(port, baud) if isinstance(port, str) else port
        self._second_per_byte = 20 / baud  # measured as answers come: a simulated board is slower than its baud rate
        self._backoff = 1  # times as long an answer is awaited after none came
        self._sequence = random.randrange(255)  # not another session's last, whose answer the board still has
        self._received = b""
        try:
            data = self._request(Command.IDENTIFY)
            if data[:1] != bytes([protocol.VERSION]):
                raise UserError(
                    f"{self.place}: the board speaks version {data[0]} of the protocol, this host {protocol.VERSION}"
                )
            self.identity = self._parse(Identity, data)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Return this."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """Close the port."""
        self.close()

    def close(self) -> None:
        """Let go of the port."""
        self._line.close()

    def check(self, manifest: Manifest) -> None:
        """Hold the board to what was elaborated.

        Raises UserError where it holds another design.
        """
        digest = f"{self.identity.digest:08x}"
        if digest != manifest.link.digest:
            accepted = f"accepted: {manifest.link.digest}, which is {manifest.design}"
            raise UserError(f"{self.place}: the board holds the design {digest}; {accepted}")

    def classify(self, images: NDArray) -> NDArray[np.int64]:
        """Return the classes int64[N] of images: uint8 [N, 28, 28], or bool [N, planes · MW] as a model encodes them.

        Raises UserError for images of another size, and where the board does not answer.
        """
        return self.run(images).classes

    def scores(self, images: NDArray) -> NDArray[np.int64]:
        """Return the scores int64[N, classes] of images, as `classify` takes them."""
        scores = self.run(images, with_scores=True).scores
        assert scores is not None
        return scores

    def run(self, images: NDArray, with_scores: bool = False, log_rounds: int = 0) -> Batch:
        """Send images in batches, as many as a frame holds, and return what came.

        Args:
            images: as `classify` takes them.
            log_rounds: each batch goes through the accelerator 2^log_rounds times in a row, 0 to 16, and is answered
                from the last time: so the engine's own speed is measured through a slow cable.
        """
        packed = pack_bytes(self.encode(images))
        size, identity = self.identity.images_per_frame, self.identity
        argument = log_rounds << 8 | (protocol.WITH_SCORES << 8 if with_scores else 0)
        record = np.dtype(
            [("label", f"V{identity.label_bytes}")]
            + ([("scores", f"V{identity.score_bytes}", (identity.classes,))] if with_scores else [])
        )
        records, cycles = np.empty(len(packed), record), 0
        with tqdm(total=len(packed), desc="classify", unit="image", disable=None, delay=PROGRESS_AFTER_S) as bar:
            for start in range(0, len(packed), size):
                part = packed[start : start + size]
                data = self._request(Command.CLASSIFY, argument | len(part), part.tobytes())
                if len(data) != len(part) * record.itemsize + 4:
                    raise UserError(
                        f"{self.place}: {len(data)} bytes for {len(part)} images; the board is of another make"
                    )
                records[start : start + len(part)] = np.frombuffer(data[:-4], record)
                cycles += struct.unpack("<I", data[-4:])[0]
                bar.update(len(part))
        scores = _integers(records["scores"]) if with_scores else None
        return Batch(_integers(records["label"]), scores, cycles)

    def encode(self, images: NDArray) -> Bits:
        """Return images as bool [N, bits of an image], in the order of the accelerator's words.

        Raises UserError where they are not of the board's size.
        """
        bits = self.identity.image_bits
        if images.dtype == np.uint8 and images.ndim in (3, 4):
            if self.model is not None:
                images = self.model.sent(self.model.encode(images))
            elif images[0].size == bits:
                images = images.reshape(len(images), -1) >= 128
        if images.dtype != bool or images.shape[1:] != (bits,):
            accepted = f"bool[N, {bits}], or uint8[N, 28, 28] with the design's model"
            raise UserError(f"images of {images.dtype}{list(images.shape)}; accepted by the board: {accepted}")
        return images

    def load(self, model: Path | bytes) -> None:
        """Load a model: the file `mem/load.bin` of a design's build folder, or its bytes.

        A load that another host left unfinished is brought to its end first.

        Raises UserError where it is of another size, or where the board's checksum is not the model's.
        """
        content = _read(model) if isinstance(model, Path) else model
        if len(content) != self.identity.model_bytes:
            raise UserError(f"a model of {len(content)} bytes; accepted by the board: {self.identity.model_bytes}")
        for _ in range(2):
            first, checksum = self._send_model(content)
            if checksum == zlib.crc32(content):
                return
            if first == 0:
                break
        raise UserError(
            f"{self.place}: the board's checksum is {checksum:#010x}, the model's {zlib.crc32(content):#010x}"
        )

    def _send_model(self, content: bytes) -> tuple[int, int]:
        """Send the chunks from the one that the board expects to the last; return which that was, and the checksum."""
        size, chunks = self.identity.chunk_bytes, self.identity.chunks
        first = chunk = checksum = 0
        with tqdm(total=chunks, desc="load", unit="chunk", disable=None, delay=PROGRESS_AFTER_S) as bar:
            while True:
                try:
                    answer = self._request(Command.LOAD, chunk, content[chunk * size : (chunk + 1) * size])
                except Refused as refused:
                    if refused.status != Status.WRONG_CHUNK or chunk:
                        raise
                    answer = refused.data
                    first = struct.unpack("<HI", answer)[0]
                chunk, checksum = struct.unpack("<HI", answer)
                bar.update(chunk - bar.n if chunk else chunks - bar.n)
                if chunk == 0:
                    return first, checksum

    def counters(self) -> Counters:
        """Return what the board counted since its reset."""
        return self._parse(Counters, self._request(Command.COUNTERS))

    def _parse(self, record: type[Record], data: bytes) -> Record:
        try:
            return record.parse(data)
        except protocol.Damaged as error:
            raise UserError(f"{self.place}: an answer that this host does not know: {error}") from None

    def _request(self, command: Command, argument: int = 0, data: bytes = b"") -> bytes:
        """Send a request until it is answered, and return the answer's data.

        Raises Refused where the board says so, UserError where it does not answer.
        """
        self._sequence = self._sequence % 255 + 1  # 0 is the answer's to nobody
        frame = protocol.DELIMITER + protocol.request(self._sequence, command, argument, data)
        self.statistics.requests += 1
        expected_s = self.patience_s + 2 * (len(frame) + 64) * self._second_per_byte
        first, damaged = time.monotonic(), False
        for attempt in range(self.attempts):
            self.statistics.retries += attempt > 0
            silent = self.statistics.silent
            with self._lost():
                self._line.write(frame)
            answer = self._await(time.monotonic() + self._backoff * expected_s)
            if self.statistics.silent > silent:  # longer, or a slow line would only get fuller
                self._backoff = min(2 * self._backoff, MAX_BACKOFF)
                continue
            self._backoff = max(1, self._backoff // 2)
            if answer is None:
                damaged = True
                continue
            if not damaged:
                pace = (time.monotonic() - first) / (len(frame) + len(answer.data))
                self._second_per_byte += (pace - self._second_per_byte) / 4
            if answer.status != Status.OK:
                raise Refused(self.place, answer.status, answer.data)
            return answer.data
        raise UserError(
            f"{self.place}: no answer to {self.attempts} attempts; is it the board's port, at its baud rate?"
        )

    def _await(self, deadline: float) -> protocol.Answer | None:
        """Return the answer to the present request, None where it must be sent again."""
        for encoded in self._frames(deadline):
            try:
                answer = protocol.Answer.parse(encoded)
            except protocol.Damaged:
                self.statistics.damaged += 1
                return None
            if answer.sequence == self._sequence:
                return answer
            if answer.status == Status.DAMAGED_FRAME:
                return None
        self.statistics.silent += 1
        return None

    def _frames(self, deadline: float) -> Iterator[bytes]:
        """Yield what arrives between delimiters, until the deadline."""
        while True:
            frame, delimiter, rest = self._received.partition(protocol.DELIMITER)
            if delimiter:
                self._received = rest
                if frame:
                    yield frame
                continue
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._line.timeout = left
            with self._lost():
                self._received += self._line.read(max(1, self._line.in_waiting))

    @contextlib.contextmanager
    def _lost(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:  # pyserial's own exception is one
            raise UserError(f"{self.place}: the port is gone: {error}") from None


def open_port(port: str, baud: int = BAUD) -> Line:
    """Return an open serial port.

    Raises UserError where it cannot be opened.
    """
    try:
        line = serial.Serial(port, baud, write_timeout=60)
    except (OSError, ValueError) as error:
        raise UserError(f"{port}: cannot open the port: {error}") from None
    with contextlib.suppress(OSError, ValueError, AttributeError, NotImplementedError):
        line.set_low_latency_mode(True)  # a USB cable's driver else collects bytes for 16 ms
    line.reset_input_buffer()
    return line


def _integers(values: NDArray[np.void]) -> NDArray[np.int64]:
    """Return int64[…] of unsigned numbers in so many bytes each, the lowest first."""
    octets = np.ascontiguousarray(values).view(np.uint8).reshape(*values.shape, values.itemsize).astype(np.int64)
    return (octets << 8 * np.arange(values.itemsize)).sum(-1)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot read: {error.strerror}") from None
