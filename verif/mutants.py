# SPDX-License-Identifier: Apache-2.0
"""Mutants: small faults in the RTL, one at a time, that the bench of `verif/` must notice.

Yosys' `mutate` draws the faults (a bit of a cell's port inverted, stuck, or mixed with its neighbour) in a few small
designs (`DESIGNS`) and puts all of a design into one netlist, each chosen by a value of the input port `mutant`. So
Verilator builds once a design, and the design's bench runs as it is, once a mutant. What survives is given to Yosys
again: it is equivalent where no difference can be proven to reach what the bench may see. The rest are survivors; each
needs a reason in verif/survivors.toml.

What was published stays in the ledger, verif/mutants.json, run by run, and in docs/mutants.md.
"""

import argparse
import contextlib
import io
import json
import math
import os
import re
import resource
import shlex
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import NormalDist
from typing import Any

from tqdm import tqdm

from bench import configurations
from bench.builds import REGISTERS
from xnorfpga.artefacts.hardware import Hardware
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import read_json, sha256, write_json, write_text
from xnorfpga.base.paths import BUILD, ROOT
from xnorfpga.design import folding
from xnorfpga.rtl import elaborate, verilator
from xnorfpga.synth import yosys

VERIF = ROOT / "verif"
LEDGER = VERIF / "mutants.json"
SURVIVORS = VERIF / "survivors.toml"
TABLE = ROOT / "docs" / "mutants.md"
WORK = BUILD / "mutate"
SUMMARY = WORK / "summary.json"
NETWORKS = 50  # that the bench loads into each mutant, as into an accelerator of the suite
PROCESSES = 2
CPU_SECONDS = 120  # of a simulation; the slowest unchanged design takes a fifth of it
SELECT_BITS = 16  # of the port that chooses the mutant
VERDICTS = ("killed", "equivalent", "survivors")
DEVELOPMENT_SEEDS = {1, 7}  # whose survivors improved the bench before they could be published


@dataclass(frozen=True)
class Design:
    """A design in which faults are drawn, and the bench that must notice them.

    closed: modules in which, and below which, none are drawn, as globs; those at their ports are. Memories stay closed:
    their own Verilog is behaviour, with initial content that Yosys does not read. So do, inside the board's top level,
    the accelerator, which has its own designs, and SpinalHDL's UART, most of whose features (parity, breaks, flow
    control) are switched off here. more: sources of the simulator beside the RTL. all_steps: whether a proof that goes
    over all clock cycles is tried; it is out of reach where a memory of a kibibyte is inside.
    """

    hardware: dict[str, Any]
    top: str = "Accelerator"
    bench: str = "systems.accelerator"
    closed: str = "Memory_*"
    more: tuple[Path, ...] = ()
    all_steps: bool = True


UART = "UartCtrl"
DESIGNS = {
    **{name: Design(hardware) for name, hardware in configurations.MUTATED.items()},
    "board": Design(
        configurations.BOARD, "De1SocTop", "systems.board", f"Accelerator {UART} Memory_*", (REGISTERS,), False
    ),
}

# A register that holds its value does so by its enable, as in an FPGA, and not by a way back from its output: there a
# fault would turn over what is held, every cycle.
DRAW = """\
read_verilog -DNO_MEMORY_CONTENT {sources}
blackbox {closed}
prep -top {top}
opt_dff
opt_clean
write_rtlil prepared.il
mutate -list {mutants} -seed {seed} -o list.ys -ctrl mutant {bits} 1
"""
# Resets and enables of a memory's read port: Yosys knows them, the RTL has none, and Verilog cannot say them
UNKNOWN = re.compile(r" -port RD_(?:[AS]RST|EN) ")
OPENED = re.compile(r'^public_flat_rw -module "(\w+)" -var "(\w+)"$', re.MULTILINE)  # in Verilator's configuration
MUTATE = """\
read_rtlil prepared.il
script list.ys
write_verilog -noattr mutants.v
"""

