# SPDX-License-Identifier: Apache-2.0
"""Which signals of the generated Verilog are registers and which are logic, and how often a SAIF file saw them change.

SpinalHDL writes one statement a line, clocked assignments with `<=` and all others with `=`. That is what is read here.

Of the logic, signals that have a name stand for all: SpinalHDL makes up `_zz…` for the steps of an expression, and to
watch those makes the simulator twenty times as large.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from xnorfpga.artefacts.activity import Toggles
from xnorfpga.base.errors import UserError

MODULE = re.compile(r"^module (\w+)\b.*?^endmodule", re.MULTILINE | re.DOTALL)
DECLARED = re.compile(
    r"^\s*(?:\(\*.*?\*\) *)?(input|output|wire|reg)\b(?: +(?:wire|reg)\b)?\s*(?:\[[^\]]*\])?\s*(\w+)(\s*\[)?",
    re.MULTILINE,
)
CLOCKED = re.compile(r"^\s*(\w+)\s*(?:\[[^\]]*\])?\s*<=", re.MULTILINE)
# Another name for a signal, or for bits of some, or a constant
RENAMED = re.compile(
    r"^\s*assign (\w+)(?:\[[^\]]*\])? = (?:\w+(?:\[[\d: ]+\])?|[\d]+'\w+|\{[\w\[\]:, ']+\});", re.MULTILINE
)
INSTANCE = re.compile(r"^  (\w+) (?:#\(.*?\) )?(\w+) \($(.*?)^  \);", re.MULTILINE | re.DOTALL)
CONNECTED = re.compile(r"\.(\w+)\s*\((\w+)")
MEMORY = re.compile(r"Memory_")

SCOPE = re.compile(r"\(INSTANCE (\S+)")
NET = re.compile(r"\((\w+)(?:\\?\[\d+\\?\])* \(T0 .*\(TC (\d+)\)\)")


@dataclass
class Module:
    """A module's signals by kind, and its instances: name → module."""

    registers: set[str] = field(default_factory=set)
    logic: set[str] = field(default_factory=set)
    instances: dict[str, str] = field(default_factory=dict)


def modules(verilog: str) -> dict[str, Module]:
    """Return the modules of a generated Verilog text, but for its memories, whose outputs are block RAM."""
    texts = {match[1]: match[0] for match in MODULE.finditer(verilog)}
    declared = {
        name: {signal: kind for kind, signal, array in DECLARED.findall(text) if not array}
        for name, text in texts.items()
    }
    found = {}
    for name, text in texts.items():
        if MEMORY.match(name):
            continue
        here, module = declared[name], Module()
        # What comes from outside, and what an instance drives, is counted where it arises
        driven = {signal for signal, kind in here.items() if kind == "input"}
        for kind, instance, ports in INSTANCE.findall(text):
            if kind not in texts:
                continue
            module.instances[instance] = kind
            driven |= {net for port, net in CONNECTED.findall(ports) if declared[kind].get(port) == "output"}
        module.registers = set(CLOCKED.findall(text)) & here.keys()
        module.logic = here.keys() - module.registers - driven - set(RENAMED.findall(text))
        module.logic = {signal for signal in module.logic if not signal.startswith("_")}
        found[name] = module
    return found


def unwatched(file: Path, known: dict[str, Module]) -> str:
    """Return the lines of a .vlt file that keep Verilator from tracing what is not counted."""
    verilog = file.read_text(encoding="utf-8")
    lines = ["`verilator_config"]
    for match in MODULE.finditer(verilog):
        module, first = known.get(match[1], Module()), verilog.count("\n", 0, match.start()) + 1
        for number, line in enumerate(match[0].splitlines(), first):
            declared = DECLARED.match(line)
            if declared and declared[2] not in module.registers | module.logic:
                lines.append(f'tracing_off -file "*/{file.name}" -lines {number}')
    return "\n".join(lines) + "\n"


def toggles(saif: Path, top: str, known: dict[str, Module]) -> tuple[Toggles, Toggles]:
    """Return bits and changes of the registers and of the logic in a SAIF file.

    Raises UserError where it has no registers of `top`: it is then another design's, or in another form.
    """
    bits, changes = {"registers": 0, "logic": 0}, {"registers": 0, "logic": 0}
    for module, name, count in _nets(saif, top, known):
        kind = "registers" if name in module.registers else "logic" if name in module.logic else None
        if kind:
            bits[kind] += 1
            changes[kind] += count
    if not bits["registers"]:
        raise UserError(f"{saif}: no register of {top} in it")
    return Toggles(bits=bits["registers"], transitions=changes["registers"]), Toggles(
        bits=bits["logic"], transitions=changes["logic"]
    )


def _nets(saif: Path, top: str, known: dict[str, Module]) -> Iterator[tuple[Module, str, int]]:
    """Yield each bit of a known module: its module, its signal's name, how often it changed."""
    places: list[Module | None] = []
    with saif.open(encoding="ascii") as lines:
        for line in lines:
            if net := NET.search(line):
                if places and (module := places[-1]):
                    yield module, net[1], int(net[2])
            elif scope := SCOPE.search(line):
                above = places[-1] if places else None
                kind = top if scope[1] == top else above.instances.get(scope[1]) if above else None
                places.append(known.get(kind) if kind else None)
            elif "(NET" in line:
                places.append(places[-1] if places else None)
            elif line.strip() == ")" and places:
                places.pop()
