# SPDX-License-Identifier: Apache-2.0
"""The record inside an imported model, `sw/models/NAME.npz`."""

from typing import Annotated

from pydantic import Field

from xnorfpga.artefacts.accelerator import PixelLevels
from xnorfpga.artefacts.hardware import Convolution
from xnorfpga.base.strict import Strict


class Imported(Strict):
    """Where a model came from, and what its arrays are.

    source, source_sha256: name and SHA-256 of the file that was read. pixel_max: what that network expects for white
    (None: its file gives the input threshold itself). network: the fully connected sizes. convolutions: the map of each
    layer before them. input_planes, activation_planes: of a pixel and of an activation. levels: what each level of a
    pixel counts as (None: as itself). digest: of the integer model.
    """

    source: str
    source_sha256: str
    pixel_max: float | None
    network: tuple[int, ...]
    input_threshold: int
    digest: str
    convolutions: tuple[Convolution, ...] = ()
    input_planes: Annotated[int, Field(ge=1, le=8)] = 1
    activation_planes: Annotated[int, Field(ge=1, le=2)] = 1
    levels: PixelLevels | None = None
