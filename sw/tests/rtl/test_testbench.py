# SPDX-License-Identifier: Apache-2.0
"""What the bench inside the simulator records of the accelerator's ports, bit by bit, without a simulator."""

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest

from xnorfpga.rtl import testbench


@pytest.fixture
def bench(monkeypatch):
    """A bench of three classes with 7-bit scores, two lanes and one hidden layer of 11 neurons."""
    made = testbench.Bench.__new__(testbench.Bench)
    made.manifest = SimpleNamespace(
        output=SimpleNamespace(score_bits=7, classes=3),
        layers=[
            SimpleNamespace(mh=11, cycles=100, output_planes=1, convolution=None),
            SimpleNamespace(mh=3, cycles=40, convolution=None),
        ],
        copies=2,
    )
    made.dut, made.images, made.first_word_cycle = SimpleNamespace(), np.zeros((1000, 4), bool), 5
    made.result_cycles, made.labels, made.scores, made.hidden = [], [], [], [[]]
    made.model, made.load_checksum, made.seen = b"", -1, 1000
    return made


def port(value):
    return SimpleNamespace(value=value)


def test_a_result_is_its_label_all_bits_of_its_scores_and_its_cycle(bench, monkeypatch):
    for cycle, label, scores in ((9, 2, (127, 0, 64)), (12, 0, (1, 126, 63))):
        monkeypatch.setattr(testbench, "now", lambda cycle=cycle: cycle)
        packed = sum(score << 7 * k for k, score in enumerate(scores))
        bench.dut.results_payload_label, bench.dut.results_payload_scores = port(label), port(packed)
        bench.take_result()
    outcome = bench.outcome(0.5)
    assert outcome.labels.tolist() == [2, 0]
    assert outcome.scores.tolist() == [[127, 0, 64], [1, 126, 63]]
    assert outcome.result_cycles.tolist() == [9, 12]
    assert (outcome.latency_cycles, outcome.cycles) == (4, 12)


def test_of_each_lane_that_is_valid_all_hidden_bits_are_taken(bench, monkeypatch):
    monkeypatch.setattr(testbench, "now", lambda: 20)
    first, second, third = 0b10000000001, 0b01111111110, 0b10101010101
    dut = bench.dut
    dut.probes_0_payload, dut.probes_0_lanes = port(second << 11 | first), port(0b11)
    take = bench.take_hidden(0)
    take()
    dut.probes_0_payload.value, dut.probes_0_lanes.value = third << 11 | first, 0b10
    take()
    seen = [sum(int(bit) << n for n, bit in enumerate(vector)) for vector in bench.outcome(0.5).hidden[0]]
    assert seen == [first, second, third]


def test_of_several_planes_an_image_has_all_its_bits(bench, monkeypatch):
    monkeypatch.setattr(testbench, "now", lambda: 20)
    bench.manifest.layers[0].output_planes = 2
    first, second = 0b1000000000101111111110, 0b0101010101011111111111
    bench.dut.probes_0_payload, bench.dut.probes_0_lanes = port(second << 22 | first), port(0b11)
    bench.take_hidden(0)()
    seen = [sum(int(bit) << n for n, bit in enumerate(vector)) for vector in bench.outcome(0.5).hidden[0]]
    assert seen == [first, second]


def test_without_a_result_there_is_no_latency(bench, monkeypatch):
    monkeypatch.setattr(testbench, "now", lambda: 20)
    outcome = bench.outcome(0.5)
    assert (outcome.latency_cycles, outcome.scores.shape, outcome.hidden[0].shape) == (-1, (0, 3), (0, 11))


def test_after_the_last_result_one_too_many_has_the_time_of_a_passage_to_show(bench, monkeypatch):
    waited = []

    async def send(image, last):
        bench.labels.append(0)

    async def timer(time, unit):
        waited.append((time, unit))

    monkeypatch.setattr(bench, "send", send)
    monkeypatch.setattr(testbench, "Timer", timer)
    asyncio.run(bench.drive())
    assert len(bench.labels) == 1000
    assert waited == [((100 + 40 + 64) * testbench.PERIOD_NS, "ns")]
