# SPDX-License-Identifier: Apache-2.0
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from xnorfpga.artefacts.hardware import ROUTINGS
from xnorfpga.base.errors import UserError
from xnorfpga.base.paths import DESIGNS
from xnorfpga.design import designs, pll
from xnorfpga.design.hardware import hardware, predict

GOOD = """\
weights = "train"

[network]
dataset = "mnist"
layers = [784, 256, 256, 256, 10]

[quantization]
weight_bits = 1
activation_bits = 1
input_threshold = 128

[training]
images = 800_000
batch_size = 100
learning_rate = 0.003
dropout = 0.1
shift_pixels = 1
seed = 1

[folding]
copies = 2
input_word_bits = 56
layers = [
    { routing = "stationary", pe = 4, simd = 784 },
    { routing = "stationary", pe = 4, simd = 256 },
    { routing = "stationary", pe = 4, simd = 256 },
    { routing = "broadcast", pe = 10, simd = 4 },
]

[simulation]
images = 1000

[board]
name = "de1soc"
clock_mhz = 50
"""


@pytest.mark.parametrize("name", designs.names())
def test_every_design_loads_as_it_stands(name):
    loaded = designs.load(name)
    raw = tomllib.loads((DESIGNS / f"{name}.toml").read_text(encoding="utf-8"))
    if "network" not in raw:  # a design of another one's model
        raw = tomllib.loads((DESIGNS / f"{Path(raw['weights']).stem}.toml").read_text(encoding="utf-8")) | raw
    assert loaded.name == name
    assert loaded.training.seed == raw["training"]["seed"]
    assert list(loaded.network.layers) == raw["network"]["layers"]
    if "layers" in raw["folding"]:
        assert [(fold.routing, fold.pe, fold.simd) for fold in loaded.folding.layers] == [
            (fold["routing"], fold["pe"], fold["simd"]) for fold in raw["folding"]["layers"]
        ]
    assert loaded.board.device == "5CSEMA5F31C6"
    assert loaded.board.capacity.alms == 32070


def test_the_three_designs_are_there():
    assert {"smoke", "mnist_small", "mnist"} <= set(designs.names())
    assert designs.load("mnist").shapes == ((784, 1024), (1024, 1024), (1024, 1024), (1024, 10))
    assert {fold.routing for fold in designs.load("smoke").folding.layers} == set(ROUTINGS)