# The unchanged and the mutated module side by side, both finished the same way, as one circuit for ABC.
PROVE = """\
read_rtlil ../prepared.il
{read}design -save both
{finish}
design -stash gold
design -load both
{mutate}
{finish}
design -stash gate
design -copy-from gold -as gold {module}
design -copy-from gate -as gate {module}
miter -equiv -flatten gold gate miter
hierarchy -top miter
setundef -zero
setundef -zero -init
dffunmap
techmap
aigmap
opt_clean
write_aiger proof.aig
"""

# The fault's module alone: all that enters its registers and leaves it, in a clock cycle.
FINISH_STEP = """\
hierarchy -top {module}
proc
memory -nomap
memory_map
dffunmap
select {module}
expose -evert-dff
expose -evert
select -clear"""

# The whole design, from registers and memories of zeros, as an FPGA's are.
READ = """\
delete {closed}
read_verilog -DNO_MEMORY_CONTENT ../closed.v
read_verilog ../observed.v
proc
"""
OBSERVED = "Observed"  # the module of observed.v
FINISH = f"""\
hierarchy -top {OBSERVED}
setattr -unset keep_hierarchy */*
flatten
memory -nomap
memory_map
opt_clean -purge"""
PROOF_SECONDS = 20  # that ABC may take for a proof by pdr, and again for all before it
PROOF_CONFLICTS = 100_000  # that its solver may meet in a proof of one step


HEAD = """\
<!-- SPDX-License-Identifier: Apache-2.0 -->
# Mutants

<!-- generated by `python verif/mutants.py … --publish`: edit verif/mutants.py or verif/survivors.toml instead -->
A suite is worth what it would notice. Yosys' `mutate` draws small faults in the elaborated RTL of small designs: a bit
of a cell's port is inverted, stuck at 0 or 1, or mixed with its neighbour. A design's bench runs on each: that of an
accelerator (`verif/systems/accelerator.py`) with {networks} random networks, that of the board (`board.py` beside it)
from the serial port to the display. A mutant is killed when a test fails, the simulator breaks down or it does not end
in time. One that survives counts as equivalent only where ABC proves that no output which the bench may see ever
differs, or that no register of the fault's module ever takes another value. What stands beside a low `valid`, and the
lanes of a probe that hold no image, are nobody's business.

The designs are `MUTATED` and `BOARD` in `verif/bench/configurations.py`. Together they hold every kind of unit of
`mnist`, `mnist_low_latency`, `mnist_paper`, `mnist_100mhz`, `mnist_horq`, `mnist_ttq`, `mnist_conv` and `cifar_cnv`, by
module, by who instantiates it, by routing and by the cycles that a row takes; a test holds them to it. The memories'
own Verilog, a few lines of behaviour, and the inside of the board's UART, a library's, are not mutated; their ports
are.

All runs that were ever published, the last one first. No seed was used to improve the bench before it was published;
afterwards its survivors may have been. The interval is Wilson's, for the share of those not equivalent that is killed:

{runs}
"""
RUNS = """\
| designs | mutants | killed | equivalent | survivors | killed of those not equivalent | 95 % interval | date | seed |
|---|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Mutant:
    """One fault: `number` is the value of the port `mutant` that chooses it, `command` Yosys' own without that port."""

    number: int
    command: str

    @property
    def place(self) -> str:
        """For people: module, cell's port and net, and what happens there."""
        given = self.parameters
        cell = re.sub(r"^\$(\w+)\$.*", r"\1", given["-cell"])
        line = re.search(r":(\d+)", given.get("-src", ""))
        net = f", net {given['-wire']}[{given['-wirebit']}]" if "-wire" in given else ""
        at = f", line {line[1]}" if line else ""
        return f"{given['-module']}: {given['-mode']} at {cell}.{given['-port']}[{given['-portbit']}]{net}{at}"

    @property
    def parameters(self) -> dict[str, str]:
        """The options of the command; of several lines of source the last."""
        words = shlex.split(self.command.replace("\\", ""))
        return dict(zip(words[1::2], words[2::2], strict=True))


