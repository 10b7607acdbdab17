# SPDX-License-Identifier: Apache-2.0
"""`folding.json`, and a design file's `[folding]` table: how each layer is folded."""

from typing import Annotated

from pydantic import Field

from xnorfpga.artefacts.hardware import Routing
from xnorfpga.base.strict import Artefact, Strict

Count = Annotated[int, Field(ge=1, le=65536)]


class LayerFold(Strict):
    """How one layer is folded: `pe` neurons and `simd` inputs per cycle, and how inputs reach the PEs.

    windows: of a convolutional layer, how many neighbors in a row share every weight read.
    """

    routing: Routing
    pe: Count
    simd: Count
    windows: Annotated[int, Field(ge=1, le=64)] = 1


class Folding(Artefact):
    """`copies` images share every weight read; `input_word_bits` of an image enter per cycle; one fold per layer."""

    copies: Annotated[int, Field(ge=1, le=64)]
    input_word_bits: Count
    layers: tuple[LayerFold, ...]
