# SPDX-License-Identifier: Apache-2.0
"""`mem/images.json`: which model the memory contents beside it are of."""

from xnorfpga.base.strict import Artefact


class MemoryContents(Artefact):
    """The model's digest, the CRC-32 that the load port answers after `load.bin`, and the SHA-256 of each file."""

    model_digest: str
    load_crc32: int
    files: dict[str, str]