@dataclass(frozen=True)
class Job:
    """What a worker needs: where a design's mutants lie, their simulator, its bench, and where the results go."""

    name: str
    work: Path
    built: Path
    results: Path
    seed: int

    @property
    def design(self) -> Design:
        """The design in which the faults are."""
        return DESIGNS[self.name]

    def result_file(self, mutant: Mutant) -> Path:
        """Return where a mutant's result is kept."""
        return self.results / f"{mutant.number}.json"


def run(mutants: int, seed: int) -> dict[str, Any]:
    """Run the benches on `mutants` mutants of each design, drawn with `seed`, and write build/mutate/summary.json.

    What an earlier, interrupted run found stands, as long as RTL, bench and draw are the same.

    Raises UserError where a bench fails on the unchanged design: then a failure says nothing of a mutant.
    """
    jobs = prepare(mutants, seed)
    todo = [(job, mutant) for job, chosen in jobs for mutant in chosen]
    missing = [(job, mutant) for job, mutant in todo if not job.result_file(mutant).exists()]
    for job, _ in jobs if missing else ():
        failed = simulate(job, 0)
        if failed:
            raise UserError(f"{job.name}: the bench fails on the unchanged design: {failed}; see {job.work}/run_0.log")
    # A group of their own: Ctrl-C must not end a simulation that would then count as killed by its mutant.
    with ProcessPoolExecutor(PROCESSES, initializer=os.setpgrp) as pool:
        try:
            waiting = [pool.submit(judge, job, mutant) for job, mutant in missing]
            bar = tqdm(
                as_completed(waiting), "mutants", len(todo), initial=len(todo) - len(missing), unit="", disable=None
            )
            for done in bar:
                done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    results = [{"design": job.name, **read_json(job.result_file(mutant))} for job, mutant in todo]
    summary = {
        **figures(results),
        "seed": seed,
        "date": date.today().isoformat(),
        "command": f"python verif/mutants.py --mutants {mutants} --seed {seed}",
        "sources": digest(),
        "cpu_minutes": round(sum(result["seconds"] for result in results) / 60, 1),
        "results": results,
    }
    write_json(SUMMARY, summary)
    return summary


def figures(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of some results: of all, and of each design."""

    def counted(some: Sequence[dict[str, Any]]) -> dict[str, int]:
        verdicts = Counter(result["verdict"] for result in some)
        return {"mutants": len(some), **{verdict: verdicts[verdict] for verdict in VERDICTS}}

    total, designs = counted(results), dict.fromkeys(result["design"] for result in results)
    decided = total["mutants"] - total["equivalent"]
    return {
        **total,
        "killed_percent": percent(total["killed"], decided),
        "interval": wilson(total["killed"], decided),
        "designs": {name: counted([result for result in results if result["design"] == name]) for name in designs},
    }


def percent(part: int, whole: int) -> float:
    """Return the share in per cent, rounded down to a tenth."""
    return part * 1000 // whole / 10 if whole else 100.0


def wilson(part: int, whole: int, level: float = 0.95) -> list[float]:
    """Return the interval, in per cent, that holds the true share with a probability of `level`.

    After E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927): fair for
    shares near 1 too. Rounded outwards to a tenth.
    """
    if not whole:
        return [0.0, 100.0]
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, square = part / whole, z * z / whole
    middle = share + square / 2
    half = z * math.sqrt(share * (1 - share) / whole + square / whole / 4)
    low, high = ((middle + sign * half) / (1 + square) for sign in (-1, 1))
    return [math.floor(max(0.0, low) * 1000) / 10, math.ceil(min(1.0, high) * 1000) / 10]


def digest() -> str:
    """Return the digest of what a run depends on: the generator's sources, the benches, the golden model."""
    package = ROOT / "sw" / "xnorfpga"
    files = [*elaborate.sources(), package / "design" / "folding.py", package / "rtl" / "memory.py"]
    for directory in (VERIF / "bench", VERIF / "systems", package / "network"):
        files += sorted(directory.glob("*.py"))
    return sha256(*(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes() for file in files))[:16]


