# SPDX-License-Identifier: Apache-2.0
"""The chain's units alone: when their beats move, against what their components do."""

import pytest

from xnorfpga.design import timing


def moved(unit, *, offered, from_cycle=timing.LONG_AGO, every=1):
    """Return when beats move out of a unit that gets `offered` beats at once; its receiver takes one now and then."""

    class Receiver(timing.Sink):
        def accept(self):
            return max(from_cycle, self.taken[-1] + every if self.taken else from_cycle)

    receiver = Receiver()
    timing.run([timing.Source(offered), unit, receiver])
    return unit.taken, receiver.taken


def test_a_collector_gives_a_vector_a_cycle_after_its_last_word_and_collects_the_next_meanwhile():
    assert moved(timing.Collector(3), offered=6) == ([0, 1, 2, 3, 4, 5], [3, 6])


def test_a_collector_stands_still_while_nobody_takes_its_vector():
    assert moved(timing.Collector(2), offered=4, from_cycle=9) == ([0, 1, 9, 10], [9, 11])


def test_a_serializer_takes_the_next_beat_with_its_last_part():
    assert moved(timing.Serializer(3), offered=2) == ([0, 3], [1, 2, 3, 4, 5, 6])


def test_a_fifo_passes_on_after_two_cycles_and_holds_one_more_than_its_depth():
    assert moved(timing.Fifo(2), offered=3) == ([0, 1, 2], [2, 3, 4])
    taken, given = moved(timing.Fifo(2), offered=5, from_cycle=20)
    assert (taken, given) == ([0, 1, 2, 21, 22], [20, 21, 22, 23, 24])


def test_a_window_follows_its_last_pixel_and_the_frame_takes_cycles_of_its_own():
    """A line of three pixels with one of the frame behind, windows of two: places 1, 2 and 3 end one."""
    line = timing.SlidingWindow([True, True, True, False], [False, True, True, True])
    assert moved(line, offered=6) == ([0, 1, 2, 4, 5, 6], [2, 3, 4, 6, 7, 8])


def test_an_engine_takes_a_group_with_its_first_step():
    engine = timing.Engine(synapse_fold=2, neuron_fold=2, idle=0, delay=5, places=4)
    assert moved(engine, offered=2) == ([0, 4], [6, 8, 10, 12])
    assert engine.ends == [1, 3, 5, 7]


def test_an_engine_reserves_a_place_for_each_row_that_it_ends():
    engine = timing.Engine(synapse_fold=1, neuron_fold=4, idle=0, delay=2, places=2)
    _, given = moved(engine, offered=1, every=10, from_cycle=0)
    assert given == [2, 12, 22, 32]
    assert engine.ends == [0, 1, 3, 13]  # the third row waits for the first result to leave


def test_an_engine_for_all_neurons_takes_a_beat_with_each_step():
    engine = timing.PassThrough(synapse_fold=3, neuron_fold=1, idle=0, delay=4, places=1)
    taken, given = moved(engine, offered=6, from_cycle=20)
    assert taken == [0, 1, 2, 3, 4, 21]  # the second row ends when the first result has left
    assert given == [20, 25]


@pytest.mark.parametrize("lanes, given", [(1, [3, 6]), (2, [3, 4])])
def test_the_argmax_gives_a_result_a_lane_and_takes_the_next_scores_behind_them(lanes, given):
    taken, results = moved(timing.ArgMax(3, lanes), offered=6)
    assert results[:2] == ([3, 7] if lanes == 1 else [3, 4])
    assert taken[3] == results[lanes - 1] + 1
