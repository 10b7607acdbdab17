# SPDX-License-Identifier: Apache-2.0
"""The Scala side: what it refuses, that it is deterministic, and that Python predicts what it builds."""

import copy
import re
import time
from fractions import Fraction

import pytest

from xnorfpga.artefacts.hardware import Hardware
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import read_json
from xnorfpga.base.paths import DESIGNS
from xnorfpga.design import designs, folding
from xnorfpga.design.hardware import predict
from xnorfpga.rtl import elaborate

ONE_BIT = {"coefficients": [1], "weights": "binary"}
HARDWARE = {
    "design": "test",
    "clock_mhz": 50,
    "input_word_bits": 4,
    "copies": 2,
    "layers": [
        {"mw": 12, "mh": 8, "routing": "stationary", "pe": 2, "simd": 12, **ONE_BIT},
        {"mw": 8, "mh": 6, "routing": "diagonal", "pe": 3, "simd": 2, "coefficients": [1, 2], "weights": "ternary"},
        {"mw": 6, "mh": 4, "routing": "broadcast", "pe": 4, "simd": 3, **ONE_BIT},
    ],
    "memory": {"block_bits": 10240, "max_width": 40},
}

ILLEGAL = {
    "pe that does not divide": (("layers", 1, "pe"), 4, "pe = 4 does not divide mh = 6; choose one of 1, 2, 3, 6"),
    "pe of zero": (("layers", 1, "pe"), 0, "pe = 0 does not divide mh = 6"),
    "simd that does not divide": (
        ("layers", 1, "simd"),
        3,
        "simd = 3 does not divide mw = 8; choose one of 1, 2, 4, 8",
    ),
    "simd of zero": (("layers", 1, "simd"), 0, "simd = 0 does not divide mw = 8"),
    "stationary in parts": (("layers", 0, "simd"), 6, "simd = 6 with stationary routing must be mw = 12"),
    "no plane": (("layers", 0, "coefficients"), [], r"coefficients = \[\]: one of each bit plane, of 1, 2, 4"),
    "a coefficient of three": (
        ("layers", 1, "coefficients"),
        [1, 3],
        r"coefficients = \[1, 3\]: one of each bit plane",
    ),
    "unknown weights": (("layers", 1, "weights"), "real", "weights = .real. is unknown; choose binary, ternary"),
    "scores with zeros": (("layers", 2, "weights"), "ternary", "weights = .ternary. in the last layer"),
    "unknown routing": (("layers", 0, "routing"), "wires", "routing = .wires. is unknown; choose stationary, diagonal"),
    "broken chain": (("layers", 1, "mw"), 4, r"layers\[1\].mw = 4 is not layers\[0\].mh = 8"),
    "no copies": (("copies",), 0, "copies = 0: at least 1"),
    "input word": (
        ("input_word_bits",),
        5,
        "input_word_bits = 5 does not divide .* = 12; choose one of 1, 2, 3, 4, 6, 12",
    ),
    "no layers": (("layers",), [], "at least one layer"),
    "baud rate": (("baud",), 3_000_000, "baud = 3000000 is not within 1 % of clock / .*; the nearest: 3125000"),
    "no whole kHz": (("clock_mhz",), 33.33333, "33.33333 MHz is no whole number of kHz"),
    "wrong type": (("copies",), "two", r"\[.copies.\]: cannot be read: two"),
    "unknown key": (("copy",), 2, "[Uu]nknown [Kk]ey"),
}


@pytest.mark.parametrize("case", ILLEGAL)
def test_an_illegal_configuration_is_refused_in_one_line_and_earlier_files_stay(case, tmp_path):
    path, value, message = ILLEGAL[case]
    configuration = copy.deepcopy(HARDWARE)
    place = configuration
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    (tmp_path / "manifest.json").write_text("earlier")
    with pytest.raises(UserError, match=message) as refusal:
        elaborate.elaborate_many([(configuration, tmp_path)])
    assert "\n" not in str(refusal.value)
    assert str(tmp_path / "hardware.json") in str(refusal.value)
    assert (tmp_path / "manifest.json").read_text() == "earlier"


def test_a_missing_key_is_refused(tmp_path):
    configuration = {key: value for key, value in HARDWARE.items() if key != "copies"}
    with pytest.raises(UserError, match="copies"):
        elaborate.elaborate_many([(configuration, tmp_path)])


