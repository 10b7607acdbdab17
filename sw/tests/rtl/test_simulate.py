# SPDX-License-Identifier: Apache-2.0
"""The judge of a simulation: each thing that can be wrong with an outcome, one at a time, ends in its own line."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from xnorfpga.base.errors import UserError
from xnorfpga.data.splits import Split
from xnorfpga.design.folding import Pace
from xnorfpga.network.golden import Inference
from xnorfpga.rtl import outcome as outcomes
from xnorfpga.rtl import simulate
from xnorfpga.rtl.outcome import Outcome

COUNT, COPIES, INTERVAL, LATENCY = 18, 3, 8, 30
RANDOM = np.random.default_rng(1)
EXPECTED = Inference(
    hidden=[RANDOM.random((COUNT, 5)) < 0.5, RANDOM.random((COUNT, 9)) < 0.5],
    scores=RANDOM.integers(0, 9, (COUNT, 4), dtype=np.int32),
    classes=np.arange(COUNT) % 4,
)
PREDICTION = SimpleNamespace(
    copies=COPIES,
    interval_cycles=INTERVAL,
    latency_cycles=LATENCY,
    cycles_per_image=INTERVAL / COPIES,
    pace=Pace(INTERVAL, settling=0),
)


def cycles(count: int) -> np.ndarray:
    """When results come: a lone one, then groups of COPIES; the first of them finds an empty pipeline."""
    group = (np.arange(count) - 1) // COPIES
    lane = (np.arange(count) - 1) % COPIES
    taken = 200 + INTERVAL * group + lane + np.where(group == 0, -5, 0)
    return np.where(np.arange(count) == 0, 100, taken)


def right(**changes) -> Outcome:
    """What an accelerator without a fault leaves, changed."""
    correct = Outcome(
        labels=EXPECTED.classes.copy(),
        scores=EXPECTED.scores.astype(np.int64),
        hidden=[vectors.copy() for vectors in EXPECTED.hidden],
        result_cycles=cycles(COUNT),
        latency_cycles=LATENCY,
        cycles=400,
        seconds=0.5,
    )
    return replace(correct, **changes)


def judged(outcome: Outcome) -> list[str]:
    return simulate.judge(outcome, EXPECTED, PREDICTION)


def test_a_right_outcome_has_no_complaint():
    assert judged(right()) == []


def test_a_wrong_label():
    labels = EXPECTED.classes.copy()
    labels[5] = 3
    scores = EXPECTED.scores[5].tolist()
    assert judged(right(labels=labels)) == [f"image 5: label 3, scores {scores}; expected label 1, scores {scores}"]


@pytest.mark.parametrize("image", range(COUNT))
@pytest.mark.parametrize("score", range(4))
def test_a_wrong_score(image, score):
    scores = EXPECTED.scores.astype(np.int64)
    scores[image, score] += 1
    (line,) = judged(right(scores=scores))
    assert line.startswith(f"image {image}: label {image % 4}, scores {scores[image].tolist()}; expected")


@pytest.mark.parametrize("layer, bit", [(0, 0), (0, 4), (1, 0), (1, 8)])
@pytest.mark.parametrize("image", [0, COUNT - 1])
def test_a_wrong_hidden_bit(layer, bit, image):
    outcome = right()
    outcome.hidden[layer][image, bit] ^= True
    assert judged(outcome) == [f"image {image}: hidden layer {layer} differs"]


def test_the_first_three_mismatches_are_told():
    lines = judged(right(labels=(EXPECTED.classes + 1) % 4))
    assert [line.split(":")[0] for line in lines] == ["image 0", "image 1", "image 2"]


@pytest.mark.parametrize("came", [COUNT - 1, COUNT - 2])
def test_results_that_never_came(came):
    outcome = right()
    less = right(labels=outcome.labels[:came], scores=outcome.scores[:came], result_cycles=outcome.result_cycles[:came])
    assert judged(less) == [f"{came} results came for {COUNT} images"]


def test_no_result_at_all():
    nothing = right(
        labels=np.empty(0, np.int64),
        scores=np.empty((0, 4), np.int64),
        hidden=[vectors[:0] for vectors in EXPECTED.hidden],
        result_cycles=np.empty(0, np.int64),
        latency_cycles=-1,
    )
    assert judged(nothing) == [
        f"0 results came for {COUNT} images",
        f"0 vectors of hidden layer 0 came for {COUNT} images",
        f"0 vectors of hidden layer 1 came for {COUNT} images",
        f"groups are too few to tell how far apart, predicted {INTERVAL}",
        f"latency -1 cycles, predicted {LATENCY}",
    ]


def test_a_result_too_many():
    more = right(
        labels=np.append(EXPECTED.classes, 0),
        scores=np.vstack([EXPECTED.scores, EXPECTED.scores[:1]]),
        result_cycles=cycles(COUNT + 1),
    )
    assert judged(more) == [f"{COUNT + 1} results came for {COUNT} images"]


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("change", [-1, 1])
def test_a_hidden_vector_too_few_or_too_many(layer, change):
    outcome = right()
    vectors = outcome.hidden[layer]
    outcome.hidden[layer] = vectors[:-1] if change < 0 else np.vstack([vectors, vectors[:1]])
    assert judged(outcome) == [f"{COUNT + change} vectors of hidden layer {layer} came for {COUNT} images"]


def test_a_layer_that_was_not_watched():
    assert judged(right(hidden=EXPECTED.hidden[:1])) == ["1 hidden layers were seen, there are 2"]


@pytest.mark.parametrize("off", [-1, 1])
def test_a_group_that_comes_early_or_late(off):
    times = cycles(COUNT)
    times[7:] += off
    low, high = sorted((INTERVAL, INTERVAL + off))
    assert judged(right(result_cycles=times)) == [f"groups are {low} to {high} cycles apart, predicted {INTERVAL}"]


def test_an_even_pace_that_is_not_the_predicted_one():
    outcome = right(result_cycles=200 + 9 * np.arange(COUNT))
    assert judged(outcome) == [f"groups are 27 to 27 cycles apart, predicted {INTERVAL}"]


@pytest.mark.parametrize("latency", [LATENCY - 1, LATENCY + 1])
def test_another_latency(latency):
    assert judged(right(latency_cycles=latency)) == [f"latency {latency} cycles, predicted {LATENCY}"]


@pytest.mark.parametrize("copies", [1, 2, 5])
def test_the_fewest_images_that_show_a_steady_state(copies):
    enough = simulate.images_needed(copies)
    assert simulate.steady_cycles(np.arange(enough) * 7, copies) == (7 * copies, 7 * copies)
    assert simulate.steady_cycles(np.arange(enough - 1) * 7, copies) is None


def job(labels) -> simulate.Job:
    return simulate.Job(
        design="tiny",
        build=Path(),
        manifest=None,
        model_digest="d",
        split=Split("some digits", np.zeros((COUNT, 28, 28), np.uint8), EXPECTED.classes),
        bits=np.zeros((COUNT, 784), bool),
        labels=labels,
        expected=EXPECTED,
        prediction=PREDICTION,
    )


def summary_of(labels, *outcomes):
    whole = job(labels)
    borders = np.linspace(0, COUNT, len(outcomes) + 1).astype(int)
    jobs = [whole.part(slice(int(first), int(end))) for first, end in pairwise(borders)]
    return simulate.summary(whole, [simulate.Part(*each) for each in zip(jobs, outcomes, strict=True)], 1.5)


def test_the_summary_counts_what_it_says():
    truth = EXPECTED.classes.copy()
    truth[:3] = 9  # the network is wrong about three images, and the RTL answers as the network does
    summary = summary_of(truth, right())
    assert (summary.images, summary.correct, summary.accuracy) == (COUNT, COUNT - 3, (COUNT - 3) / COUNT)
    assert (summary.mismatches, summary.hidden_mismatches, summary.hidden_vectors_checked) == (0, 0, 2 * COUNT)
    assert (summary.interval_cycles, summary.latency_cycles) == ((INTERVAL, INTERVAL), LATENCY)
    assert summary.cycles_per_image == summary.predicted_cycles_per_image == INTERVAL / COPIES
    assert summary.labels == tuple(EXPECTED.classes.tolist())
    assert summary.cycles_per_second == 800
    assert (summary.data, summary.data_digest) == ("some digits", job(truth).split.digest)

    wrong = right(labels=EXPECTED.classes[:-2].copy(), scores=EXPECTED.scores[:-2].astype(np.int64))
    wrong.scores[4, 0] += 1
    wrong.hidden[1][[2, 3]] ^= True
    summary = summary_of(truth, wrong)
    assert (summary.mismatches, summary.hidden_mismatches, summary.correct) == (3, 2, COUNT - 5)
    assert summary.first_mismatches[:2] == ("image 2: hidden layer 1 differs", "image 3: hidden layer 1 differs")


def test_a_long_job_is_simulated_in_parts():
    """As many as are worth it; together they are all images, in order, and what is expected of each."""
    for most, cycles, wanted in ((1, 10**7, 1), (4, 10**4, 1), (4, 60_000, 2), (64, 10**7, 3)):
        prediction = SimpleNamespace(**{**vars(PREDICTION), "copies": 1, "cycles_per_image": cycles})
        long = replace(job(EXPECTED.classes), prediction=prediction)
        parts = long.parts(most)
        assert len(parts) == wanted, (most, cycles)
        assert [part.first for part in parts] == [COUNT * k // wanted for k in range(wanted)]
        assert np.array_equal(np.concatenate([part.labels for part in parts]), EXPECTED.classes)
        assert np.array_equal(np.concatenate([part.expected.scores for part in parts]), EXPECTED.scores)
        for k, vectors in enumerate(EXPECTED.hidden):
            assert np.array_equal(np.concatenate([part.expected.hidden[k] for part in parts]), vectors)
        assert len({part.directory for part in parts}) == wanted


def test_what_is_wrong_in_a_part_is_told_with_its_own_image():
    halves = [half(0), half(COUNT // 2)]
    assert summary_of(EXPECTED.classes, *halves).mismatches == 0
    halves[1].labels[2] += 1
    halves[0].hidden[0][3] ^= True
    summary = summary_of(EXPECTED.classes, *halves)
    assert (summary.mismatches, summary.hidden_mismatches, summary.images) == (1, 1, COUNT)
    told = [line.split(",")[0] for line in summary.first_mismatches]
    assert told == ["image 3: hidden layer 0 differs", f"image {COUNT // 2 + 2}: label {halves[1].labels[2]}"]
    assert summary.cycles == 800 and summary.cycles_per_second == 1600


def half(first):
    part = slice(first, first + COUNT // 2)
    whole = right()
    return right(
        labels=whole.labels[part].copy(),
        scores=whole.scores[part],
        hidden=[vectors[part].copy() for vectors in whole.hidden],
        result_cycles=cycles(COUNT // 2),
    )


def test_an_outcome_comes_back_as_it_was(tmp_path):
    written = right()
    written.write(tmp_path)
    read = Outcome.read(tmp_path)
    assert judged(read) == []
    assert (read.cycles, read.seconds, read.latency_cycles) == (400, 0.5, LATENCY)
    assert [vectors.dtype for vectors in read.hidden] == [bool, bool]
    (tmp_path / outcomes.OUTCOME).write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"outcome.npz: damaged [^\n]+$"):
        Outcome.read(tmp_path)
