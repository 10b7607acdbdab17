# SPDX-License-Identifier: Apache-2.0
"""Reads a netlist that Yosys mapped to Cyclone V cells: counts it, walks its paths, counts its wires.

Yosys' own `stat`, `sta` and `ltp` do not know this family's registers and carry cells, so the netlist (`write_json`,
flattened) is read here. The cells are those of Yosys' `share/intel_alm`, where their meaning is written down.
"""

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from graphlib import CycleError, TopologicalSorter
from operator import itemgetter
from pathlib import Path
from typing import Any

from xnorfpga.base.errors import UserError

ALUT_INPUTS = {"MISTRAL_NOT": 1} | {f"MISTRAL_ALUT{size}": size for size in range(2, 7)}
ARITH = "MISTRAL_ALUT_ARITH"  # half an ALM in arithmetic mode, one bit of a carry chain CI → CO
FF = "MISTRAL_FF"
M10K = "MISTRAL_M10K"  # one block; its read is clocked
M10K_REGISTER = "output register"  # of a block, which Yosys maps to flip-flops
MLAB = "MISTRAL_MLAB"  # 32 × 1 bits; its read is combinational, its write clocked
DSP_SHARE = {"MISTRAL_MUL27X27": 1.0, "MISTRAL_MUL18X18": 1 / 2, "MISTRAL_MUL9X9": 1 / 3}  # of a DSP block
BUFFERS = {"MISTRAL_IB", "MISTRAL_OB", "MISTRAL_IO", "MISTRAL_CLKBUF"}  # pass through, no ALUT

MLAB_CELLS = 20  # MISTRAL_MLAB cells that share address, clock and enable fill one physical MLAB of 32 × 20 bits
MLAB_ALMS = 10  # ALMs that a physical MLAB takes away

ALM_FORMULA = (
    "max(ALUT6 + (ALUT1…5 + arithmetic) / 2 + 10 · MLABs, FFs / 2): one ALM a six-input ALUT, half of one for every "
    "other ALUT and arithmetic cell, ten for a block of 32 × 20 bits of LUT RAM, never less than two FFs an ALM need"
)

# Where SpinalHDL puts the word or vector in front of a layer's processing elements: InputRegister's `x`, one register
# a copy, in the component `inputRegister` of the layer's component; a layer synthesized alone counts as layer 0.
INPUT_REGISTER = re.compile(r"(?:(?:^|[._])layers_(?P<layer>\d+)\.|^)inputRegister(?:_\d+)?\.x_(?P<copy>\d+)$")


@dataclass
class Cell:
    """One mapped cell: pin → bits, of which an int is a net and a str ("0", "1", "x") a constant."""

    name: str
    type: str
    inputs: dict[str, list[int | str]]
    outputs: dict[str, list[int | str]]


@dataclass
class Netlist:
    """A flattened netlist of one module."""

    top: str
    cells: list[Cell]
    inputs: dict[str, list[int | str]]
    outputs: dict[str, list[int | str]]
    nets: dict[str, list[int | str]]

    @cached_property
    def driver(self) -> dict[int, tuple[Cell, str]]:
        """Map each net to the cell and pin that drive it; UserError where there are two."""
        driver: dict[int, tuple[Cell, str]] = {}
        for cell in self.cells:
            for pin, bits in cell.outputs.items():
                for bit in bits:
                    if isinstance(bit, int):
                        if bit in driver:
                            other, other_pin = driver[bit]
                            raise UserError(
                                f"{self.top}: two drivers of one net: {other.name}.{other_pin} and {cell.name}.{pin}"
                            )
                        driver[bit] = cell, pin
        return driver

    def name(self, bit: int) -> str | None:
        """Choose the shortest of a net's names, of equal ones the first; None where it has none."""
        return min(self._aliases.get(bit, ()), key=lambda name: (len(name), name), default=None)

    @cached_property
    def _aliases(self) -> dict[int, list[str]]:
        aliases: dict[int, list[str]] = defaultdict(list)
        for name, bits in self.nets.items():
            for i, bit in enumerate(bits):
                if isinstance(bit, int):
                    aliases[bit].append(name if len(bits) == 1 else f"{name}[{i}]")
        return aliases


def load(path: Path) -> Netlist:
    """Read what Yosys' `write_json` wrote: one module, flattened, with no cell outside `share/intel_alm`.

    Raises UserError for another cell type or more than one module.
    """
    return parse(json.loads(path.read_text(encoding="utf-8")), str(path))


