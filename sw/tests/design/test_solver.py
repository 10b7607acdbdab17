# SPDX-License-Identifier: Apache-2.0
"""The folding solver and the area model: against brute force, against synthesis, and what they say to a user."""

import itertools
import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorfpga import __main__ as cli
from xnorfpga.artefacts.hardware import BlockRam, Convolution, Hardware, LayerShape
from xnorfpga.base import paths
from xnorfpga.base.errors import UserError
from xnorfpga.base.paths import DESIGNS, ROOT
from xnorfpga.design import area, designs, explore, fold, folding, solver
from xnorfpga.design.hardware import predict
from xnorfpga.design.solver import Network
from xnorfpga.lab import calibrate

BLOCK = folding.Block(10240, 40)
DE1SOC = solver.Device("5CSEMA5F31C6", 32070, 397, BLOCK)


def test_the_model_is_within_a_tenth_of_synthesis_on_designs_that_it_was_not_fitted_to():
    held_out = area.errors(held_out=True)
    assert len(held_out) >= 10
    assert max(map(abs, held_out)) <= 0.10
    assert re.search(r"fitted to \d+ synthesized designs; \d+ others it hit within \d", area.summary())


def test_the_samples_are_those_that_calibrate_draws():
    drawn = calibrate.configurations()
    assert [(sample.hardware, sample.held_out) for sample in area.samples()] == drawn
    fitted = area.fit([sample for sample in area.samples() if not sample.held_out])
    assert list(area.coefficients()) == pytest.approx(fitted, abs=1e-3)


def test_the_docs_show_the_fit_and_its_error():
    text = (ROOT / "docs" / "folding.md").read_text()
    assert f"<!-- model -->\n{area.page()}\n<!-- /model -->" in text


def everything(network, copies):
    """Yield the prediction of every folding of a network, all divisors, the word of the solver."""
    options = []
    for mw, mh in itertools.pairwise(network):
        folds = [("stationary", pe, mw) for pe in solver.divisors(mh)]
        folds += [("broadcast", pe, simd) for pe in solver.divisors(mh) for simd in solver.divisors(mw) if simd < mw]
        options.append([LayerShape(mw=mw, mh=mh, routing=r, pe=pe, simd=simd) for r, pe, simd in folds])
    for word in solver.divisors(network[0]):
        for layers in itertools.product(*options):
            yield folding.predict_hardware(
                Hardware(
                    design="any", clock_mhz=50, input_word_bits=word, copies=copies, layers=layers,
                    memory=BlockRam(block_bits=10240, max_width=40),
                )
            )  # fmt: skip


@settings(max_examples=8, deadline=None)
@given(st.tuples(st.sampled_from((8, 12)), st.sampled_from((6, 8)), st.sampled_from((2, 4))), st.integers(6, 60))
def test_no_folding_of_a_small_network_is_much_smaller_than_the_one_found(network, cycles):
    fitting = [
        area.alms(prediction)
        for copies in (1, 2)
        for prediction in everything(network, copies)
        if prediction.cycles_per_image <= cycles
    ]
    if fitting:
        found = solver.smallest(Network(network), DE1SOC, Fraction(cycles))
        assert found.cycles_per_image <= cycles
        assert found.alms <= 1.15 * min(fitting)


@pytest.mark.parametrize("cycles", [128, 300, 1000])
def test_a_goal_is_met_by_the_folding_model_and_fits(cycles):
    found = solver.smallest(Network((784, 1024, 1024, 1024, 10)), DE1SOC, Fraction(cycles))
    assert found.cycles_per_image <= cycles
    assert found.alms <= DE1SOC.alms * (1 - area.margin()) and found.prediction.m10k <= DE1SOC.m10k


def test_the_solver_is_no_worse_than_the_designs_folded_by_hand():
    for name in ("mnist", "mnist_fast", "mnist_small"):
        chosen = designs.load(name)
        hand = predict(chosen, chosen.folding)
        found = solver.smallest(Network(chosen.network.layers), DE1SOC, hand.cycles_per_image)
        assert found.alms <= area.alms(hand)
        assert solver.fastest(Network(chosen.network.layers), DE1SOC).cycles_per_image <= hand.cycles_per_image