def test_a_path_is_a_design(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    assert designs.load(path).name == "mine"
    assert designs.load(str(path)).network.layers == (784, 256, 256, 256, 10)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(UserError, match=r"'nist' is unknown; accepted: .*mnist, .*mnist_small, .*smoke"):
        designs.load("nist")


FIRST = '{ routing = "stationary", pe = 4, simd = 784 }'
SECOND = '{ routing = "stationary", pe = 4, simd = 256 }'
LAST = '{ routing = "broadcast", pe = 10, simd = 4 }'
TAUGHT = (
    "seed = 1\ndistillation = {{weight = {}, temperature = 2, teacher_images = 660_000, teacher_learning_rate = 0.003}}"
)
SHIFTED = 'seed = 1\nschedule = "right_shift"'
PRUNED = "seed = 1\npruning = {{layers = [{}, 300, 300, 256, 10], images = 1, rounds = 2, round_images = 1}}"
LAYERS = "layers = [784, 256, 256, 256, 10]"


@pytest.mark.parametrize(
    ("old", "new", "key", "accepted"),
    [
        # keys and types
        ("seed = 1", "seed = 1\nsed = 2", "training.sed = 2", "unknown key; accepted: images, batch_size"),
        ("seed = 1", "", "training.seed is missing", "needed: images"),
        (GOOD[GOOD.index("[training]") : GOOD.index("[folding]")], "", "training is missing", "needed: images"),
        ('weights = "train"', 'weights = "./no.npz"', "weights = './no.npz'", "or with a / the path of a model"),
        ("[board]", "[boards]", "boards = ", "unknown key; accepted: weights, network"),
        ('name = "de1soc"', "", "board.name is missing", "needed: name, clock_mhz"),
        ("batch_size = 100", "batch_size = 100.0", "training.batch_size = 100.0", "a whole number"),
        ("batch_size = 100", "batch_size = true", "training.batch_size = true", "a whole number"),
        ("batch_size = 100", 'batch_size = "100"', "training.batch_size = '100'", "a whole number"),
        ("learning_rate = 0.003", 'learning_rate = "fast"', "training.learning_rate = 'fast'", "a number"),
        (LAYERS, "layers = 784", "network.layers = 784", "a list"),
        (LAYERS, "layers = [784, 256.5, 10]", "network.layers[1] = 256.5", "a whole number"),
        (LAST, "4", "folding.layers[3] = 4", "a table with routing, pe, simd"),
        (LAST, '{ routing = "broadcast", pe = 10 }', "folding.layers[3].simd is missing", "needed: routing, pe, simd"),
        ('weights = "train"', "weights = 1", "weights = 1", "a text"),
        # values
        ("copies = 2", "copies = 0", "folding.copies = 0", "1 to 64"),
        ("input_threshold = 128", "input_threshold = 0", "quantization.input_threshold = 0", "1 to 255"),
        ("input_threshold = 128", "input_threshold = 256", "quantization.input_threshold = 256", "1 to 255"),
        ("weight_bits = 1", "weight_bits = 3", "quantization.weight_bits = 3", "1 to 2"),
        ("activation_bits = 1", "activation_bits = 3", "quantization.activation_bits = 3", "1 to 2"),
        ("weight_bits = 1", "weight_bits = 1\nactivation_ratio = 3", "quantization.activation_ratio = 3", "2 or 4"),
        ("weight_bits = 1", "weight_bits = 1\ninput_bits = 9", "quantization.input_bits = 9", "1 to 8"),
        ("weight_bits = 1", "weight_bits = 2\nactivation_ratio = 4\ninput_bits = 8", "", None),
        ("dropout = 0.1", "dropout = 1", "training.dropout = 1", "0 to 0.9"),
        ("learning_rate = 0.003", "learning_rate = nan", "training.learning_rate = nan", "1e-09 to 10"),
        ("clock_mhz = 50", "clock_mhz = -50", "board.clock_mhz = -50", "1 to 500"),
        ("clock_mhz = 50", "clock_mhz = 50\nbaud = 0", "board.baud = 0", "1 to 100000000"),
        ("clock_mhz = 50", "clock_mhz = 50\nbaud = 3_000_000", "board.baud = 3000000", "the nearest is 3125000"),
        ("clock_mhz = 50", "clock_mhz = 50\nbaud = 20_000_000", "board.baud = 20000000", "the nearest is 10000000"),
        ("clock_mhz = 50", "clock_mhz = 50\nbaud = 921_600", "", None),
        ('dataset = "mnist"', 'dataset = "cifar"', "network.dataset = 'cifar'", "'mnist'"),
        ('name = "de1soc"', 'name = "de2"', "board.name = 'de2'", "accepted: de10nano, de1soc"),
        ('weights = "train"', 'weights = "no.npz"', "weights = 'no.npz'", "accepted: train"),
        (LAYERS, "layers = [784]", "network.layers = [784]", "[784, hidden layers, 10]"),
        (LAYERS, "layers = [700, 256, 256, 256, 10]", "network.layers = [700, ", "[784, hidden layers, 10]"),
        (LAYERS, "layers = [784, 256, 256, 256, 12]", "network.layers = [784, ", "[784, hidden layers, 10]"),
        (LAYERS, "layers = [784, 0, 256, 256, 10]", "network.layers[1] = 0", "1 to 65536"),
        # options of the training
        ("seed = 1", 'seed = 1\noptimizer = "sgd"', "training.optimizer = 'sgd'", "'adam', 'adamax' or 'shift_adamax'"),
        ("seed = 1", 'seed = 1\nschedule = "step"', "training.schedule = 'step'", "'cosine' or 'right_shift'"),
        ("seed = 1", 'seed = 1\nbatch_norm = "no"', "training.batch_norm = 'no'", "'plain' or 'shift'"),
        (
            "seed = 1",
            'seed = 1\nmethod = "svm"',
            "training.method = 'svm'",
            "'bnn', 'xnor_net', 'bwn', 'ttq' or 'float'",
        ),
        ("seed = 1", 'seed = 1\nprecision = "int8"', "training.precision = 'int8'", "'float32' or 'bfloat16'"),
        ("seed = 1", "seed = 1\nfloat_weight_images = -1", "training.float_weight_images = -1", "0 to 1000000000"),
        (
            "seed = 1",
            f"seed = 1\nfloat_weight_images = {10**9}",
            "training.float_weight_images = ",
            "fewer than training.",
        ),
        ("seed = 1", 'seed = 1\nmethod = "ttq"', "quantization.weight_bits = 1", "training.method = 'ttq': 2"),
        ("seed = 1", 'seed = 1\nmethod = "bwn"', "", None),
        ("seed = 1", "seed = 1\nternary_threshold = 1", "training.ternary_threshold = 1", "0 to 0.99"),
        ("seed = 1", f"{SHIFTED}\nshift_every_epochs = 0", "training.shift_every_epochs = 0", "1 to 1000000"),
        ("seed = 1", SHIFTED, "training.shift_every_epochs = None", "needed with schedule = 'right_shift'"),
        ("seed = 1", "seed = 1\nshift_every_epochs = 5", "training.shift_every_epochs = 5", "with schedule = 'right_"),
        ("seed = 1", f"{SHIFTED}\nshift_every_epochs = 5", "", None),
        ("seed = 1", TAUGHT.format(2), "training.distillation.weight = 2", "0 to 1"),
        ("seed = 1", "seed = 1\ndistillation = 2", "training.distillation = 2", "a table with weight, temperature"),
        ("seed = 1", TAUGHT.format(0.5), "", None),
        ("seed = 1", "seed = 1\nshear = 0.6", "training.shear = 0.6", "0 to 0.5"),
        ("seed = 1", PRUNED.format(700), "training.pruning.layers = [700, ", "[784, hidden layers, 10]"),
        ("seed = 1", PRUNED.format("784, 300"), "network.layers = [784, 256, 256, 256, 10]", "accepted: 6 sizes"),
        ("seed = 1", PRUNED.format(784).replace("300", "200"), "network.layers = [784, ", "up to [784, 200, "),
        ("seed = 1", PRUNED.format(784).replace("rounds = 2", "rounds = 0"), "training.pruning.rounds = 0", "1 to 100"),
        ("seed = 1", PRUNED.format(784), "", None),
        # folds
        (FIRST, FIRST.replace("pe = 4", "pe = 0"), "folding.layers[0].pe = 0", "1 to 65536"),
        (FIRST, FIRST.replace("simd = 784", "simd = 0"), "folding.layers[0].simd = 0", "1 to 65536"),
        (
            FIRST,
            FIRST.replace("pe = 4", "pe = 7"),
            "folding.layers[0].pe = 7: does not divide",
            "nearest that do: 1, 2, 4, 8",
        ),
        (LAST, LAST.replace("simd = 4", "simd = 5"), "folding.layers[3].simd = 5: does not divide", "2, 4, 8"),
        (FIRST, FIRST.replace("784", "392"), "folding.layers[0].simd = 392", "stationary routing: 784"),
        (FIRST, FIRST.replace("stationary", "static"), "folding.layers[0].routing = 'static'", "'diagonal'"),
        (SECOND, SECOND.replace("pe = 4", "pe = 32"), "", None),  # 4 divides 32: legal behind and before
        (f"{LAST},\n", "", "folding.layers = '3 folds'", "accepted: 4"),
        (
            "input_word_bits = 56",
            "input_word_bits = 60",
            "folding.input_word_bits = 60",
            "nearest that do: 28, 49, 56, 98",
        ),
        # broadcast words and beats
        (
            'simd = 784 },\n    { routing = "stationary", pe = 4, simd = 256 }',
            'simd = 784 },\n    { routing = "broadcast", pe = 256, simd = 8 }',
            "",
            None,
        ),
    ],
)
def test_each_mistake_is_one_line(loads_or_says, old, new, key, accepted):
    loads_or_says(GOOD, old, new, key, accepted)


def test_broadcast_words_fit_the_beats(tmp_path):
    path = tmp_path / "bad.toml"
    text = GOOD.replace("256, 10]", "240, 10]").replace(
        f"{SECOND},\n    {LAST}", f"{SECOND.replace('pe = 4', 'pe = 6')},\n    {LAST}"
    )
    path.write_text(text.replace("pe = 10, simd = 4", "pe = 10, simd = 16"))
    with pytest.raises(UserError, match=r"layers\[3\].simd = 16: accepted .* behind 6-bit beats: 1, 2, 3, 6, 12, 24"):
        designs.load(path)
    path.write_text(text.replace("pe = 10, simd = 4", "pe = 10, simd = 12"))
    designs.load(path)


def test_a_model_of_any_folder_is_named_by_its_path_and_needs_no_training(tmp_path):
    path = tmp_path / "mine.toml"
    recipe = GOOD[GOOD.index("[training]") : GOOD.index("[folding]")]
    path.write_text(GOOD.replace('weights = "train"', 'weights = "./other.npz"').replace(recipe, ""))
    (tmp_path / "other.npz").write_bytes(b"a model")
    loaded = designs.load(path)
    assert (loaded.origin, loaded.model, loaded.training) == ("imported", tmp_path / "other.npz", None)
    path.write_text(GOOD)
    assert designs.load(path).origin == "trained"
    assert designs.load("mnist").origin == designs.load("mnist_max").origin == "published"


def test_a_network_larger_than_the_memory_says_by_how_much(tmp_path):
    path = tmp_path / "big.toml"
    path.write_text(GOOD.replace(LAYERS, "layers = [784, 8192, 10]").replace(f"    {SECOND},\n", ""))
    bits = 784 * 8192 + 8192 * 10
    over = bits - 397 * 10240
    with pytest.raises(UserError, match=f"{bits:,} weight bits are {over:,} more than the 397 M10K of 5CSEMA5F31C6"):
        designs.load(path)


@pytest.mark.parametrize("text", ["[network", "a = 1\na = 2"])
def test_what_is_no_toml(tmp_path, text):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"bad.toml: not valid TOML: [^\n]+$"):
        designs.load(path)