def parse(document: dict[str, Any], where: str = "netlist") -> Netlist:
    """Build a Netlist from the content of Yosys' JSON; `where` names it in a complaint."""
    modules = {
        name: module
        for name, module in document["modules"].items()
        if not int(module["attributes"].get("blackbox", "0"), 2)
        and not int(module["attributes"].get("whitebox", "0"), 2)
    }
    if len(modules) != 1:
        raise UserError(f"{where}: holds modules {', '.join(modules) or 'none'}; accepted is one flattened module")
    ((top, module),) = modules.items()
    known = {*ALUT_INPUTS, ARITH, FF, M10K, MLAB, *DSP_SHARE, *BUFFERS}
    cells = []
    for name, cell in module["cells"].items():
        if cell["type"] not in known:
            raise UserError(f"{where}: cell {name} is a {cell['type']}; accepted are {', '.join(sorted(known))}")
        pins: dict[str, dict[str, list[int | str]]] = {"input": {}, "output": {}}
        for pin, bits in cell["connections"].items():
            direction = cell["port_directions"][pin]
            for side in ("input", "output") if direction == "inout" else (direction,):
                pins[side][pin] = bits
        cells.append(Cell(name, cell["type"], pins["input"], pins["output"]))
    ports: dict[str, dict[str, list[int | str]]] = {"input": {}, "output": {}}
    for name, port in module["ports"].items():
        for side in ("input", "output") if port["direction"] == "inout" else (port["direction"],):
            ports[side][name] = port["bits"]
    nets = {name: net["bits"] for name, net in module["netnames"].items() if not net.get("hide_name")}
    return Netlist(top, cells, ports["input"], ports["output"], nets)


@dataclass(frozen=True)
class Resources:
    """What a netlist takes. `alms` is ALM_FORMULA's estimate, rounded up; `mlabs` are physical blocks of 10 ALMs.

    `ffs` are those in ALMs: a register that only takes what an M10K has read is the M10K's own.
    """

    aluts: dict[str, int]
    ffs: int
    mlabs: int
    m10k: int
    dsps: int

    @property
    def alms(self) -> int:
        """ALMs by ALM_FORMULA."""
        halves = sum(count for kind, count in self.aluts.items() if kind != "6")
        return math.ceil(max(self.aluts["6"] + halves / 2 + MLAB_ALMS * self.mlabs, self.ffs / 2))


def count(netlist: Netlist) -> Resources:
    """Count ALUTs by their number of inputs ("1" is an inverter) and "arith", FFs, M10Ks, MLABs and DSP blocks.

    MLAB cells fill a physical MLAB twenty at a time where they share addresses, clock and write enable, as the
    hardware has one of each. A DSP block holds one 27 × 27, two 18 × 18 or three 9 × 9 multipliers.
    """
    read = {bit for cell in netlist.cells if cell.type == M10K for bits in cell.outputs.values() for bit in bits}
    takers = Counter(bit for cell in netlist.cells for bits in cell.inputs.values() for bit in bits if bit in read)
    types: dict[str, int] = defaultdict(int)
    mlabs: dict[tuple, int] = defaultdict(int)
    for cell in netlist.cells:
        in_block = cell.type == FF and any(takers[bit] == 1 for bit in cell.inputs.get("DATAIN", ()))
        types[M10K_REGISTER if in_block else cell.type] += 1
        if cell.type == MLAB:
            shared = ("A1ADDR", "A1EN", "CLK1", "B1ADDR")
            mlabs[tuple(tuple(cell.inputs.get(pin, ())) for pin in shared)] += 1
    return Resources(
        aluts={str(size): types[kind] for kind, size in ALUT_INPUTS.items()} | {"arith": types[ARITH]},
        ffs=types[FF],
        mlabs=sum(math.ceil(cells / MLAB_CELLS) for cells in mlabs.values()),
        m10k=types[M10K],
        dsps=math.ceil(sum(types[kind] * share for kind, share in DSP_SHARE.items())),
    )


@dataclass(frozen=True)
class TimingPath:
    """A longest path between registers, RAMs and ports.

    `levels` ALUTs lie on it; `carry_hops` more steps lead from one arithmetic cell to the next along a carry chain.
    `names` are nets: the start, the output of each level, the end. A net that the mapping made up has no name of its
    own; it is called by the next name on its way, with a `~`.
    """

    levels: int
    carry_hops: int
    names: list[str]