@pytest.mark.parametrize(
    ("network", "device", "cycles", "message"),
    [
        ((784, 1024, 10), DE1SOC, 2, "the argmax takes a cycle a class"),
        ((784, 1024, 1024, 1024, 10), DE1SOC, 60, "32,070 ALMs are too few; the nearest that can be reached is 64"),
        ((784, 256, 10), solver.Device("small", 32070, 12, BLOCK), 64, "small's 12 M10K are too few"),
        ((1024, 4096, 4096, 10), DE1SOC, 10**6, "397 M10K are too few, in any folding"),
    ],
)
def test_an_unreachable_goal_says_what_limits_it_and_the_nearest(network, device, cycles, message):
    with pytest.raises(UserError, match=re.escape(message)):
        solver.smallest(Network(network), device, Fraction(cycles))


def test_the_front_gets_smaller_as_it_gets_slower():
    front = solver.front(Network((784, 256, 10)), DE1SOC)
    assert len(front) > 4
    for fast, slow in itertools.pairwise(front):
        assert fast.cycles_per_image < slow.cycles_per_image and fast.alms > slow.alms


@pytest.fixture
def file(tmp_path):
    """Return a function that writes mnist_small with another `folding` and returns its path."""

    def write(text):
        original = (DESIGNS / "mnist_small.toml").read_text()
        head, rest = re.split(r"\[folding\]\n.*?(?=\[simulation\])", original, flags=re.S)
        top, tables = head.split("[network]", 1)
        path = tmp_path / "mine.toml"
        if text.startswith("["):
            path.write_text(f"{head}{text}\n{rest}")
        else:
            path.write_text(f"{top}{text}\n[network]{tables}{rest}")
        return path

    return write


def predicted(design):
    return predict(design, fold.folding_of(design))


def test_a_design_file_may_leave_the_folding_to_the_solver(file):
    fastest = designs.load(file('folding = "auto"'))
    assert len(fold.folding_of(fastest).layers) == 4
    cycles = predicted(fastest).cycles_per_image
    assert cycles <= predicted(designs.load("mnist_small")).cycles_per_image
    paced = designs.load(file("[folding]\ncycles_per_image = 100"))
    assert cycles < predicted(paced).cycles_per_image <= 100
    rate = designs.load(file("[folding]\nimages_per_second = 500_000"))
    assert predicted(rate).cycles_per_image <= 100
    small = predicted(designs.load(file("[folding]\nalms = 5_000")))
    assert area.alms(small) <= 5_000 and small.cycles_per_image > cycles


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'folding = "quick"',
            "folding = 'quick': accepted: 'auto', or a table with copies, input_word_bits, layers, or ",
        ),
        ("[folding]\ncycles_per_image = 0", "folding.cycles_per_image = 0: accepted: 1 to 1e"),
        ("[folding]\nalms = 9", "mine.toml: folding: 784-256-256-256-10: "),
        ("[folding]\ncycles_per_image = 1", "mine.toml: folding: 1 cycles an image: "),
        ("[folding]\ncycles_per_image = 100\ncopies = 2", "folding.cycles_per_image = 100: unknown key"),
    ],
)
def test_a_wrong_goal_is_one_line(file, text, message):
    with pytest.raises(UserError) as refusal:
        fold.folding_of(designs.load(file(text)))
    assert message in str(refusal.value) and "\n" not in str(refusal.value)


def test_fold_prints_a_front_and_draws_it(capsys, tmp_path):
    picture = tmp_path / "front.svg"
    assert cli.main(["fold", "784-64-10", "--board", "de1soc", "--picture", str(picture)]) == 0
    out = capsys.readouterr().out
    assert re.search(r"cycles/image +images/s +latency +ALMs +M10K", out)
    assert str(picture) in out
    assert picture.read_text().startswith("<?xml") and "ALMs of 5CSEMA5F31C6" in picture.read_text()


