# SPDX-License-Identifier: Apache-2.0
"""Proves what a wrapper in verif/formal asserts: Yosys makes an AIGER of it, ABC's `pdr` proves it for all time.

Both come with pyosys. `pdr` (property-directed reachability) finds the inductive invariant itself: a proof holds for
every sequence of inputs of any length. A wrapper has the inputs `clk`, and what the environment may do freely.
"""

from collections.abc import Sequence
from pathlib import Path

from xnorfpga.base.errors import UserError
from xnorfpga.synth import yosys

SCRIPT = """\
{read}
blackbox {modules}
prep -flatten -top {top}
cutpoint {cells}
memory_map
async2sync
chformal -lower
dffunmap
setundef -undriven -anyseq
simplemap
aigmap
opt_clean
write_aiger -zinit proof.aig
"""


CUT = ("Memory_*", "*ProcessingElement*")  # modules whose outputs may be anything: what is proven holds for all content


def prove(top: str, wrapper: Path, sources: Sequence[Path], work: Path, seconds: int = 120) -> bool:
    """Return whether all assertions of `top` hold for ever under its assumptions; False where one can be broken.

    Args:
        top: the wrapper's module.
        wrapper: SystemVerilog file that holds it.
        sources: Verilog of what it wraps.
        work: takes script, AIGER, and logs.
        seconds: time that the proof may take.

    Raises UserError where the wrapper cannot be read or the solver comes to no end: no proof is not a failed one.
    """
    read = "\n".join(f'read_verilog -D{yosys.NO_CONTENT} -sv -formal "{source}"' for source in (*sources, wrapper))
    yosys.execute(
        SCRIPT.format(read=read, top=top, modules=" ".join(CUT), cells=" ".join(f"t:{module}" for module in CUT)),
        work / "proof.ys",
        work / "proof.log",
    )
    said = yosys.abc(f"read_aiger proof.aig; fold; orpos; strash; print_stats; pdr -T {seconds}", work)
    if "Property proved" in said:
        return True
    if "was asserted in frame" in said:
        return False
    raise UserError(f"{top}: ABC came to no end ({work / 'abc.log'}): {said.strip().splitlines()[-1:]}")