def longest_path(netlist: Netlist) -> TimingPath:
    """Find the path of most ALUT levels from a register, RAM or input port to a register, RAM or output port.

    A level is a pass through an ALUT, an MLAB's read, a multiplier, or a carry chain, however long: entering at a data
    pin of an arithmetic cell and leaving at a sum is one level, and each CI on the way one carry hop. Of several paths
    with most levels, one with most carry hops is shown. An M10K is read by the clock: its read data starts a path, its
    inputs end one; so do an MLAB's write pins. Clock pins end none.

    Raises UserError for a combinational loop, naming the nets on it.
    """
    steps = {cell.name: list(_steps(netlist, cell)) for cell in netlist.cells if cell.type not in (FF, M10K)}
    reached: dict[int, tuple[int, int] | None] = {}  # net → levels, hops; no entry: a path starts; None: only constants
    via: dict[int, int] = {}  # net → net before it on the longest way
    cells = {cell.name: cell for cell in netlist.cells}
    for name in _in_order(netlist, steps):
        starts = [(reached.get(bit, (0, 0)), step, bit) for bit, step in steps[name]]
        ways = [((start[0] + step[0], start[1] + step[1]), bit) for start, step, bit in starts if start]
        latest, before = max(ways, key=itemgetter(0), default=(None, -1))
        for bits in cells[name].outputs.values():
            for bit in bits:
                if isinstance(bit, int):
                    reached[bit], via[bit] = latest, before

    end, end_name = max(_ends(netlist), key=lambda each: reached.get(each[0]) or (0, 0), default=(None, str))
    if end is None:
        return TimingPath(0, 0, [])
    levels, hops = reached.get(end) or (0, 0)
    names, shown, bit = [end_name()], levels + 1, end
    while way := reached.get(bit):
        if way[0] < shown:
            shown = way[0]
            names.append(netlist.name(bit) or names[-1].rstrip("~") + "~")
        bit = via[bit]
    names.append(netlist.name(bit) or names[-1].rstrip("~") + "~")
    return TimingPath(levels, hops, names[::-1])


def _steps(netlist: Netlist, cell: Cell) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield each net at a combinational cell's input, with the levels and carry hops of a pass through the cell."""
    for pin, bits in cell.inputs.items():
        if cell.type == MLAB and pin != "B1ADDR":
            continue
        for bit in bits:
            if isinstance(bit, int):
                source = netlist.driver.get(bit)
                chained = cell.type == ARITH and pin == "CI" and source and source[0].type == ARITH
                yield bit, (0, 1) if chained else (0, 0) if cell.type in BUFFERS else (1, 0)


def _in_order(netlist: Netlist, steps: dict[str, list[tuple[int, tuple[int, int]]]]) -> Iterator[str]:
    """Yield the names of combinational cells, each after those that drive it.

    Raises UserError for a combinational loop, naming the nets on it.
    """
    drivers = {bit: cell.name for bit, (cell, _) in netlist.driver.items() if cell.name in steps}
    before = {name: [drivers[bit] for bit, _ in mine if bit in drivers] for name, mine in steps.items()}
    try:
        yield from TopologicalSorter(before).static_order()
    except CycleError as error:
        looped = set(error.args[1])
        nets = [bits[0] for cell in netlist.cells if cell.name in looped for bits in cell.outputs.values()]
        names = [name for bit in nets if isinstance(bit, int) and (name := netlist.name(bit))]
        loop = ", ".join(names or sorted(looped))
        raise UserError(f"{netlist.top}: combinational loop through {loop}; put a register into it") from None


def _ends(netlist: Netlist) -> Iterator[tuple[int, Callable[[], str]]]:
    """Yield each net that ends a path, with what names the place where it ends."""
    for cell in netlist.cells:
        if cell.type in (FF, M10K, MLAB):
            for pin, bits in cell.inputs.items():
                if pin not in ("CLK", "CLK1") and (cell.type, pin) != (MLAB, "B1ADDR"):
                    for bit in bits:
                        if isinstance(bit, int):
                            yield bit, partial(_end_name, netlist, cell, pin)
    for name, bits in netlist.outputs.items():
        for i, bit in enumerate(bits):
            if isinstance(bit, int):
                yield bit, partial(str, name if len(bits) == 1 else f"{name}[{i}]")


def _end_name(netlist: Netlist, cell: Cell, pin: str) -> str:
    """Name a pin where a path ends: a register by its output net, a RAM by its instance and pin."""
    q = cell.outputs.get("Q", ["x"])[0] if cell.type == FF else "x"
    return (netlist.name(q) if isinstance(q, int) else None) or f"{cell.name}.{pin}"


def input_connections(netlist: Netlist) -> dict[int, int]:
    """Count, for every layer, the wires from its input register to what reads it: layer → wires of one copy.

    A wire is a distinct pair of a register's output bit (INPUT_REGISTER names them) and an input pin of an ALUT,
    arithmetic cell or RAM, or a pin of another register; a register's own hold path is none. With several copies the
    largest count of a copy is given. A layer without such a register is left out.
    """
    source: dict[int, tuple[int, int]] = {}  # net → layer, copy
    for name, bits in netlist.nets.items():
        match = INPUT_REGISTER.search(name)
        if match:
            for bit in bits:
                if isinstance(bit, int) and bit in netlist.driver and netlist.driver[bit][0].type == FF:
                    source[bit] = int(match["layer"] or 0), int(match["copy"])
    wires: dict[tuple[int, int], int] = defaultdict(int)
    for cell in netlist.cells:
        for pin, bits in cell.inputs.items():
            if pin in ("CLK", "CLK1"):
                continue
            for bit in bits:
                if bit in source and not (cell.type == FF and bit in cell.outputs.get("Q", ())):
                    wires[source[bit]] += 1
    layers = {layer for layer, _ in source.values()}
    return {k: max((n for (layer, _), n in wires.items() if layer == k), default=0) for k in sorted(layers)}
