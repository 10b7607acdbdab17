# SPDX-License-Identifier: Apache-2.0
"""Builds and runs a Verilator simulation through cocotb-test: built once a hardware configuration, run many times."""

import logging
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from cocotb_test import simulator

from xnorfpga.base import locks, process, toolchain
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import sha256
from xnorfpga.base.paths import BUILD

# -O3 optimises the model; the C++ compiler's own effort is set apart, since on large designs it is most of the build.
ARGUMENTS = ("-O3", "--x-assign", "fast", "--output-split", "15000", "-Wno-fatal", "-Wno-WIDTH")
ONE_FILE = ("--output-split", "0")
QUICK = ("-O1", "--x-assign", "fast", *ONE_FILE, "-Wno-fatal", "-Wno-WIDTH", "-CFLAGS", "-O0")
TIMED = ("--timing", "-CFLAGS", "-std=c++20")  # beside these: sources with delays, which become coroutines

# cocotb rewrites the assertions of every module that is imported, numpy's too: a second of each start. Ours are enough.
START_QUICKLY = {
    "COCOTB_REWRITE_ASSERTION_FILES": "*/verif/*.py testbench.py",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}


class _Simulator(simulator.Verilator):
    """cocotb-test's Verilator with what it leaves to us: either build or run, and only the ports public.

    Every public signal is one that Verilator may not optimise away; cocotb-test makes all of them public.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, **arguments: Any) -> None:
        super().__init__(toplevel_lang="verilog", **arguments)
        self.environment = environment or {}
        if threading.current_thread() is threading.main_thread():  # its handlers would answer with an AssertionError
            signal.signal(signal.SIGINT, self.old_sigint_h)
            signal.signal(signal.SIGTERM, self.old_sigterm_h)

    def set_env(self) -> None:
        super().set_env()
        self.env.update(self.environment)  # cocotb-test's own extra_env loses to a shell variable of the same name

    def execute(self, commands: list[list[str]]) -> None:
        for command in commands:
            self.logger.info("Running command: " + " ".join(command))
            with process.started(command, Path(self.work_dir), self.env) as child:
                assert child.stdout is not None
                for line in child.stdout:
                    self.logger.info(line.decode(errors="replace").rstrip())
                code = child.wait()
            if code:
                raise process.Failed(f"{command[0]} ended with exit code {code}")

    def start(self, after_first: Callable[[], None]) -> None:
        """Run the commands, and call `after_first` behind the first; UserError with what they said where one fails."""
        try:
            self.set_env()
            first, *others = self.build_command()
            self.execute([first])
            after_first()
            self.execute(others)
        except (process.Failed, ValueError) as error:
            log = Path(self.logger.handlers[-1].baseFilename)  # type: ignore[attr-defined]
            raise UserError(f"{error} ({log}):\n{_tail(log)}") from None

    def build_command(self) -> list[list[str]]:
        commands = super().build_command()
        if not self.compile_only:
            return commands[-1:]
        position = commands[0].index("--public-flat-rw")
        commands[0][position : position + 1] = ["--public-depth", "1"]
        return commands


def lint(sources: Sequence[Path], top: str, waivers: Path, more: Sequence[str] = ()) -> list[str]:
    """Return what Verilator's lint (`-Wall`) says of `sources`, a line each, but for what `waivers` (.vlt) lets pass.

    `more`: arguments of Verilator beside the usual ones.

    Raises UserError where it breaks down.
    """
    command = [
        str(toolchain.verilator()),
        "--lint-only",
        "-Wall",
        "-DSYNTHESIS",
        *more,
        "--top-module",
        top,
        str(waivers),
    ]
    command += [str(source) for source in sources]
    environment = {**os.environ, **toolchain.verilator_env()}
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    said = [line for line in run.stderr.splitlines() if line.startswith("%") and "Exiting due to" not in line]
    if run.returncode and not said:
        raise UserError(f"Verilator's lint broke down: {run.stderr.strip()}")
    return said


@contextmanager
def _tools(log: Path) -> Iterator[None]:
    """Put Verilator on PATH, and everything that cocotb-test says into `log`."""
    saved = dict(os.environ)
    os.environ.update(toolchain.verilator_env())
    logger = logging.getLogger("cocotb")
    handler = logging.FileHandler(log, mode="w")
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
        logger.propagate = propagate
        os.environ.clear()
        os.environ.update(saved)


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    telling = [line for line in lines if "%Error" in line or " error: " in line or "Error" in line] or lines
    return "\n".join(telling[-8:])


def build(sources: Sequence[Path], top: str, arguments: Sequence[str] = ARGUMENTS) -> Path:
    """Verilate and compile `sources`, once for the same content, and return the directory of the simulator.

    Parallel processes wait for the first. ccache is used where it is installed.

    Raises UserError with the tools' own error lines.
    """
    one_file = set(ONE_FILE) <= set(arguments)

    def make(directory: Path, runtime: Path) -> None:
        log = directory / "build.log"
        # A compiler takes one precompiled header: a model of several files has Verilator's own
        precompiled = _precompiled(runtime) if one_file else []
        with _tools(log):
            _Simulator(
                toplevel=top, module="", verilog_sources=[str(source) for source in sources],
                sim_build=str(directory), compile_args=[*arguments, *precompiled], make_args=_make_arguments(),
                compile_only=True,
            ).start(after_first=lambda: _copy_runtime(runtime, directory))  # fmt: skip
        if one_file:
            _precompile(log, runtime)

    return _once(top, sources, arguments, make)


def build_program(sources: Sequence[Path], top: str, harness: Path, more: Sequence[str] = ()) -> Path:
    """Verilate and compile `sources` with a program of its own in C++, once for the same content; return the program.

    `more`: arguments of Verilator beside the usual ones.

    Raises UserError with the tools' own error lines.
    """
    # The compiler's -O2 takes twice as long as -O1 over a board and makes it a tenth faster
    options = ["--cc", "--exe", "-O3", "--x-assign", "fast", "-Wno-fatal", "-Wno-WIDTH", "-CFLAGS", "-O1"]
    options += ["--output-split", "15000", *more]
    files = [path.resolve() for path in (*sources, harness)]

    def make(directory: Path, runtime: Path) -> None:
        named = ["--top-module", top, "--Mdir", str(directory), *map(str, files)]
        log = directory / "build.log"
        log.unlink(missing_ok=True)
        _logged([str(toolchain.verilator()), *options, *named], directory, log)
        _copy_runtime(runtime, directory)
        _logged(["make", "-f", f"V{top}.mk", *_make_arguments()], directory, log)

    return _once(top, files, options, make) / f"V{top}"


def _once(top: str, sources: Sequence[Path], options: Sequence[str], make: Callable[[Path, Path], None]) -> Path:
    """Let `make` build in a directory of its own, once for the same content; return the directory.

    `make` also gets the directory of what all builds with these options have in common.
    """
    tool = toolchain.verilator()
    how = [f"{tool} {tool.stat().st_mtime_ns}".encode(), *(option.encode() for option in options)]
    key = sha256(*(source.read_bytes() for source in sources), top.encode(), *how)[:16]
    directory, runtime = (BUILD / "verilated" / name for name in (f"{top}_{key}", f"runtime_{sha256(*how)[:16]}"))
    directory.mkdir(parents=True, exist_ok=True)
    done = directory / "built"
    with locks.hold(directory / "lock", f"the build of {directory.name}"):
        if not done.exists():
            with _runtime(runtime):
                make(directory, runtime)
                _copy_runtime(directory, runtime)
            done.touch()
    return directory


def _make_arguments() -> list[str]:
    return [f"-j{jobs()}", *(["OBJCACHE=ccache"] if shutil.which("ccache") else [])]


def _logged(command: Sequence[str], directory: Path, log: Path) -> None:
    """Run a command of a build; what it says is added to `log`, and is told where it fails."""
    with process.started(command, directory, {**os.environ, **toolchain.verilator_env()}) as child:
        assert child.stdout is not None
        with log.open("ab") as file:
            shutil.copyfileobj(child.stdout, file)
        if child.wait():
            raise UserError(f"{directory.name}: Verilator could not build it ({log}):\n{_tail(log)}")


def jobs() -> int:
    """Return how many compilers, or simulators, may run at once: the cores, shared by the workers of pytest-xdist."""
    return max(1, (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


@contextmanager
def _runtime(runtime: Path) -> Iterator[None]:
    """Let the first build be alone: it compiles Verilator's own runtime, most of its work, for all after it."""
    with locks.hold(runtime / "lock", "the first build of a simulator"):
        if not (runtime / "verilated.o").exists():
            yield
            return
    yield


