# SPDX-License-Identifier: Apache-2.0
"""`python -m xnorfpga.flow`: writes what docs/contracts.md says of the stages."""

from xnorfpga.base.files import write_block
from xnorfpga.base.paths import DOCS
from xnorfpga.flow import stages

write_block(DOCS / "contracts.md", "stages", stages.table())
