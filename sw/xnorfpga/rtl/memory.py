# SPDX-License-Identifier: Apache-2.0
"""Memory images: where each weight and threshold lies in the accelerator's block RAM.

The shapes come from the elaboration's manifest; what is decided here is only which neuron's weight stands at which bit
of which row. Two forms of the same content: one `$readmemb` file a block-RAM column (initial content), and the word
stream of the load port (a new model without synthesis).
"""

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xnorfpga.artefacts.accelerator import Accelerator
from xnorfpga.artefacts.memories import MemoryContents
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import atomic_write, read_json, sha256
from xnorfpga.data.load import load_dataset
from xnorfpga.network import package

if TYPE_CHECKING:
    from xnorfpga.design.schema import Design
    from xnorfpga.network.golden import Model


def weight_rows(
    layer: dict[str, Any], weights: NDArray[np.bool_], mask: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """Arrange a layer's weights in the order in which the engine reads them.

    Row `group * synapse_fold + step` holds PE p's SIMD weights at bits p*SIMD …, for neuron `group * PE + p`. With
    diagonal routing PE p meets input word (step + p) mod synapse_fold at that step, so it reads that word's weights:
    the paper's rearrangement by diagonal. A ternary weight is two bits: its sign and, above it, whether it counts.

    Args:
        layer: the layer's entry in the manifest (mw, mh, pe, simd, synapse_fold, neuron_fold, routing).
        weights: bool[MH, MW], True = +1.
        mask: bool[MH, MW], False where a weight is 0; None: no weight is.

    Returns:
        bool[neuron_fold * synapse_fold, PE * SIMD * bits of a weight].
    """
    pe, simd, words, groups = (layer[key] for key in ("pe", "simd", "synapse_fold", "neuron_fold"))
    bits = [weights]
    if layer["weights"] == "ternary":
        bits.append(np.ones_like(weights) if mask is None else mask)
    by_word = np.stack(bits, axis=-1).reshape(groups, pe, words, simd * len(bits))
    if layer["routing"] == "diagonal":
        by_word = np.stack([np.roll(by_word[:, p], -p, axis=1) for p in range(pe)], axis=1)
    return by_word.transpose(0, 2, 1, 3).reshape(groups * words, -1)


def transitions(vectors: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for each row of bool[N, even] how many neighbours, 2i and 2i + 1, differ (int[N])."""
    return np.count_nonzero(vectors[:, 0::2] != vectors[:, 1::2], axis=1)


def threshold_rows(
    layer: dict[str, Any], weights: NDArray[np.bool_], thresholds: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Arrange a layer's thresholds as what the accumulators start from: −T in two's complement, of levels the middle T.

    Where pairs are counted, majorities take the place of products: in each bit plane popcount = 2·count −
    transitions(x) + transitions(w). What depends on the weights alone is taken off the threshold here:
    −(T − (sum of the coefficients) · transitions(w)).

    Serial thresholds are counted up from 0, modulo 2^margin_bits: row 0 clears and holds nothing, a one in one of the
    R = 2^threshold_digit_bits rows of digit k adds 1 + R + … + R^k.

    Args:
        layer: the layer's entry in the manifest (pe, neuron_fold, margin_bits, counting, threshold …).
        weights: bool[MH, MW].
        thresholds: int[MH], 0 … greatest sum + 1.

    Returns:
        bool[neuron_fold, PE * margin_bits], neuron `group * PE + p` at bits p*margin_bits …; of serial thresholds
        bool[1 + R * digits, PE].
    """
    bits = layer["margin_bits"]
    values = -thresholds.astype(np.int64)
    if layer["counting"] == "paired":
        values += sum(layer["coefficients"]) * transitions(weights)
    if layer["threshold"] == "serial":
        rest, digits, rows_per_digit = values % (1 << bits), [], 1 << layer["threshold_digit_bits"]
        for k in reversed(range(-(-bits // layer["threshold_digit_bits"]))):
            counts, rest = np.divmod(rest, sum(rows_per_digit**digit for digit in range(k + 1)))
            digits.append(np.arange(rows_per_digit)[:, None] < counts)
        return np.concatenate([np.zeros((1, len(values)), dtype=bool), *reversed(digits)])
    return _twos_complement(values, bits).reshape(layer["neuron_fold"], -1)


def level_rows(layer: dict[str, Any], levels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Arrange what a layer's levels are above or below the middle one, which the accumulators start from.

    Args:
        layer: the layer's entry in the manifest (neuron_fold, level_bits).
        levels: int[MH, L], ascending in each row, 0 … greatest sum + 1.

    Returns:
        bool[neuron_fold, PE * (L - 1) * level_bits], neuron after neuron, its levels ascending without the middle one.
    """
    middle = levels.shape[1] // 2
    others = np.delete(levels - levels[:, middle : middle + 1], middle, axis=1)
    return _twos_complement(others.astype(np.int64), layer["level_bits"]).reshape(layer["neuron_fold"], -1)


def _twos_complement(values: NDArray[np.int64], bits: int) -> NDArray[np.bool_]:
    """Return int[…] as bool[…, bits], the lowest bit first."""
    return ((values[..., None] >> np.arange(bits)) & 1).astype(bool)


def rows(manifest: dict[str, Any], model: "Model") -> list[NDArray[np.bool_]]:
    """Return the content of each memory of the manifest, in its order, as bool[depth, width].

    Raises UserError where the model has another shape than the elaborated accelerator.
    """
    shape = [(layer["mh"], layer["mw"]) for layer in manifest["layers"]]
    given = [layer.weights.shape for layer in model.layers]
    if shape != given:
        raise UserError(
            f"the model's layers are {given} but the accelerator was elaborated for {shape}: elaborate again"
        )
    planes = [(*layer["coefficients"],) for layer in manifest["layers"]]
    if (found := [layer.coefficients for layer in model.layers]) != planes:
        raise UserError(
            f"the model's bit planes weigh {found} but the accelerator was elaborated for {planes}: elaborate again"
        )
    contents = []
    for memory in manifest["memories"]:
        layer = manifest["layers"][memory["layer"]]
        source = model.layers[memory["layer"]]
        if memory["kind"] == "weights":
            if source.mask is not None and layer["weights"] != "ternary":
                raise UserError(
                    f"the model's layer {memory['layer']} has weights that are 0 but the accelerator was elaborated "
                    "for ±1: elaborate again"
                )
            contents.append(weight_rows(layer, source.weights, source.mask))
        elif memory["kind"] == "thresholds":
            middle = source.levels[:, source.levels.shape[1] // 2]
            contents.append(threshold_rows(layer, source.weights, middle))
        else:
            contents.append(level_rows(layer, source.levels))
        assert contents[-1].shape == (memory["depth"], memory["width"]), memory["name"]
    return contents


def columns(memory: dict[str, Any], content: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Split a memory's rows into its block-RAM columns: bool[depth, at most column_width] each, lowest bits first."""
    edges = range(memory["column_width"], content.shape[1], memory["column_width"])
    return np.split(content, list(edges), axis=1)


def images(manifest: dict[str, Any], model: "Model") -> dict[str, str]:
    """Return the `$readmemb` text of each block-RAM column by its bare file name."""
    texts: dict[str, str] = {}
    for memory, content in zip(manifest["memories"], rows(manifest, model), strict=True):
        texts |= _texts(memory, content)
    return texts


def stored_images(manifest: dict[str, Any], vectors: NDArray[np.bool_]) -> dict[str, str]:
    """Return the `$readmemb` text of each column of the images that the board stores, by its bare file name.

    Args:
        vectors: bool[images, MW of all bit planes], as many as the manifest says.
    """
    stored, width = manifest["link"]["stored"], manifest["input"]["word_bits"]
    words = vectors.reshape(stored["images"], -1, width)
    spare = stored["depth"] // stored["images"] - words.shape[1]
    content = np.pad(words, ((0, 0), (0, spare), (0, 0))).reshape(stored["depth"], width)
    return _texts(stored, content)


def _texts(memory: dict[str, Any], content: NDArray[np.bool_]) -> dict[str, str]:
    texts = {}
    for file, column in zip(memory["files"], columns(memory, content), strict=True):
        digits = (column[:, ::-1] + np.uint8(ord("0"))).astype(np.uint8)  # the highest bit stands first
        lines = np.pad(digits, ((0, 0), (0, 1)), constant_values=ord("\n"))
        texts[file] = lines.tobytes().decode("ascii")
    return texts


def load_words(manifest: dict[str, Any], model: "Model", spare: np.random.Generator | None = None) -> list[int]:
    """Return the load port's words, `load_word_bits` wide, in order: memory by memory, row by row, column by column.

    Args:
        spare: draws the bits above a column narrower than a word, which no memory stores; zeros without it.
    """
    words: list[int] = []
    for memory, content in zip(manifest["memories"], rows(manifest, model), strict=True):
        parts = columns(memory, content)
        shape = (len(content), len(parts), manifest["load_word_bits"])
        bits = spare.integers(2, size=shape, dtype=np.uint8) if spare else np.zeros(shape, dtype=np.uint8)
        for k, column in enumerate(parts):
            bits[:, k, : column.shape[1]] = column
        packed = np.packbits(bits, axis=-1, bitorder="little")
        words += [int.from_bytes(word.tobytes(), "little") for row in packed for word in row]
    return words


def word_bytes(manifest: dict[str, Any], words: list[int]) -> bytes:
    """Return words of the load port as bytes, each word lowest byte first."""
    size = manifest["load_word_bits"] // 8
    return b"".join(word.to_bytes(size, "little") for word in words)


def load_bytes(manifest: dict[str, Any], model: "Model") -> bytes:
    """Return what a host sends to load a model, and `load.bin` holds."""
    return word_bytes(manifest, load_words(manifest, model))


def load_crc32(manifest: dict[str, Any], model: "Model") -> int:
    """Return the CRC-32 that the accelerator shows at `load_checksum` when this model has been loaded."""
    return zlib.crc32(load_bytes(manifest, model))


def write_images(design: "Design", build: Path) -> None:
    """Write `mem/`: a file a block-RAM column, and `load.bin`, the load port's words in little-endian bytes.

    The board's stored images are spread over the digits that the design is measured on.
    """
    manifest = read_json(build / "manifest.json")
    model = package.load(build)
    published = Accelerator.read(build / package.DESCRIPTION).origin != "trained"
    split = load_dataset(design.network.dataset, published=published).measured(published)
    chosen = np.linspace(0, len(split) - 1, manifest["link"]["stored"]["images"]).astype(int)
    directory = build / "mem"
    texts = images(manifest, model) | stored_images(manifest, model.sent(model.encode(split.images[chosen])))
    contents = {name: text.encode() for name, text in texts.items()}
    contents["load.bin"] = load_bytes(manifest, model)
    for old in set(directory.glob("*.bin")) - {directory / name for name in contents}:
        old.unlink()
    for name, content in contents.items():
        with atomic_write(directory / name) as file:
            file.write(content)
    MemoryContents(
        model_digest=model.digest,
        load_crc32=load_crc32(manifest, model),
        files={name: sha256(content) for name, content in contents.items()},
    ).write(directory / "images.json")