def test_an_absent_file(tmp_path):
    with pytest.raises(UserError, match=r"none.toml: cannot read: No such file"):
        designs.load(tmp_path / "none.toml")


@pytest.mark.parametrize("name", ["..", "a=b", "doit.db", "n" * 300, "-x", "a b", "x\n"])
def test_a_name_that_cannot_be_a_folder_or_a_task_is_one_line(tmp_path, name):
    with pytest.raises(UserError, match=r"^[^\n]+ accepted as a design's name: up to 64 letters[^\n]+$"):
        designs.load(tmp_path / f"{name}.toml")
    with pytest.raises(UserError, match=r"^design [^\n]+ is unknown; accepted: [^\n]*mnist, [^\n]+$"):
        designs.load(name)


def test_a_design_of_another_ones_model_needs_no_recipe(tmp_path):
    path = tmp_path / "mine.toml"
    rest = GOOD[GOOD.index("[simulation]") :]
    path.write_text(f'folding = "auto"\nweights = "mnist.npz"\n{rest}')
    mine, owner = designs.load(path), designs.load("mnist")
    assert (mine.network, mine.quantization, mine.training) == (owner.network, owner.quantization, owner.training)
    path.write_text(f'folding = "auto"\nweights = "train"\n{rest}')
    with pytest.raises(UserError, match=r"mine.toml: network is missing; needed: "):
        designs.load(path)
    path.write_text(f'folding = "auto"\nweights = "other.npz"\n{rest}')
    with pytest.raises(UserError, match=r"weights = 'other.npz': network, [^\n]+ there is no design 'other'"):
        designs.load(path)
    path.write_text(f'folding = "auto"\nweights = "mnist.npz"\n[network]\ndataset = "mnist"\n{rest}')
    with pytest.raises(UserError, match=r"mine.toml: network.layers is missing"):
        designs.load(path)


