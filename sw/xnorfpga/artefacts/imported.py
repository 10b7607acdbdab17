# SPDX-License-Identifier: Apache-2.0
"""The record inside an imported model, `sw/models/NAME.npz`."""

from xnorfpga.base.strict import Strict


class Imported(Strict):
    """Where a model came from, and what its arrays are.

    source, source_sha256: name and SHA-256 of the file that was read. pixel_max: what that network expects for white
    (None: its file gives the input threshold itself). digest: of the integer model.
    """

    source: str
    source_sha256: str
    pixel_max: float | None
    network: tuple[int, ...]
    input_threshold: int
    digest: str