def test_fold_prints_a_folding_ready_to_paste(capsys, file):
    assert cli.main(["fold", "784-256-256-256-10", "--cycles-per-image", "100"]) == 0
    out = capsys.readouterr().out
    pasted = designs.load(file(out[out.index("[folding]") :]))
    assert predicted(pasted).cycles_per_image <= 100


def test_fold_of_a_design_has_its_own_folding_and_the_front(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    assert cli.main(["fold", "smoke", "--picture", str(tmp_path / "front.svg")]) == 0
    out = capsys.readouterr().out
    assert "ALMs, by model" in out and "PE×SIMD by layer" in out


@pytest.mark.parametrize("option", ["--cycles-per-image", "--images-per-second"])
@pytest.mark.parametrize("value", ["nan", "inf", "1e-320", "0", "-1"])
def test_a_goal_that_is_none_is_one_line(capsys, option, value):
    assert cli.main(["fold", "784-64-10", f"{option}={value}"]) == 2
    assert re.fullmatch(r"error: fold: \w+ = [^\n]+: accepted: (1|0.001) to 1e\+09\n", capsys.readouterr().err)


@pytest.mark.parametrize("goal", [["--max"], ["--cycles-per-image=100"], []])
def test_a_network_that_no_block_ram_holds_is_refused_at_once(capsys, goal):
    assert cli.main(["fold", "784-65520-10", *goal]) == 2
    assert "52,022,880 weight bits are 47,957,600 more than the 397 M10K" in capsys.readouterr().err


def test_sizes_that_make_no_network_are_one_line(capsys):
    assert cli.main(["fold", "784-0-10"]) == 2
    assert "784-0-10: accepted: inputs-neurons-…-classes" in capsys.readouterr().err
    for sizes in ("784-1000000-10", f"784-{'9' * 5000}-10", "-".join(["784", *["32"] * 500, "10"])):
        assert cli.main(["fold", sizes]) == 2
        said = capsys.readouterr().err
        assert "...: accepted: inputs" in said or f"{sizes}: accepted: inputs" in said
        assert said.count("\n") == 1 and len(said) < 200
    assert explore.sizes("mnist") is None


MAPS = (
    Convolution(height=8, width=8, channels=1, kernel=3, pool=2),
    Convolution(height=3, width=3, channels=4, kernel=2),
)
SMALL_MAPS = Network((24, 5, 3), MAPS)  # 4 filters, then 6


@settings(max_examples=12, deadline=None)
@given(st.integers(72, 400))
def test_a_network_with_maps_keeps_the_pace_that_is_asked_for(cycles):
    found = solver.smallest(SMALL_MAPS, DE1SOC, Fraction(cycles)).prediction
    assert found.interval_cycles <= cycles
    assert [(layer.mw, layer.mh) for layer in found.layers] == [(9, 4), (16, 6), (24, 5), (5, 3)]
    assert [layer.convolution for layer in found.layers] == [*MAPS, None, None]
    assert (found.copies, found.input_word_bits) == (1, 1)


def test_no_folding_of_maps_is_faster_than_their_pixels():
    with pytest.raises(
        UserError,
        match=r"60 cycles an image: a pixel enters per cycle, 64 of an image, .*; the nearest that can be reached is",
    ):
        solver.smallest(SMALL_MAPS, DE1SOC, Fraction(60))
    fastest = solver.fastest(SMALL_MAPS, DE1SOC).prediction
    assert fastest.slowest_cycles == 64  # the pixels of an image, one a cycle
    assert fastest.interval_cycles < 64 + 16


def test_fewer_cycles_of_maps_take_more_logic():
    front = solver.front(SMALL_MAPS, DE1SOC)
    assert len(front) > 3
    assert sorted(front, key=lambda each: each.cycles_per_image) == front
    assert sorted(front, key=lambda each: -each.alms) == front