@pytest.mark.parametrize("images", ["0", "1.5", "true", "'some'", "[]", "1_000_001"])
def test_a_number_of_images_or_all_is_simulated(tmp_path, images):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace("[simulation]\nimages = 1000", f"[simulation]\nimages = {images}"))
    with pytest.raises(UserError, match=r"simulation.images = [^\n]+: accepted: 1 to 1000000, or 'all'$"):
        designs.load(path)
    path.write_text(GOOD.replace("[simulation]\nimages = 1000", "[simulation]\nimages = 'all'"))
    assert designs.load(path).simulation.count is None


def test_a_board_is_named_or_the_default_one():
    assert designs.board(None) == designs.board("de1soc")
    assert designs.board(None).title == "DE1-SoC"
    with pytest.raises(UserError, match=r"^--board 'de2': accepted: de10nano, de1soc$"):
        designs.board("de2")


@pytest.mark.parametrize("mhz", ["50", "37.5", "74.25", "100", "110", "143", "500"])
def test_a_clock_is_the_oscillator_or_one_that_the_pll_makes_of_it(mhz, tmp_path):
    design = with_clock(tmp_path, mhz)
    assert design.board.clock_mhz == float(mhz)
    built = hardware(design, design.folding)
    assert (built.clock_mhz, built.oscillator_mhz, built.has_pll) == (float(mhz), 50, mhz != "50")


@pytest.mark.parametrize(("mhz", "cycles"), [("37.5", 1), ("50", 1), ("60", 1), ("62.5", 2), ("100", 2)])
def test_a_fast_clock_reads_block_ram_through_its_output_register(mhz, cycles, tmp_path):
    design = with_clock(tmp_path, mhz)
    assert hardware(design, design.folding).memory.read_cycles == cycles
    slow = with_clock(tmp_path, "50")
    now, before = predict(design, design.folding), predict(slow, slow.folding)
    assert now.cycles_per_image == before.cycles_per_image
    assert now.latency_cycles == before.latency_cycles + (cycles - 1) * len(now.layers)