def test_two_elaborations_are_byte_identical_and_as_predicted(tmp_path):
    elaborate.elaborate_many([(HARDWARE, tmp_path / "a"), (HARDWARE, tmp_path / "b")])
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert [str(file) for file in files] == [
        "hardware.json",
        "manifest.json",
        "rtl/Accelerator.v",
        "rtl/De1SocTop.v",
    ]
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()

    manifest = read_json(tmp_path / "a" / "manifest.json")
    prediction = folding.predict_hardware(Hardware.read(tmp_path / "a" / "hardware.json"))
    for layer, predicted in zip(manifest["layers"], prediction.layers, strict=True):
        assert layer == layer | predicted.facts()
    assert prediction.m10k == sum(len(memory["files"]) for memory in manifest["memories"] if memory["depth"] > 1)


def test_a_baud_rate_is_accepted_where_a_design_s_is(tmp_path):
    text = (DESIGNS / "smoke.toml").read_text()
    rates = (9600, 115_200, 460_800, 921_600, 1_000_000, 2_000_000, 3_125_000, 10_000_000)
    elaborate.elaborate_many([({**HARDWARE, "baud": baud}, tmp_path / str(baud)) for baud in rates])
    digests = set()
    for baud in rates:
        path = tmp_path / f"{baud}.toml"
        path.write_text(text.replace("clock_mhz = 50", f"clock_mhz = 50\nbaud = {baud}"))
        link = read_json(tmp_path / str(baud) / "manifest.json")["link"]
        assert designs.load(path).board.baud == link["baud"] == baud
        digests.add(link["digest"])
    assert len(digests) == 1, "the baud rate is no part of what the board is"


def test_another_clock_than_the_oscillators_is_a_plls(tmp_path):
    """And the same clock is none, on whatever board."""
    clocks = {"plain": (50, 50), "pll": (62.5, 50), "other": (62.5, 62.5), "from other": (50, 62.5)}
    elaborate.elaborate_many(
        ({**HARDWARE, "clock_mhz": clock, "oscillator_mhz": oscillator}, tmp_path / name)
        for name, (clock, oscillator) in clocks.items()
    )
    text = {name: (tmp_path / name / "rtl" / "De1SocTop.v").read_text() for name in clocks}
    assert [name for name in clocks if "altera_pll" in text[name]] == ["pll", "from other"]
    for said in (r'reference_clock_frequency +\("50\.000000 MHz"', r'output_clock_frequency0 +\("62\.500000 MHz"'):
        assert len(re.findall(said, text["pll"])) == 1
    assert not re.search("posedge CLOCK_50", text["pll"])  # everything is on the PLL's clock
    accelerators = {(tmp_path / name / "rtl" / "Accelerator.v").read_bytes() for name in clocks}
    assert len(accelerators) == 1
    assert len({read_json(tmp_path / name / "manifest.json")["link"]["digest"] for name in clocks}) == len(clocks)


def test_named_designs_are_predicted_without_elaboration():
    mnist = designs.load("mnist")
    prediction = predict(mnist, mnist.folding)
    assert prediction.cycles_per_image == Fraction(256, 3)
    assert prediction.m10k <= mnist.board.capacity.m10k


def test_the_generator_is_compiled_again_after_each_change_of_its_sources(tmp_path, monkeypatch):
    package = tmp_path / "src/main/scala/xnorfpga"
    package.mkdir(parents=True)
    (tmp_path / "project").mkdir()
    for file in ("build.sbt", "project/build.properties", "src/main/scala/xnorfpga/Layer.scala"):
        (tmp_path / file).touch()
    monkeypatch.setattr(elaborate, "SPINAL", tmp_path)
    monkeypatch.setattr(elaborate, "CLASSPATH", tmp_path / "classpath.txt")
    assert not elaborate.is_compiled()

    def compiled(after):
        after()
        was = elaborate.is_compiled()
        (tmp_path / "classpath.txt").write_text("classes")
        return was

    assert not compiled(lambda: None)
    assert elaborate.is_compiled()
    time.sleep(0.02)  # what the file system's clock can tell apart
    assert not compiled((package / "New.scala").touch)
    time.sleep(0.02)
    assert not compiled((package / "New.scala").unlink)
    time.sleep(0.02)
    assert not compiled(lambda: (tmp_path / "build.sbt").write_text("// new"))
    assert elaborate.is_compiled()