def _copy_runtime(source: Path, target: Path) -> None:
    """Copy Verilator's own compiled runtime, the same for all designs: half the build of a small one."""
    target.mkdir(parents=True, exist_ok=True)
    for compiled in source.glob("verilated*.o"):
        temporary = target / f"{compiled.name}.{os.getpid()}"
        shutil.copyfile(compiled, temporary)
        temporary.replace(target / compiled.name)


def _precompiled(runtime: Path) -> list[str]:
    """Return the arguments that bring in Verilator's own headers as an earlier build's compiler flags left them."""
    header = runtime / "headers.h"
    return ["-CFLAGS", f"-include {header}"] if header.exists() else []


def _precompile(log: Path, runtime: Path) -> None:
    """Precompile Verilator's own headers: of a small design they are most of what the compiler reads.

    The flags are those of a build's log. Where they do not fit, the compiler reads the header itself.
    """
    whole = "-c -o Vtop__ALL.o Vtop__ALL.cpp"
    commands = [line.removesuffix(whole) for line in log.read_text().splitlines() if line.endswith(whole)]
    header, precompiled = runtime / "headers.h", runtime / "headers.h.gch"
    if commands and not header.exists():
        source = header.with_suffix(".new")
        source.write_text('#include "verilated.h"\n#include "verilated_vpi.h"\n')
        command = [*shlex.split(commands[0]), "-x", "c++-header", "-o", str(precompiled), str(source)]
        if subprocess.run(command, cwd=log.parent, capture_output=True, check=False).returncode == 0:
            source.replace(header)


