# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of the DE1-SoC top level: a host at the other end of the serial cable, a reader of display and lamps.

They run in this order in one simulation: until the first one that loads, the memories hold the initial network.
"""

import struct
import zlib
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

from bench.configurations import images, initial_network, network, stored_images
from bench.host import BIT_NS, Host
from bench.job import DIRECTORY, MUTANT, SEED, Randomness
from xnorfpga.artefacts.hardware import Hardware
from xnorfpga.base.files import read_json
from xnorfpga.base.strict import check
from xnorfpga.design.folding import predict_hardware
from xnorfpga.host import protocol
from xnorfpga.host.protocol import Answer, Command, Counters, Identity, Status
from xnorfpga.network import golden
from xnorfpga.network.encoding import pack_bytes
from xnorfpga.network.golden import Model
from xnorfpga.rtl import memory

OSCILLATOR_NS = 20
LOCK_NS = 2500 * OSCILLATOR_NS  # more than rtl/altera_pll.v takes, and some until the board is reset
RESET_CYCLES = 16  # after power-up, and some more until KEY0 is seen
# Lit segments of the digits
SEGMENTS = (0x3F, 0x06, 0x5B, 0x4F, 0x66, 0x6D, 0x7D, 0x07, 0x7F, 0x6F, 0x77, 0x7C, 0x39, 0x5E, 0x79, 0x71)
SLOW, FAST = 1.02, 0.98  # clocks of hosts: a serial port must bear a little


class Bench:
    """The board with a host, and what its lamps must show meanwhile."""

    def __init__(self, dut, purpose: str, pace: float = 1.0, noisy: bool = False) -> None:
        """Connect a host whose bits last `pace` times as long as they should, over a line that may be noisy."""
        self.dut, self.random = dut, Randomness(purpose)
        self.rng = self.random.of("decisions")
        self.hardware, self.manifest = read_json(DIRECTORY / "hardware.json"), read_json(DIRECTORY / "manifest.json")
        self.shape = check(Hardware, self.hardware, "hardware.json")
        self.host = Host(dut, round(pace * BIT_NS), self.random.of("spikes") if noisy else None)
        self.sequence, self.shown, self.switches, self.cycles = self.rng.randrange(256), 0, 0, 0
        count = self.manifest["link"]["stored"]["images"]
        self.stored = stored_images(self.hardware, SEED, count)

    async def start(self, switched_on: bool = False) -> None:
        """Start the clock. A board that is switched on resets itself; of one that ran, KEY0 is pressed."""
        if MUTANT is not None:
            self.dut.mutant.value = int(MUTANT)
        self.dut.KEY.value = 0b1111
        self.dut.SW.value = self.switches = self.rng.randrange(16)
        self.oscillator = Clock(self.dut.CLOCK_50, OSCILLATOR_NS, unit="ns", impl="gpi")
        self.oscillator.start()
        if self.shape.has_pll:
            await Timer(LOCK_NS, "ns")
        if switched_on:
            await self.passes(2 * RESET_CYCLES)
            self.shows()
        else:
            await self.press()
        self.host.start()

    async def passes(self, cycles: int) -> None:
        """Wait for the time of some cycles of the board's clock."""
        await Timer(round(cycles * 1e6 / self.shape.clock_mhz), "ps")

    async def press(self) -> None:
        """Press KEY0, the reset, for some cycles."""
        await self.key(0)
        self.shown = self.cycles = 0
        self.shows()

    async def key(self, number: int) -> None:
        """Press a key for some cycles."""
        self.dut.KEY.value = 0b1111 ^ 1 << number
        await self.passes(RESET_CYCLES)
        self.dut.KEY.value = 0b1111
        await self.passes(RESET_CYCLES)

    async def demonstrate(self, image: int, model: Model) -> None:
        """Choose a stored image with SW and have it classified by KEY1: its class, and the latency of a lone image."""
        self.dut.SW.value = self.switches = image
        predicted = predict_hardware(self.shape).latency_cycles
        await self.key(1)
        await self.passes(predicted)
        self.shown = int(golden.infer(model, self.stored[image : image + 1]).classes[0])
        self.cycles = predicted
        self.shows()

    async def takes_long(self, model: Model, thousands: int) -> None:
        """Have a stored image take some thousand cycles; the display cannot show more than 9999, and stops there."""
        digits = [getattr(self.dut.board_demonstration, f"cycles_{k}") for k in range(4)]
        pressed = cocotb.start_soon(self.key(1))
        while not self.dut.LEDR.value[0]:
            await FallingEdge(self.dut.CLOCK_50)
        counted = sum(digit.value.to_unsigned() * 10**k for k, digit in enumerate(digits))
        for digit, value in zip(digits, (5, 9, 9, thousands), strict=True):
            digit.value = value
        await pressed
        await self.passes(self.cycles)  # as long as the image before took
        self.shown = int(golden.infer(model, self.stored[self.switches : self.switches + 1]).classes[0])
        self.cycles = min(9999, 1000 * thousands + 995 + self.cycles - counted)
        self.shows()

    def shows(self, busy: bool = False) -> None:
        """Look at every display and lamp: the first lamp is on while a command is worked on, four show the class."""
        digits = [self.shown, self.switches, *(self.cycles // 10**k % 10 for k in range(4))]
        for number, digit in enumerate(digits):
            shown = getattr(self.dut, f"HEX{number}").value
            assert shown == ~SEGMENTS[digit] & 0x7F, f"HEX{number} does not show {digit}"
        lamps = self.shown << 4 | int(busy)
        assert self.dut.LEDR.value == lamps, "a command is worked on" if busy else "no command is worked on"

    async def rest(self, bits: int = 30) -> None:
        """Wait until the board is surely at rest."""
        await Timer(bits * self.host.bit_ns, "ns")
        self.shows()

    def frame(self, command: int, argument: int = 0, data: bytes = b"") -> bytes:
        """Return a request's frame with the next sequence number."""
        self.sequence = (self.sequence + 1) % 256
        return protocol.request(self.sequence, command, argument, data)

    async def exchange(self, frame: bytes) -> Answer:
        """Send a frame and return the answer to the last request."""
        await self.host.send(frame)
        answer = await self.host.answer()
        assert answer.sequence == (0 if answer.status == Status.DAMAGED_FRAME else self.sequence)
        await self.rest(2)
        return answer

    async def request(self, command: int, argument: int = 0, data: bytes = b"") -> bytes:
        """Send a request, which must be done, and return what it is answered."""
        answer = await self.exchange(self.frame(command, argument, data))
        assert answer.status == Status.OK, Status(answer.status).name
        return answer.data

    async def refuses(self, frame: bytes, status: Status) -> bytes:
        """Send a frame that must be answered by the status; return what comes with it."""
        answer = await self.exchange(frame)
        assert answer.status == status, f"{Status(answer.status).name} instead of {status.name}"
        return answer.data

    async def identify(self) -> Identity:
        """Ask what the board is; it must be what was elaborated."""
        identity = Identity.parse(await self.request(Command.IDENTIFY))
        manifest, link = self.manifest, self.manifest["link"]
        shape = manifest["input"]["word_bits"] * manifest["input"]["words"]
        output = manifest["output"]
        assert identity == Identity(
            version=protocol.VERSION,
            digest=int(link["digest"], 16),
            clock_khz=round(1000 * self.shape.clock_mhz),
            image_bits=shape,
            classes=output["classes"],
            score_bytes=-(-output["score_bits"] // 8),
            copies=manifest["copies"],
            images_per_frame=link["images_per_frame"],
            chunk_bytes=identity.chunk_bytes,
            model_bytes=manifest["load_words"] * manifest["load_word_bits"] // 8,
        )
        assert identity.chunks > 1, "the model shall be of several chunks"
        return identity

    async def counters(self) -> Counters:
        """Ask what the board counted."""
        return Counters.parse(await self.request(Command.COUNTERS))

    async def load(self, model: Model, until: int | None = None) -> None:
        """Load a model, or its chunks up to `until`; each is acknowledged, with the checksum of all so far."""
        content, size = memory.load_bytes(self.manifest, model), (await self.identify()).chunk_bytes
        chunks = -(-len(content) // size)
        for chunk in range(chunks if until is None else until):
            end = (chunk + 1) * size
            answer = await self.request(Command.LOAD, chunk, content[chunk * size : end])
            assert struct.unpack("<HI", answer) == ((chunk + 1) % chunks, zlib.crc32(content[:end]))
        if until is None:
            assert zlib.crc32(content) == memory.load_crc32(self.manifest, model)

    def classification(self, vectors: np.ndarray, scores: bool = False, log_rounds: int = 0) -> bytes:
        """Return the frame that asks for the classes of images bool[N, MW]; what pads their bytes is any."""
        packed, spare = pack_bytes(vectors), -vectors.shape[1] % 8
        packed[:, -1] |= self.random.numpy_of("padding").integers(1 << spare, size=len(packed), dtype=np.uint8) << (
            8 - spare
        )
        argument = len(vectors) | log_rounds << 8 | (protocol.WITH_SCORES << 8 if scores else 0)
        return self.frame(Command.CLASSIFY, argument, packed.tobytes())

    async def classify(self, vectors: np.ndarray, model: Model, scores: bool = False, log_rounds: int = 0) -> int:
        """Have images bool[N, MW] classified; the display shows the last class. Returns the cycles that it took."""
        expected = golden.infer(model, vectors)
        frame = self.classification(vectors, scores, log_rounds)
        await self.host.send(frame[:-1])
        self.shows()
        self.shown = int(expected.classes[-1])
        answer = await self.exchange(frame[-1:])
        assert answer.status == Status.OK, Status(answer.status).name
        size = -(-self.manifest["output"]["score_bits"] // 8)
        wanted = b"".join(
            bytes([label]) + (row.astype(f"<u{size}").tobytes() if scores else b"")
            for label, row in zip(expected.classes, expected.scores, strict=True)
        )
        assert answer.data[:-4] == wanted
        return struct.unpack("<I", answer.data[-4:])[0]

    def counting(self) -> list[Any]:
        """Return the registers that count, in the order of Counters."""
        link = self.dut.board_link
        return [link.totalCycles, link.images, link.frames, link.damaged, link.errors]

    async def until_giving(self) -> None:
        """Wait until a batch's images go into the accelerator, and for a moment in which registers hold still."""
        await FallingEdge(self.dut.CLOCK_50)
        while not self.dut.board_link.store.giving.value:
            await FallingEdge(self.dut.CLOCK_50)

    def any_counter(self) -> int:
        """Draw a value of 32 bits whose next carry runs through some of them."""
        ones = self.rng.randrange(32)
        return (self.rng.getrandbits(32) << ones | (1 << ones) - 1) & 0xFFFFFFFF

    def network(self) -> Model:
        """Draw a network."""
        return network(self.hardware, self.random.numpy_of("networks"), self.rng.choice(("uniform", "ties")))

    def images(self, count: int) -> np.ndarray:
        """Draw bool[count, MW] images."""
        return images(self.hardware, self.random.numpy_of("images"), count)

    def one_of_each_class(self) -> tuple[Model, np.ndarray]:
        """Draw a network and images bool[classes, MW] of which each is of another class, in any order."""
        classes = self.manifest["output"]["classes"]
        while True:
            model, vectors = self.network(), self.images(500)
            found, first = np.unique(golden.infer(model, vectors).classes, return_index=True)
            if len(found) == classes:
                return model, vectors[self.random.numpy_of("order").permutation(first)]


@cocotb.test()
async def a_host_has_digits_classified_without_a_load(dut) -> None:
    """The memories hold a model from the start; KEY0 makes the board forget half a frame, and the digit."""
    bench = Bench(dut, "initial", SLOW)
    model = initial_network(bench.hardware, SEED)
    await bench.start(switched_on=True)
    await bench.classify(bench.images(1), model)
    await bench.host.send(bench.frame(Command.IDENTIFY)[:-2])
    await bench.press()
    await bench.classify(bench.images(3), model, scores=True)
    assert (await bench.counters()).damaged == 0


@cocotb.test()
async def a_key_has_a_stored_image_classified(dut) -> None:
    """Each of them, in any order, without a host; and a host's batches before and after are as ever."""
    bench = Bench(dut, "stored")
    model = initial_network(bench.hardware, SEED)
    await bench.start()
    before, vectors = await bench.counters(), bench.images(3)
    await bench.classify(vectors, model, scores=True)
    for image in bench.rng.sample(range(len(bench.stored)), len(bench.stored)):
        await bench.demonstrate(image, model)
    await bench.classify(vectors, model, scores=True)
    await bench.demonstrate(len(bench.stored) - 1, model)
    counted = (await bench.counters()).since(before)
    assert (counted.images, counted.damaged, counted.errors) == (2 * len(vectors), 0, 0)  # the host's alone
    latency = bench.cycles
    for thousands in (bench.rng.randrange(9), 9):
        await bench.takes_long(model, thousands)
        bench.cycles = latency


@cocotb.test()
async def a_key_waits_for_nothing(dut) -> None:
    """Pressed while a command is worked on, it does nothing; held down, it works once."""
    bench = Bench(dut, "keys")
    model = initial_network(bench.hardware, SEED)
    await bench.start()
    vectors = bench.images(6)
    expected = golden.infer(model, vectors)
    await bench.host.send(bench.classification(vectors, log_rounds=6))
    await bench.key(1)  # at once: the batch goes round for many cycles yet
    answer = await bench.host.answer()
    assert answer.data[:-4] == bytes(expected.classes.astype(np.uint8).tolist())
    bench.shown = int(expected.classes[-1])
    await bench.rest()
    await bench.demonstrate(3, model)
    await bench.key(1)
    await bench.key(1)  # while the image is still inside
    await bench.passes(bench.cycles)
    bench.shows()
    bench.dut.KEY.value = 0b1101
    await bench.classify(vectors, model)  # the key is held down meanwhile, and works before it
    bench.dut.KEY.value = 0b1111
    await bench.rest()


@cocotb.test()
async def a_batch_goes_round(dut) -> None:
    """A batch that goes many times takes, an image, the accelerator's own cycles; only the last round is answered."""
    bench = Bench(dut, "rounds")
    model = initial_network(bench.hardware, SEED)
    await bench.start()
    vectors, log_rounds = bench.images(6), 5
    before = await bench.counters()
    once = await bench.classify(vectors, model, scores=True)
    often = await bench.classify(vectors, model, log_rounds=log_rounds)
    interval = max(layer["cycles"] for layer in bench.manifest["layers"])  # of a group, at the slowest layer
    groups = (2**log_rounds - 1) * len(vectors) // bench.manifest["copies"]
    assert abs(often - once - groups * interval) <= 100, (
        once,
        often,
        groups * interval,
    )  # 100: the scores of one batch
    counted = (await bench.counters()).since(before)
    assert counted == Counters(once + often, (2**log_rounds + 1) * len(vectors), 3, 0, 0)


@cocotb.test()
async def a_wrong_request_is_refused(dut) -> None:
    """Each mistake is answered by its status, done is nothing, and the next request works."""
    bench = Bench(dut, "wrong")
    await bench.start()
    model = initial_network(bench.hardware, SEED)
    identity, before = await bench.identify(), await bench.counters()
    vectors, size, most = bench.images(2), identity.image_bytes, identity.images_per_frame
    wrong = [
        *((command, 0, b"", Status.UNKNOWN_COMMAND) for command in unknown_commands()),
        *((Command.IDENTIFY, 0, bytes(1 << k), Status.WRONG_LENGTH) for k in range(10)),
        *((Command.COUNTERS, 1 << k, b"", Status.WRONG_LENGTH) for k in range(16)),
        (Command.CLASSIFY, 0, b"", Status.WRONG_LENGTH),
        (Command.CLASSIFY, 1, bytes(size - 1), Status.WRONG_LENGTH),
        (Command.CLASSIFY, 1, bytes(size + 1), Status.WRONG_LENGTH),
        (Command.CLASSIFY, 2, bytes(size), Status.WRONG_LENGTH),
        *((Command.CLASSIFY, count, bytes(count * size), Status.WRONG_LENGTH) for count in (most + 1, 16, 32, 64, 128)),
        *((Command.CLASSIFY, 1 | 1 << k, bytes(size), Status.WRONG_LENGTH) for k in (13, 14)),
        *((Command.CLASSIFY, 1 | log << 8, bytes(size), Status.WRONG_LENGTH) for log in (17, 18, 20, 24, 31)),
        (Command.LOAD, 0, bytes(identity.chunk_bytes - 1), Status.WRONG_LENGTH),
        (Command.LOAD, 1, bytes(identity.chunk_bytes), Status.WRONG_CHUNK),
    ]
    for command, argument, data, status in wrong:
        await bench.refuses(bench.frame(command, argument, data), status)
    await bench.classify(vectors, model)
    counted = (await bench.counters()).since(before)
    assert (counted.images, counted.frames, counted.damaged) == (2, len(wrong) + 2, 0)
    assert counted.errors == len(wrong)


def unknown_commands() -> list[int]:
    """Return 0, and what a wrong bit makes of each command, where that is none."""
    neighbors = {command ^ 1 << bit for command in Command for bit in range(8)}
    return sorted({0, *neighbors} - set(Command))


@cocotb.test()
async def counters_go_on_from_any_value(dut) -> None:
    """Every bit of them is told, and a carry runs through all. It would take weeks to count so far, so they are set."""
    bench = Bench(dut, "counters")
    model = initial_network(bench.hardware, SEED)
    await bench.start()
    for _ in range(6):
        values = [bench.any_counter() for _ in range(5)]
        for register, value in zip(bench.counting(), values, strict=True):
            register.value = value
        vectors = bench.images(2)
        took = await bench.classify(vectors, model)
        await bench.refuses(bench.frame(0), Status.UNKNOWN_COMMAND)
        await bench.refuses(bench.frame(Command.IDENTIFY)[:-2] + b"\0", Status.DAMAGED_FRAME)
        counted = (await bench.counters()).since(Counters(*values))
        assert counted == Counters(took, len(vectors), 3, 1, 1)


@cocotb.test()
async def long_batches_have_room(dut) -> None:
    """A batch's cycles have all of 32 bits, its rounds 16, and the images of all rounds together as many as it takes.

    The registers are set in the middle of a batch, which would take a minute of the board's own time.
    """
    bench = Bench(dut, "long")
    model = initial_network(bench.hardware, SEED)
    link = dut.board_link
    await bench.start()
    for carry in range(4, 31, 3):  # into the bit, soon
        value = bench.rng.getrandbits(31) & -(1 << carry) | (1 << carry) - 9
        took = cocotb.start_soon(bench.classify(bench.images(1), model, log_rounds=6))
        await bench.until_giving()
        link.cycles.value = link.totalCycles.value = value
        took = await took
        assert (await bench.counters()).cycles == took > value
    most = bench.manifest["link"]["images_per_frame"]
    for log_rounds in range(5, protocol.MAX_LOG_ROUNDS + 1):
        await bench.press()  # the batch before still waits for the results of rounds that it was denied
        vectors = bench.images(bench.rng.randint(1, most))
        await bench.host.send(bench.classification(vectors, log_rounds=log_rounds))
        await bench.until_giving()
        before, given = link.images.value.to_unsigned(), link.store.round.value.to_unsigned()
        assert link.remaining.value.to_unsigned() == (len(vectors) << log_rounds) - before
        link.store.round.value = (1 << log_rounds) - 4  # the fourth from the end
        link.remaining.value = begin = 1 << bench.rng.randrange(8, log_rounds + 4)
        while link.store.giving.value:
            await bench.passes(8)
        await bench.passes(2000)  # the last results leave
        counted = link.images.value.to_unsigned()
        assert begin - link.remaining.value.to_unsigned() == counted - before
        assert counted == (given + 4) * len(vectors)


@cocotb.test()
async def a_frame_once_more_is_not_done_again(dut) -> None:
    """The last request's answer is sent again, whatever was damaged in between; the images count once."""
    bench = Bench(dut, "again")
    model = initial_network(bench.hardware, SEED)
    await bench.start()
    before, vectors = await bench.counters(), bench.images(3)
    frame = bench.classification(vectors, scores=True)
    bench.shown = int(golden.infer(model, vectors).classes[-1])
    answer = await bench.exchange(frame)
    await bench.refuses(frame[:-2] + b"\0", Status.DAMAGED_FRAME)
    assert await bench.exchange(frame) == answer
    await bench.host.send(frame)  # and while the board still answers one, the next is dropped
    await bench.host.send(bench.frame(Command.IDENTIFY))
    assert await bench.host.answer() == answer
    await bench.rest()
    assert bench.host.answers.empty()
    counted = (await bench.counters()).since(before)
    assert (counted.images, counted.frames, counted.damaged, counted.errors) == (3, 2, 1, 0)


@cocotb.test()
async def what_comes_while_the_board_answers_is_dropped(dut) -> None:
    """Whole, and up to its end, even where that comes when the board is long at rest; the next frame works."""
    bench = Bench(dut, "dropped")
    await bench.start()
    before = await bench.counters()
    await bench.host.send(bench.frame(Command.IDENTIFY))
    answered, long = bench.sequence, bench.frame(Command.LOAD, 0, bytes(range(1, 200)))
    await bench.host.send(long)
    answer = await bench.host.answer()
    assert (answer.sequence, answer.status) == (answered, Status.OK)
    await bench.rest()
    assert bench.host.answers.empty()
    counted = (await bench.counters()).since(before)
    assert (counted.frames, counted.damaged, counted.errors) == (2, 0, 0)


@cocotb.test()
async def noise_is_no_request(dut) -> None:
    """A frame of which a bit, a byte or the end is another is damaged; half a start bit or a cut line is nothing; two
    spikes in a bit change nothing.
    """
    bench = Bench(dut, "noise", noisy=True)
    model = initial_network(bench.hardware, SEED)
    await bench.start()
    before, damaged = await bench.counters(), 0
    for _ in range(24):
        frame = bench.classification(bench.images(2))
        place = bench.rng.randrange(len(frame) - 1)
        kind = bench.rng.choice(("flipped", "dropped", "inserted", "cut"))
        flipped = frame[place] ^ 1 << bench.rng.randrange(8)
        other = {
            "flipped": frame[:place] + bytes([flipped]) + frame[place + 1 :],
            "dropped": frame[:place] + frame[place + 1 :],
            "inserted": frame[:place] + bytes([bench.rng.randrange(1, 256)]) + frame[place:],
            "cut": frame[:place] + b"\0",
        }[kind]
        damaged += 1
        if other.index(0) != len(other) - 1:  # a byte became a delimiter: the rest comes while the board answers
            other = other[: other.index(0) + 1]
        if len(other) > 1:
            await bench.refuses(other, Status.DAMAGED_FRAME)
        else:
            damaged -= 1
    await bench.host.send(b"\0\0\0")  # frames of nothing
    too_long = protocol.request(1, Command.IDENTIFY, 0, bytes(1100))
    await bench.refuses(too_long, Status.DAMAGED_FRAME)
    short = protocol.pack(b"\1\1\0")  # a right CRC, and no whole header
    await bench.refuses(short, Status.DAMAGED_FRAME)
    for bits in (0.35, 30):  # a cut line gives a byte of zeros, which is a delimiter, and then none
        await bench.host.hold(0, bits)
        await bench.host.hold(1, 2)
        await bench.rest()
    await bench.classify(bench.images(2), model)
    counted = (await bench.counters()).since(before)
    assert (counted.images, counted.damaged, counted.errors) == (2, damaged + 2, 0)


@cocotb.test()
async def a_host_loads_a_model_and_has_every_digit_classified(dut) -> None:
    """Each class is answered, and shown as its digit; another model replaces a model; a frame is filled."""
    bench = Bench(dut, "digits", FAST)
    await bench.start()
    model, vectors = bench.one_of_each_class()
    await bench.load(model)
    for vector in vectors:
        await bench.classify(vector[None], model)
    await bench.classify(vectors, model, scores=True)
    model = bench.network()
    await bench.load(model)
    full = bench.images(bench.manifest["link"]["images_per_frame"])
    await bench.classify(full, model, scores=True)


@cocotb.test()
async def a_model_in_chunks_is_whole_or_not_used(dut) -> None:
    """Chunks come in order, each once; nothing is classified by a part of a model, not even after a reset."""
    bench = Bench(dut, "chunks")
    await bench.start()
    model, vectors = bench.network(), bench.images(2)
    content, identity = memory.load_bytes(bench.manifest, model), await bench.identify()
    size, last = identity.chunk_bytes, identity.chunks - 1
    first = bench.frame(Command.LOAD, 0, content[:size])
    assert (await bench.exchange(first)).data[:2] == b"\1\0"
    assert (await bench.exchange(first)).data[:2] == b"\1\0"  # once more: answered as before, and not written again
    data = await bench.refuses(bench.frame(Command.LOAD, 0, content[:size]), Status.WRONG_CHUNK)
    assert data[:2] == b"\1\0"
    await bench.refuses(bench.classification(vectors), Status.INCOMPLETE_MODEL)
    for chunk in range(1, last + 1):
        answer = await bench.request(Command.LOAD, chunk, content[chunk * size : (chunk + 1) * size])
    assert answer == struct.pack("<HI", 0, memory.load_crc32(bench.manifest, model))
    await bench.classify(vectors, model)

    await bench.load(bench.network(), until=1)
    await bench.key(1)  # nor is a stored image
    await bench.rest()
    await bench.press()
    await bench.refuses(bench.classification(vectors), Status.INCOMPLETE_MODEL)
    await bench.load(model)
    await bench.classify(vectors, model)
