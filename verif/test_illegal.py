# SPDX-License-Identifier: Apache-2.0
"""Random configurations and designs with one mistake each: refused in one line that names the mistake.

Each starts legal (that is tested too), so that the mistake put in is the only one.
"""

import copy
import json
import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from bench.configurations import Configuration, configuration, divisors, layer
from xnorfpga.base.errors import UserError
from xnorfpga.design import designs
from xnorfpga.rtl import elaborate

Mistake = Callable[[random.Random, dict[str, Any]], str]
"""Puts a mistake into a legal table, in place, and returns a text that the complaint must have."""

DESIGNS = 300


def no_divisor(rng: random.Random, size: int) -> int:
    """Return a number that cannot fold `size`."""
    return rng.choice([value for value in (-1, 0, *range(2, size + 3)) if value < 1 or size % value])


# Mistakes in hardware.json, read by Scala


def wrong_fold(rng: random.Random, hardware: Configuration) -> str:
    each = rng.choice(hardware["layers"])
    key, size = rng.choice((("pe", each["mh"]), ("simd", each["mw"])))
    each[key] = no_divisor(rng, size)
    return f"{key} = {each[key]} does not divide"


def stationary_in_parts(rng: random.Random, hardware: Configuration) -> str:
    each = hardware["layers"][0]
    each["mw"] = hardware["input_word_bits"] * 6
    each.update(routing="stationary", simd=each["mw"] // rng.choice((2, 3)))
    return f"simd = {each['simd']} with stationary routing must be mw = {each['mw']}"


def wrong_word(rng: random.Random, hardware: Configuration) -> str:
    hardware["input_word_bits"] = no_divisor(rng, hardware["layers"][0]["mw"])
    return f"input_word_bits = {hardware['input_word_bits']} does not divide"


def broken_chain(rng: random.Random, hardware: Configuration) -> str:
    last = hardware["layers"][-1]
    mw = last["mh"] + rng.randint(1, 5)
    hardware["layers"].append({**last, "mw": mw, "mh": 2, "routing": "diagonal", "pe": 1, "simd": 1})
    return f"mw = {mw} is not layers[{len(hardware['layers']) - 2}].mh = {last['mh']}"


def too_few(rng: random.Random, hardware: Configuration) -> str:
    key, value = rng.choice((("copies", 0), ("copies", -rng.randint(1, 9)), ("layers", [])))
    hardware[key] = value
    return f"{key} = {value}"


def empty_layer(rng: random.Random, hardware: Configuration) -> str:
    key = rng.choice(("mw", "mh"))
    rng.choice(hardware["layers"])[key] = -rng.randint(0, 3)
    return "a layer has at least one input and one neuron"


def unknown_routing(rng: random.Random, hardware: Configuration) -> str:
    name = rng.choice(("wires", "", "Diagonal", "systolic"))
    rng.choice(hardware["layers"])["routing"] = name
    return f'routing = "{name}" is unknown; choose stationary, diagonal, broadcast'


def wrong_coefficients(rng: random.Random, hardware: Configuration) -> str:
    coefficients = rng.choice(([], [0], [1, 3], [256], [-2, 1]))
    rng.choice(hardware["layers"])["coefficients"] = coefficients
    return f"coefficients = [{', '.join(map(str, coefficients))}]: one of each bit plane"


def scores_with_zeros(rng: random.Random, hardware: Configuration) -> str:
    hardware["layers"][-1]["weights"] = "ternary"
    return 'weights = "ternary" in the last layer'


def unknown_key(rng: random.Random, hardware: Configuration) -> str:
    rng.choice((hardware, hardware["memory"], *hardware["layers"]))["copy"] = 2
    return "copy"


def missing_key(rng: random.Random, hardware: Configuration) -> str:
    table = rng.choice((hardware, hardware["memory"], *hardware["layers"]))
    key = rng.choice(list(table))
    del table[key]
    return key


def wrong_type(rng: random.Random, hardware: Configuration) -> str:
    table = rng.choice((hardware, hardware["memory"], *hardware["layers"]))
    key = rng.choice([key for key in table if isinstance(table[key], int)])
    table[key] = rng.choice(("two", [1], {"a": 1}))
    return key


HARDWARE = (
    wrong_fold, stationary_in_parts, wrong_word, broken_chain, too_few,
    empty_layer, unknown_routing, wrong_coefficients, scores_with_zeros, unknown_key, missing_key, wrong_type,
)  # fmt: skip
CASES = 6  # a java run each, and so some seconds: which of the mistakes, the seed says


@pytest.mark.parametrize("case", range(CASES))
def test_scala_refuses_a_configuration_with_a_mistake(case: int, seed: int, tmp_path) -> None:
    mistake = HARDWARE[(seed * CASES + case) % len(HARDWARE)]
    rng = random.Random(f"illegal {seed} {case}")
    hardware = copy.deepcopy(configuration(rng.randrange(1000), seed))
    expected = mistake(rng, hardware)
    with pytest.raises(UserError) as refusal:
        elaborate.elaborate_many([(hardware, tmp_path)])
    complaint = str(refusal.value)
    assert expected in complaint and str(tmp_path / "hardware.json") in complaint, mistake.__name__
    assert "\n" not in complaint, mistake.__name__
    assert not (tmp_path / "rtl").exists()


# Mistakes in a design file, read by Python


def legal_design(rng: random.Random) -> dict[str, Any]:
    """Draw a design file that loads."""
    sizes = [784, *(rng.choice((16, 49, 60, 128)) for _ in range(rng.randint(1, 3))), 10]
    copies, layers = rng.randint(1, 4), []
    for mw, mh in pairwise(sizes):
        fold = layer(rng, mw, mh, copies, rng.choice(("stationary", "diagonal")))
        layers.append({key: fold[key] for key in ("routing", "pe", "simd")})
    return {
        "weights": "train",
        "network": {"dataset": "mnist", "layers": sizes},
        "quantization": {"weight_bits": 1, "activation_bits": 1, "input_threshold": rng.randint(1, 255)},
        "training": {
            "images": 1000, "batch_size": 50, "learning_rate": 0.003, "dropout": 0.1, "shift_pixels": 1, "seed": 1,
        },
        "folding": {"copies": copies, "input_word_bits": rng.choice(divisors(784)), "layers": layers},
        "simulation": {"images": rng.randint(1, 1000)},
        "board": {"name": "de1soc", "clock_mhz": 50},
    }  # fmt: skip


def toml(value: Any) -> str:
    """Return a value as TOML, tables in line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def any_table(rng: random.Random, content: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Choose a table and return the start of its keys' dotted names with it."""
    folds = [(f"folding.layers[{k}].", fold) for k, fold in enumerate(content["folding"]["layers"])]
    return rng.choice([("", content), *((f"{key}.", content[key]) for key in content if key != "weights"), *folds])


def design_fold(rng: random.Random, content: dict[str, Any]) -> str:
    k = rng.randrange(len(content["folding"]["layers"]))
    fold, sizes = content["folding"]["layers"][k], content["network"]["layers"]
    key, size = rng.choice((("pe", sizes[k + 1]), ("simd", sizes[k])))
    fold[key] = no_divisor(rng, size)
    return f"folding.layers[{k}].{key} = {fold[key]}: "


def design_word(rng: random.Random, content: dict[str, Any]) -> str:
    content["folding"]["input_word_bits"] = no_divisor(rng, 784)
    return f"folding.input_word_bits = {content['folding']['input_word_bits']}: "


def design_stationary(rng: random.Random, content: dict[str, Any]) -> str:
    content["folding"]["layers"][0] = {"routing": "stationary", "pe": 1, "simd": rng.choice(divisors(784)[:-1])}
    return "folding.layers[0].simd = "


def design_folds(rng: random.Random, content: dict[str, Any]) -> str:
    folds = content["folding"]["layers"]
    folds.append(folds[-1]) if rng.random() < 0.5 else folds.pop()
    return "folding.layers = "


def design_unknown(rng: random.Random, content: dict[str, Any]) -> str:
    dotted, table = any_table(rng, content)
    table["extra"] = rng.choice((1, "x", []))
    return f"{dotted}extra = "


def design_missing(rng: random.Random, content: dict[str, Any]) -> str:
    dotted, table = any_table(rng, content)
    key = rng.choice(list(table))
    del table[key]
    return f"{dotted}{key} is missing; needed: "


def design_type(rng: random.Random, content: dict[str, Any]) -> str:
    dotted, table = any_table(rng, content)
    key = rng.choice(list(table))
    table[key] = rng.choice((True, {"a": 1}))
    return f"{dotted}{key}"


def design_range(rng: random.Random, content: dict[str, Any]) -> str:
    table, key, value = rng.choice((
        ("folding", "copies", rng.choice((0, -1, 65))), ("training", "dropout", 1.5), ("training", "batch_size", 1),
        ("quantization", "weight_bits", rng.choice((0, 3, 8))), ("quantization", "input_threshold", 256),
        ("network", "dataset", "cifar"), ("board", "name", "de2"), ("board", "clock_mhz", 0),
        ("board", "baud", rng.choice((0, 3_000_000))),
    ))  # fmt: skip
    content[table][key] = value
    return f"{table}.{key} = "


DESIGN = (
    design_fold, design_word, design_stationary, design_folds,
    design_unknown, design_missing, design_type, design_range,
)  # fmt: skip


def test_the_loader_refuses_a_design_with_a_mistake(seed: int, tmp_path) -> None:
    rng = random.Random(f"designs {seed}")
    path = tmp_path / "mine.toml"
    for number in range(DESIGNS):
        content, mistake = legal_design(rng), DESIGN[number % len(DESIGN)]
        path.write_text("".join(f"{key} = {toml(value)}\n" for key, value in content.items()))
        designs.load(path)
        expected = mistake(rng, content)
        path.write_text("".join(f"{key} = {toml(value)}\n" for key, value in content.items()))
        with pytest.raises(UserError) as refusal:
            designs.load(path)
        complaint = str(refusal.value)
        assert f"{path}: {expected}" in complaint, (mistake.__name__, content)
        assert "\n" not in complaint
