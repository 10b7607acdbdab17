# SPDX-License-Identifier: Apache-2.0
"""`python -m xnorfpga.flow`: writes what docs/contracts.md says of the stages and of the files between them."""

from xnorfpga.base.files import write_block
from xnorfpga.base.paths import DOCS
from xnorfpga.flow import pages

for name, text in pages.BLOCKS.items():
    write_block(DOCS / "contracts.md", name, text())