@pytest.mark.parametrize(
    ("mhz", "nearest"),
    [
        ("49.9", "49.6, 49.75, 49.8, 50"),  # the oscillator itself is among them
        ("66.667", "66.5, 66.75, 66.875, 67"),
        ("33.33333333", "33.2, 33.25, 33.375, 33.4"),  # no whole kHz
        ("1", "1.2, 1.21, 1.22, 1.225"),  # the greatest C is not enough
        ("499.999", "495, 496.875, 497.5, 500"),
    ],
)
def test_a_clock_that_the_pll_does_not_make_is_refused(mhz, nearest, tmp_path):
    accepted = r"accepted: 50 · M / \(N · C\) in whole counters of the PLL, in whole kHz; nearest: "
    with pytest.raises(UserError, match=rf"fast\.toml: board\.clock_mhz = {mhz}.*: {accepted}{nearest}$"):
        with_clock(tmp_path, mhz)


def with_clock(folder, mhz):
    """Load a small design with another clock, and a baud rate that every clock has."""
    path, cycles = folder / "fast.toml", 5
    text = (DESIGNS / "smoke.toml").read_text()
    path.write_text(text.replace("clock_mhz = 50", f"clock_mhz = {mhz}\nbaud = {round(float(mhz) * 1e6 / cycles)}"))
    return designs.load(path)


def test_another_family_has_no_pll_that_is_known(tmp_path, monkeypatch):
    monkeypatch.setattr(pll, "FAMILY", "another")
    with pytest.raises(UserError, match=r"accepted: 50, the board's oscillator; no PLL is known for Cyclone V$"):
        with_clock(tmp_path, "100")


def test_the_clocks_are_those_of_all_counters():
    """Each M, N and C within the limits, and the phase detector and the oscillator inside within theirs."""
    found = {
        50_000 * m // (n * c)
        for n in range(1, pll.COUNTER + 1)
        for m in range(1, pll.COUNTER + 1)
        if pll.PFD_MHZ[0] * n <= 50 <= pll.PFD_MHZ[1] * n and pll.VCO_MHZ[0] * n <= 50 * m <= pll.VCO_MHZ[1] * n
        for c in range(1, pll.COUNTER + 1)
        if 50_000 * m % (n * c) == 0
    }
    least, most = pll.RANGE_KHZ
    made = {khz: pll.counters(50_000, khz) for khz in range(least, most + 1)}
    assert {khz for khz in found if least <= khz <= most} == {khz for khz, counters in made.items() if counters}
    assert all(50_000 * each.m == khz * each.n * each.c for khz, each in made.items() if each)


def test_a_pruned_network_may_take_fewer_pixels(tmp_path):
    """Without pruning 392 inputs are a mistake (above); with it they are what is left."""
    path = tmp_path / "pruned.toml"
    text = GOOD.replace("seed = 1", PRUNED.format(784)).replace("[784, 256, 256, 256, 10]", "[392, 256, 256, 256, 10]")
    path.write_text(text.replace("simd = 784", "simd = 392"))
    assert designs.load(path).shapes[0] == (392, 256)
    path.write_text(path.read_text().replace("256, 10]\n", "256, 9]\n", 1))
    with pytest.raises(UserError, match=r"network.layers = .*with 10 classes"):
        designs.load(path)


def test_ternary_weights_take_two_bits_of_the_memory(tmp_path):
    """784-1536-1536-10 fits a bit a weight into the DE1-SoC's block RAM; two bits do not."""
    path = tmp_path / "wide.toml"
    text = GOOD.replace("[784, 256, 256, 256, 10]", "[784, 1536, 1536, 10]").replace(f"    {SECOND},\n", "", 1)
    path.write_text(text.replace("simd = 256", "simd = 1536"))
    designs.load(path)
    path.write_text(path.read_text().replace("weight_bits = 1", "weight_bits = 2"))
    with pytest.raises(UserError, match=r"network.layers = [^\n]* weight bits are [^\n]* more than the 397 M10K"):
        designs.load(path)


def test_the_hardware_has_the_planes_and_weights_of_the_quantization():
    design = designs.load("smoke")
    bits = {"weight_bits": 2, "activation_bits": 2, "activation_ratio": 4, "input_bits": 3}
    design = replace(design, quantization=design.quantization.model_copy(update=bits))
    layers = hardware(design, design.folding).layers
    assert [layer.coefficients for layer in layers] == [(1, 2, 4), *[(1, 4)] * (len(layers) - 1)]
    assert [layer.weights for layer in layers] == [*["ternary"] * (len(layers) - 1), "binary"]
