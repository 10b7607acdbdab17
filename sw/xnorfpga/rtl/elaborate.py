# SPDX-License-Identifier: Apache-2.0
"""Elaborate: a design's network and folding → Verilog and manifest, by SpinalHDL.

sbt compiles the generator once and leaves its class path in a file; each design is then one short java run.
"""

import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xnorfpga.artefacts.folding import Folding
from xnorfpga.base import locks, toolchain
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import atomic_write, write_json
from xnorfpga.base.paths import SPINAL
from xnorfpga.base.strict import Artefact
from xnorfpga.design.hardware import hardware

if TYPE_CHECKING:
    from xnorfpga.design.schema import Design

CLASSPATH = SPINAL / "target" / "classpath.txt"
MANY_ELEMENTS = 1500  # from which on Java's optimizing compiler saves more time than it takes


def sources() -> list[Path]:
    """Return what the compiled generator depends on: the sbt project's own files."""
    return [SPINAL / "build.sbt", SPINAL / "project" / "build.properties", *sorted(SPINAL.glob("src/main/**/*.scala"))]


def compile() -> None:
    """Compile the SpinalHDL generator with sbt.

    Raises UserError with the compiler's own error lines.
    """
    CLASSPATH.unlink(missing_ok=True)
    command = [*toolchain.sbt_command(), "-Dsbt.log.noformat=true", "writeClasspath"]
    run = subprocess.run(command, cwd=SPINAL, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if run.returncode != 0:
        errors = [line for line in run.stdout.splitlines() if line.startswith("[error]")] or [run.stdout, run.stderr]
        raise UserError("sbt could not compile hw/spinal:\n" + "\n".join(errors))


def is_compiled() -> bool:
    """Return whether the generator was compiled after the last change of its sources."""
    folders = SPINAL.glob("src/main/**")  # of which one changes where a source is removed
    newest = max(path.stat().st_mtime for path in (*sources(), *folders))
    return CLASSPATH.is_file() and CLASSPATH.stat().st_mtime >= newest


def classpath() -> str:
    """Return the generator's class path, compiling first where a source is newer. Safe among parallel processes."""
    with locks.hold(SPINAL / ".compile.lock", "compile"):
        if not is_compiled():
            compile()
        return CLASSPATH.read_text(encoding="utf-8")


def elaborate_many(
    configurations: Iterable[tuple[Artefact | dict[str, Any], Path]],
    main: str = "top.Elaborate",
    source: str = "hardware.json",
) -> None:
    """Elaborate each hardware configuration into its directory, in one java run.

    Each directory gets `hardware.json`, `manifest.json` and `rtl/`; they appear only when all went well, and
    earlier ones stay otherwise. Another `main` program of the generator may read another `source`.

    Raises UserError with the generator's own line where a configuration cannot be built.
    """
    with tempfile.TemporaryDirectory(prefix="xnorfpga-") as scratch:
        work, elements = [], 0
        for number, (configuration, out) in enumerate(configurations):
            directory = Path(scratch) / str(number)
            content = configuration.model_dump(mode="json") if isinstance(configuration, Artefact) else configuration
            write_json(directory / source, content)
            elements += sum(layer["pe"] for layer in content.get("layers", ()))
            work.append((directory, out))
        command = [str(toolchain.java()), *_java_options(elements), "-cp", classpath(), f"xnorfpga.{main}"]
        run = subprocess.run(
            [*command, *(str(directory) for directory, _ in work)],
            cwd=scratch, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        if run.returncode != 0:
            errors = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
            for directory, out in work:
                errors = [line.replace(str(directory), str(out)) for line in errors]
            raise UserError(
                errors[0].removeprefix("error: ") if errors else f"SpinalHDL failed:\n{run.stdout}{run.stderr}"
            )
        for directory, out in work:
            for file in sorted(path for path in directory.rglob("*") if path.is_file()):
                with atomic_write(out / file.relative_to(directory)) as target:
                    target.write(file.read_bytes())


def _java_options(elements: int) -> list[str]:
    """Return how Java runs the generator for so many processing elements: the fewer, the quicker it must begin."""
    return ["-Xss16m", "-XX:+UseSerialGC", *(["-XX:TieredStopAtLevel=1"] if elements < MANY_ELEMENTS else [])]


def elaborate(design: "Design", build: Path) -> None:
    """Elaborate a design, folded as `folding.json` says, into `build`.

    Raises UserError where that is absent, and with the generator's own line where it cannot be built.
    """
    elaborate_many([(hardware(design, Folding.read(build / "folding.json")), build)])