def prepare(mutants: int, seed: int) -> list[tuple[Job, list[Mutant]]]:
    """Of each design: elaborate it, draw its mutants, build the simulator that holds them all."""
    places = {name: WORK / f"{name}_{mutants}_{seed}" for name in DESIGNS}
    elaborate.elaborate_many([(design.hardware, places[name]) for name, design in DESIGNS.items()])
    return [(job := built(name, work, mutants, seed), drawn(job.work)) for name, work in places.items()]


def built(name: str, work: Path, mutants: int, seed: int) -> Job:
    """Draw mutants of an elaborated design, build their simulator, and say where the results go."""
    design, rtl = DESIGNS[name], work / "rtl"
    sources = dict.fromkeys((f"{design.top}.v", "Accelerator.v"))
    draw(work, design.top, design.closed, [f"rtl/{source}" for source in sources], mutants, seed, design.more)
    inside = modules(work / "mutants.v")
    closed = [text for source in sources for name, text in modules(rtl / source).items() if name not in inside]
    write_text(work / "closed.v", "\n".join(closed))
    manifest = read_json(work / "manifest.json")
    write_text(work / "observed.v", observed(design.top, manifest))
    for file, text in configurations.contents(design.hardware, manifest, seed).items():
        write_text(work / "mem" / file, text)
    simulator = verilator.build([work / "mutants.v", work / "closed.v", *design.more], design.top, verilator.QUICK)
    key = sha256((work / "mutants.v").read_bytes(), str(NETWORKS).encode(), digest().encode())[:16]
    return Job(name, work, simulator, work / f"results_{key}", seed)