class Run(NamedTuple):
    """One run of a simulator: variables for its tests, and the file that takes everything it and they say."""

    environment: Mapping[str, str]
    log: Path


def run(
    directory: Path,
    module: str,
    working: Path,
    environment: Mapping[str, str],
    log: Path,
    seed: int | None = None,
) -> list[str]:
    """Run the cocotb tests of a Python module on a built simulator; `run_beside` has what it takes and returns."""
    return run_beside(directory, module, working, [Run(environment, log)], seed)[0]


def run_beside(
    directory: Path, module: str, working: Path, runs: Sequence[Run], seed: int | None = None
) -> list[list[str]]:
    """Run the cocotb tests of a Python module on a built simulator, as often as there are runs, all at the same time.

    Args:
        directory: what `build` returned.
        module: dotted name of the module with the cocotb tests.
        working: working directory of the simulator, where `$readmemb` finds the memory images.
        runs: what is different from run to run.
        seed: of the noise that registers and memories hold before their reset or initial content; None: zeros.

    Returns:
        of each run the names of the tests that failed.

    Raises UserError where a simulator breaks down, or no test was executed: a run that tests nothing must not pass.
    """
    top = directory.name.rpartition("_")[0]
    noise = [] if seed is None else ["+verilator+rand+reset+2", f"+verilator+seed+{(seed - 1) % (2**31 - 1) + 1}"]
    with tempfile.TemporaryDirectory(prefix="xnorfpga-") as scratch, ExitStack() as stack:
        under_way = []
        for number, (environment, log) in enumerate(runs):
            results = Path(scratch) / f"{number}.xml"
            with _tools(log):
                simulator = _Simulator(
                    {**START_QUICKLY, **environment, "COCOTB_RESULTS_FILE": str(results)},
                    toplevel=top, module=module, sim_build=str(directory), work_dir=str(working), plus_args=noise,
                )  # fmt: skip
                simulator.set_env()
                (command,) = simulator.build_command()
            output = stack.enter_context(log.open("wb"))
            child = stack.enter_context(process.started(command, working, simulator.env, output))
            under_way.append((child, log, results))
        return [_failed(module, child.wait(), log, results) for child, log, results in under_way]


def _failed(module: str, code: int, log: Path, results: Path) -> list[str]:
    """Return the names of the tests that failed in a run which ended with that exit code."""
    if code:
        raise UserError(f"{module}: the simulation ended with exit code {code} ({log}):\n{_tail(log)}")
    if not results.exists():
        raise UserError(f"{module}: the simulation ended without results ({log}):\n{_tail(log)}")
    cases = list(ElementTree.parse(results).iter("testcase"))
    if not [case for case in cases if case.find("skipped") is None]:
        raise UserError(f"{module}: no test was executed ({log})")
    return [
        str(case.get("name")) for case in cases if case.find("failure") is not None or case.find("error") is not None
    ]
