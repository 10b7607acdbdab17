# SPDX-License-Identifier: Apache-2.0
"""Runs Yosys (the `pyosys` wheel) for Cyclone V and returns the mapped netlists.

Yosys runs in a process of its own, so that a crash or Ctrl-C leaves nothing behind; its script, log and netlists stay
in the work directory.
"""

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from xnorfpga.base.errors import UserError
from xnorfpga.base.files import write_text
from xnorfpga.base.process import Failed, run
from xnorfpga.synth import netlist

# Units that occur many times are mapped once (-noflatten and keep_hierarchy); all else is flattened first, so that
# logic is shared and trimmed across module borders. A fitter sees no borders: the design is mapped flattened, too.
REPEATED = "XnorPopcount* *ProcessingElement*"

# Ports of tests are no ports of a product: they are cut off, and what feeds them alone goes.
TEST_PORTS = "probes_*"

# Memories ask for no file of initial content: it costs nothing in area, and another model needs no new synthesis.
NO_CONTENT = "NO_MEMORY_CONTENT"

# Nets that netlist.INPUT_REGISTER looks for keep their names until the mapping is done.
NAMED = "inputRegister"

# A memory that asks for block RAM gets it, as from Quartus; synth_intel_alm alone gives a shallow one MLABs.
SHALLOW, WANTED = "min efficiency 5", "attribute wanted"
RULES = Path("intel_alm", "common", "bram_m10k.txt")

FLATTEN = """\
setattr -mod -unset keep_hierarchy *
setattr -unset keep_hierarchy */*
flatten -noscopeinfo
opt_clean
"""

# What synth_intel_alm does from map_luts on, step by step, without `autoname`, which makes up names for all nets and
# takes minutes on a large design. Afterwards all is flattened, for counting.
MAP = """\
techmap -map +/intel_alm/common/abc9_map.v
abc9 -maxlut 6 -W 600
techmap -map +/intel_alm/common/abc9_unmap.v
techmap -map +/intel_alm/common/alm_map.v
opt -fast
clean
blackbox =A:whitebox
setattr -unset keep w:*
{flatten}check -noinit
setattr -unset src */*
stat
write_json "{netlist}"
"""

SCRIPT = """\
{read}
hierarchy -check -top {top}
delete -port {top}/w:{test_ports}
proc -latches error
setattr -mod -set keep_hierarchy 1 {repeated}
flatten -noscopeinfo
setattr -set keep 1 w:*{named}*.x_*
opt_clean
{synth} -run begin:map_bram
setattr -set wanted 1 t:$mem* a:ramstyle=M10K* %i
memory_bram -rules {rules}
{synth} -run map_bram:map_luts
design -save unmapped
{map_borders_kept}design -load unmapped
{flatten}{map_flattened}"""


@dataclass(frozen=True)
class Mapped:
    """A design mapped twice from the same optimized logic: module by module, and as one module, as a fitter works."""

    borders_kept: netlist.Netlist
    flattened: netlist.Netlist

    @property
    def larger(self) -> netlist.Netlist:
        """The netlist of more ALMs, by which a design is judged; of equal ones the flattened."""
        return max((self.flattened, self.borders_kept), key=lambda each: netlist.count(each).alms)


def version() -> str:
    """Return pyosys' version.

    Raises UserError where it is not installed.
    """
    if importlib.util.find_spec("pyosys") is None:
        raise UserError("pyosys (Yosys) is not installed: `pip install pyosys`; without it nothing can be synthesized")
    return importlib.metadata.version("pyosys")


def synthesize(files: list[Path], top: str, work: Path, test_ports: str = TEST_PORTS) -> Mapped:
    """Map Verilog to Cyclone V's cells, with module borders kept and flattened.

    `files` are read in order, `top` is the top module, `work` keeps script, log and netlists; ports of `top` that match
    the glob `test_ports` are cut off with all that feeds them alone.

    Raises UserError with Yosys' own words where it fails, and for an absent file.
    """
    for file in files:
        if not file.is_file():
            raise UserError(f"{file}: not found; run the elaborate stage, which writes it")
    script, log = work / "yosys.ys", work / "yosys.log"
    kept, flattened = work / "borders_kept.json", work / "flattened.json"
    rules = (_package() / "share" / RULES).read_text(encoding="utf-8")
    if SHALLOW not in rules:
        raise UserError(f"{RULES} of pyosys {version()} has no line {SHALLOW!r}; install the version in pyproject.toml")
    write_text(work / RULES.name, rules.replace(SHALLOW, WANTED))
    read = "\n".join(
        f'read_verilog -D{NO_CONTENT} {"-sv " if file.suffix == ".sv" else ""}"{file.resolve()}"' for file in files
    )
    text = SCRIPT.format(
        read=read,
        top=top,
        synth=f"synth_intel_alm -family cyclonev -top {top} -noflatten -noiopad -noclkbuf",
        rules=RULES.name,
        test_ports=test_ports,
        repeated=REPEATED,
        named=NAMED,
        flatten=FLATTEN,
        map_borders_kept=MAP.format(flatten=FLATTEN, netlist=kept.resolve()),
        map_flattened=MAP.format(flatten="opt_clean\n", netlist=flattened.resolve()),
    )
    for earlier in (kept, flattened):
        earlier.unlink(missing_ok=True)
    execute(text, script, log)
    return Mapped(netlist.load(kept), netlist.load(flattened))


def execute(text: str, script: Path, log: Path) -> None:
    """Write a Yosys script and run it in its directory, in a process of its own.

    Raises UserError with Yosys' own words where it fails.
    """
    version()
    script.parent.mkdir(parents=True, exist_ok=True)
    write_text(script, text)
    program = "import sys; from pyosys import libyosys; libyosys.run_pass('script ' + sys.argv[1], libyosys.Design())"
    try:
        run([sys.executable, "-c", program, script.name], script.parent, log, "Yosys", _pass_name)
    except Failed as error:
        lines = [line for line in log.read_text(errors="replace").splitlines() if "ERROR: " in line]
        reason = lines[0].replace("ERROR: ", "") if lines else str(error)
        raise UserError(f"Yosys failed: {reason} (script {script}, log {log})") from None


def abc(command: str, work: Path) -> str:
    """Run ABC, which comes with pyosys, in a directory and return what it says; abc.log keeps it."""
    program = [str(_package() / "yosys-abc"), "-c", command]
    run = subprocess.run(program, cwd=work, capture_output=True, text=True, check=False)
    write_text(work / "abc.log", run.stdout + run.stderr)
    return run.stdout


def _package() -> Path:
    version()
    spec = importlib.util.find_spec("pyosys")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


def _pass_name(line: str) -> str | None:
    match = re.match(r"\d+(?:\.\d+)*\. (?:Executing|Printing) ([^(.]*)", line)
    return match[1].strip() if match else None