def modules(verilog: Path) -> dict[str, str]:
    """Return the modules of a file of Verilog: name → text."""
    found = re.finditer(r"^module (\w+).*?^endmodule$", verilog.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return {each[1]: f"{each[0]}\n" for each in found}


def draw(
    work: Path, top: str, closed: str, sources: Sequence[str], mutants: int, seed: int, opened: Sequence[Path] = ()
) -> None:
    """Let Yosys draw mutants of the Verilog in a directory: list.ys says which, mutants.v holds them all.

    None is drawn at the output of a register that the bench sets, one of the variables that `opened` (.vlt) names:
    behind it the variable would be a wire, and what the bench sets there would be lost in every mutant.
    """
    script = DRAW.format(
        sources=" ".join(sources), top=top, closed=closed, mutants=mutants, seed=seed, bits=SELECT_BITS
    )
    yosys.execute(script, work / "draw.ys", work / "draw.log")
    variables = [each for file in opened for each in OPENED.findall(file.read_text(encoding="utf-8"))]
    refused = [UNKNOWN, *(re.compile(rf" -module {module} .* -port Q .* -wire {name} ") for module, name in variables)]
    lines = (work / "list.ys").read_text(encoding="utf-8").splitlines(keepends=True)
    write_text(work / "list.ys", "".join(line for line in lines if not any(each.search(line) for each in refused)))
    yosys.execute(MUTATE, work / "mutate.ys", work / "mutate.log")


def drawn(work: Path) -> list[Mutant]:
    """Return the mutants that Yosys has drawn."""
    lines = (work / "list.ys").read_text(encoding="utf-8").splitlines()
    found = (re.fullmatch(r"(mutate .*)-ctrl \S+ \d+ (\d+) (.*)", line) for line in lines)
    return [Mutant(int(each[2]), each[1] + each[3]) for each in found if each]


def judge(job: Job, mutant: Mutant) -> None:
    """Run the bench on one mutant, try to prove one that survives equivalent, and write its result."""
    started = time.monotonic()
    killer = simulate(job, mutant.number)
    verdict = "killed" if killer else "equivalent" if equivalent(job, mutant) else "survivors"
    result = {
        "number": mutant.number,
        "verdict": verdict,
        "killer": killer,
        "place": mutant.place,
        "command": mutant.command,
        "seconds": round(time.monotonic() - started, 1),
    }
    write_json(job.result_file(mutant), result)


@contextlib.contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Let no program that is started meanwhile take more than so many seconds of a processor."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))


def simulate(job: Job, number: int) -> str | None:
    """Return the first of the bench's tests that fails on a mutant (0: on none), None where all pass.

    A simulator that breaks down or takes all its time is a failure as well.
    """
    variables = {
        "VERIF_DIRECTORY": str(job.work),
        "VERIF_SEED": str(job.seed),
        "VERIF_NETWORKS": str(NETWORKS),
        "VERIF_MUTANT": str(number),
        "COCOTB_MAX_FAILURES": "1",
    }
    try:
        with limited(CPU_SECONDS):
            failed = verilator.run(
                job.built, job.design.bench, job.work / "mem", variables, job.work / f"run_{number}.log", job.seed
            )
    except UserError:
        return "the simulator broke down or did not end"
    return failed[0] if failed else None


def equivalent(job: Job, mutant: Mutant) -> bool:
    """Return whether ABC proves that the fault changes nothing that the bench may see.

    A fault at a clock is never proven: AIGER knows one clock only, and would not show it.
    """
    if re.search("clk|clock", mutant.parameters["-port"], re.IGNORECASE):
        return False
    with contextlib.redirect_stderr(io.StringIO()):  # Yosys' progress line would cross the bar
        return same_step(job, mutant) or (job.design.all_steps and same_steps(job, mutant))


def same_step(job: Job, mutant: Mutant) -> bool:
    """Return whether the fault's module does the same in any one clock cycle, whatever its registers hold.

    A fault at a register's own port gives what enters it another name, with which nothing is compared: not proven.
    """
    module = mutant.parameters["-module"]
    script = PROVE.format(read="", mutate=mutant.command, module=module, finish=FINISH_STEP.format(module=module))
    try:
        said = proof(job, mutant, script, f"read_aiger proof.aig; strash; dsat -C {PROOF_CONFLICTS}")
    except UserError as error:
        if "No matching port" in str(error):
            return False
        raise
    return "UNSATISFIABLE" in said


def same_steps(job: Job, mutant: Mutant) -> bool:
    """Return whether from registers and memories of zeros no sequence of inputs, of any length, makes an output differ.

    By ABC's `scorr` and `pdr` (signal correspondence, property-directed reachability).
    """
    boxes = " ".join(f"={name}" for name in job.design.closed.split())
    script = PROVE.format(read=READ.format(closed=boxes), mutate=mutant.command, module=OBSERVED, finish=FINISH)
    said = proof(job, mutant, script, f"read_aiger proof.aig; strash; scorr; sat; pdr -T {PROOF_SECONDS}")
    return "UNSATISFIABLE" in said or "Property proved" in said  # `sat` where `scorr` leaves no register


def proof(job: Job, mutant: Mutant, script: str, command: str) -> str:
    """Return what ABC says to a command on what a script of Yosys leaves."""
    directory = job.work / f"proof_{mutant.number}"
    yosys.execute(script, directory / "proof.ys", directory / "proof.log")
    with limited(2 * PROOF_SECONDS):
        return yosys.abc(command, directory)


def observed(top: str, manifest: dict[str, Any]) -> str:
    """Return the Verilog of a top level as the bench may see it: payloads and lanes only where they are valid."""
    ports = {port["name"]: port for port in manifest["ports" if top == manifest["top"] else "board_ports"]}
    shown = {}
    for name, port in ports.items():
        stream, payload, _ = name.partition("_payload")
        lanes = f"{stream}_lanes"
        if port["direction"] != "out":
            continue
        mask = f"{{{port['width']}{{1'b1}}}}"
        if payload:
            mask = f"{{{port['width']}{{raw_{stream}_valid}}}}"
            if lanes in ports:
                copies = ports[lanes]["width"]
                each = ", ".join(f"{{{port['width'] // copies}{{raw_{lanes}[{c}]}}}}" for c in reversed(range(copies)))
                mask += f" & {{{each}}}"
        elif name.endswith("_lanes"):
            mask = f"{{{port['width']}{{raw_{name.removesuffix('_lanes')}_valid}}}}"
        shown[name] = mask
    header = ",\n".join(f"  {port['direction']}put [{port['width'] - 1}:0] {name}" for name, port in ports.items())
    wires = "\n".join(f"  wire [{ports[name]['width'] - 1}:0] raw_{name};" for name in shown)
    pins = ",\n".join(f"    .{name}({'raw_' if name in shown else ''}{name})" for name in ports)
    masks = "\n".join(f"  assign {name} = raw_{name} & {mask};" for name, mask in shown.items())
    return f"module {OBSERVED} (\n{header}\n);\n{wires}\n  {top} top (\n{pins}\n  );\n{masks}\nendmodule\n"


def kinds(work: Path, *tops: str) -> set[str]:
    """Return the kinds of unit below the top levels of an elaborated design.

    A kind is a module with who instantiates it, a layer's routing with the cycles that its rows take, or a form of
    memory. Numbers in a module's name are sizes; the words in it tell its logic. What is inside of the library's UART
    is none.
    """
    found = set()
    for top in tops:
        texts = modules(work / "rtl" / f"{top}.v")
        for name in (name for name in texts if not name.startswith(UART)):
            instances = re.findall(r"^  (?:\(\*.*?\*\) )?(\w+) (?:#\([^;]*?\) )?\w+ \($", texts[name], re.MULTILINE)
            found |= {f"{_kind(name)}: {_kind(each)}" for each in instances if each in texts}
    if "Accelerator" in tops:
        layers = folding.predict_hardware(Hardware.read(work / "hardware.json")).layers
        found |= {f"layer: {configurations.routing(layer)}, rows after {layer.read_cycles}" for layer in layers}
        for each in read_json(work / "manifest.json")["memories"]:
            columns, rows = (("one", "several")[several] for several in (len(each["files"]) > 1, each["depth"] > 1))
            found.add(f"memory: {each['kind']}, columns {columns}, rows {rows}")
    return {kind for kind in found if ": Memory_" not in kind}


def _kind(module: str) -> str:
    return re.sub(r"_\d+", "", module)


def reasons() -> dict[str, dict[str, str]]:
    """Return of each survivor that somebody has looked at why it survives: design → Yosys' command → reason."""
    return tomllib.loads(SURVIVORS.read_text(encoding="utf-8")) if SURVIVORS.exists() else {}


def ledger() -> list[dict[str, Any]]:
    """Return the figures of all runs that were ever published, the first one first."""
    return read_json(LEDGER)


def published() -> dict[str, Any]:
    """Return the figures of the run that was published last, and whether it was of today's sources."""
    last = ledger()[-1]
    return {**last, "sources_today": "the same" if last["sources"] == digest() else "others"}


def runs(published: Sequence[dict[str, Any]]) -> str:
    """Return the table of all runs that were ever published, the last one first."""
    lines = []
    for each in reversed(published):
        low, high = each["interval"]
        cells = (
            ", ".join(each["designs"]), *(each[key] for key in ("mutants", *VERDICTS)), f"{each['killed_percent']} %",
            f"{low} … {high} %", each["date"], each["seed"],
        )  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return RUNS + "\n".join(lines) + "\n"


def table(published: Sequence[dict[str, Any]], results: Sequence[dict[str, Any]]) -> str:
    """Return the page docs/mutants.md: the runs that were ever published, and the results of the last one."""
    known, last = reasons(), published[-1]
    killers = Counter((result["design"], result["killer"]) for result in results if result["verdict"] == "killed")
    places = Counter((result["design"], result["place"].partition(":")[0], result["verdict"]) for result in results)
    lines = [HEAD.format(networks=NETWORKS, runs=runs(published))]
    lines += [
        f"The last one was `{last['command']}`; its simulations and proofs took {last['cpu_minutes']} CPU minutes.",
        "",
    ]
    lines += ["| design | mutants | killed | equivalent | survivors |", "|---|---|---|---|---|"]
    for name, counts in last["designs"].items():
        lines.append(f"| {name} | {' | '.join(str(counts[key]) for key in ('mutants', *VERDICTS))} |")
    lines += ["", "## What killed them", "| design | first test that failed | mutants |", "|---|---|---|"]
    lines += [f"| {name} | `{killer}` | {count} |" for (name, killer), count in killers.most_common()]
    lines += [
        "",
        "## Where they were",
        "| design | module | killed | equivalent | survivors |",
        "|---|---|---|---|---|",
    ]
    for name, module in sorted({place[:2] for place in places}):
        counts = [str(places[name, module, verdict]) for verdict in VERDICTS]
        lines.append(f"| {name} | `{module}` | {' | '.join(counts)} |")
    lines += ["", "## Survivors", "| design | mutant | place | reason |", "|---|---|---|---|"]
    for each in (result for result in results if result["verdict"] == "survivors"):
        reason = known.get(each["design"], {}).get(each["command"], "**not looked at yet**")
        lines.append(f"| {each['design']} | {each['number']} | `{each['place']}` | {reason} |")
    lines += ["", "## Proven equivalent", "| design | mutant | place |", "|---|---|---|"]
    for each in (result for result in results if result["verdict"] == "equivalent"):
        lines.append(f"| {each['design']} | {each['number']} | `{each['place']}` |")
    return "\n".join(lines) + "\n"


def publish(summary: dict[str, Any]) -> None:
    """Add a run to the ledger, or replace what it says of this seed and these numbers, and write docs/mutants.md.

    Raises UserError where the seed was used to improve the bench: what is noticed then says little.
    """
    if summary["seed"] in DEVELOPMENT_SEEDS:
        raise UserError(f"seed {summary['seed']} was used to improve the bench: choose one that nobody has used")
    entry = {key: value for key, value in summary.items() if key != "results"}
    runs = [*(each for each in ledger() if each["command"] != entry["command"]), entry]
    write_json(LEDGER, runs)
    write_text(TABLE, table(runs, summary["results"]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the mutants, or print what the last published run found."""
    parser = argparse.ArgumentParser(description="Make mutants of small designs and count those that are noticed.")
    parser.add_argument(
        "--mutants", type=_count, default=160, metavar="N", help="how many of each design (default: 160)"
    )
    parser.add_argument("--seed", type=_count, default=1, metavar="S", help="seed of mutants and networks (default: 1)")
    parser.add_argument("--summary", action="store_true", help="run nothing: what the run published last found")
    parser.add_argument("--publish", action="store_true", help="add the run to the ledger and write docs/mutants.md")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    options = parser.parse_args(arguments)
    if options.summary:
        found = published()
    else:
        summary = run(options.mutants, options.seed)
        if options.publish:
            publish(summary)
        found = {key: value for key, value in summary.items() if key != "results"}
    print(json.dumps(found, indent=2) if options.json else "\n".join(f"{k:15} {v}" for k, v in found.items()))


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: accepted: a whole number of at least 1")
    return int(text)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
