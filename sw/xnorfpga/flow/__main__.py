# SPDX-License-Identifier: Apache-2.0
"""`python -m xnorfpga.flow`: writes what the docs say of stages, of the files between them and of the power model."""

from xnorfpga.base.files import write_block
from xnorfpga.base.paths import DOCS
from xnorfpga.flow import pages

for (page, name), text in pages.BLOCKS.items():
    write_block(DOCS / page, name, text())
