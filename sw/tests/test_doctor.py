# SPDX-License-Identifier: Apache-2.0
"""Doctor: names every tool, says what to do about a missing one, and fails only where the flow would."""

import time

import pytest

from xnorfpga import doctor
from xnorfpga.base import toolchain
from xnorfpga.rtl import elaborate

REQUIRED = {"python", "g++", "make", "perl", "java", "verilator", "yosys", "cocotb", "torch"}


@pytest.fixture
def without(monkeypatch):
    """Hide a program of PATH or a Python package."""
    which, find_spec = doctor.shutil.which, doctor.importlib.util.find_spec

    def hide(name):
        monkeypatch.setattr(doctor.shutil, "which", lambda tool, *rest: None if tool == name else which(tool, *rest))
        monkeypatch.setattr(
            doctor.importlib.util,
            "find_spec",
            lambda module, *rest: None if module == name else find_spec(module, *rest),
        )

    return hide


def found(tool):
    return next(finding for finding in doctor.examine() if finding.tool == tool)


def test_this_machine_is_well_and_told_so_quickly(capsys):
    started = time.monotonic()
    assert doctor.main() == 0
    assert time.monotonic() - started < 10  # 0.5 s where the cores are free
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert REQUIRED | {"sbt", "SpinalHDL", "ccache", "quartus"} == set(lines)
    assert all(lines[tool].split()[1] == "ok" and any(c.isdigit() for c in lines[tool].split()[2]) for tool in REQUIRED)


@pytest.mark.parametrize(
    "hidden, tool, advice",
    [
        ("g++", "g++", "install a C++ compiler"),
        ("make", "make", "install make"),
        ("perl", "perl", "install perl"),
        ("torch", "torch", "pip install -c constraints.txt -e ."),
        ("cocotb", "cocotb", "pip install -c constraints.txt -e ."),
        ("pyosys", "yosys", "pip install -c constraints.txt -e ."),
    ],
)
def test_a_missing_tool_fails_and_says_what_to_do(without, capsys, hidden, tool, advice):
    without(hidden)
    assert doctor.main() == 1
    said = capsys.readouterr()
    assert advice in next(line for line in said.out.splitlines() if line.startswith(tool))
    assert said.err == f"missing: {tool}\n"


@pytest.mark.parametrize("hidden, lost", [("ccache", "from nothing"), ("quartus_sh", "no fitted ALMs, Fmax, power")])
def test_an_optional_tool_does_not_fail(without, monkeypatch, hidden, lost):
    without(hidden)
    monkeypatch.delenv("QUARTUS_ROOTDIR", raising=False)
    finding = found(hidden.removesuffix("_sh"))
    assert finding.state == "optional"
    assert lost in finding.advice


def test_a_bad_java_home_is_named(monkeypatch):
    monkeypatch.setenv("JAVA_HOME", "/nix")
    assert found("java").state == "missing"
    assert "unset JAVA_HOME" in found("java").advice


def test_a_program_that_does_not_run_is_missing(tmp_path, monkeypatch):
    broken = tmp_path / "make"
    broken.write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert found("make").state == "missing"
    assert "broken" in found("make").advice


def test_quartus_is_found_with_its_version(tmp_path, monkeypatch):
    for tool in ("quartus_sh", "quartus_map", "quartus_fit", "quartus_asm", "quartus_sta", "quartus_pow"):
        (tmp_path / tool).write_text("#!/bin/sh\necho 'Version 21.1.0 Build 842 10/21/2021 SJ Lite Edition'\n")
        (tmp_path / tool).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert found("quartus").version == "21.1.0 Build 842 10/21/2021 SJ Lite Edition"


def test_what_is_fetched_or_made_later_is_not_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(elaborate, "CLASSPATH", tmp_path / "classpath.txt")
    monkeypatch.setenv("M2_REPO", str(tmp_path))
    assert (found("SpinalHDL").state, found("sbt").state) == ("not yet", "not yet")
    (tmp_path / "classpath.txt").write_text("/nix/spinal.jar")
    assert found("SpinalHDL").state == "missing"
    assert "/nix/spinal.jar is gone" in found("SpinalHDL").advice


def test_the_compiled_generator_s_version_is_shown(tmp_path, monkeypatch):
    jar = tmp_path / "spinalhdl-core_2.13-1.14.2.jar"
    jar.touch()
    monkeypatch.setattr(elaborate, "CLASSPATH", tmp_path / "classpath.txt")
    monkeypatch.setattr(elaborate, "sources", lambda: [jar])
    (tmp_path / "classpath.txt").write_text(str(jar))
    assert found("SpinalHDL").version == "1.14.2 (compiled)"


def test_the_launcher_is_looked_for_where_maven_keeps_it(tmp_path, monkeypatch):
    version = toolchain.SBT.rsplit(":", 1)[1]
    jar = tmp_path / f"org/scala-sbt/sbt-launch/{version}/sbt-launch-{version}.jar"
    jar.parent.mkdir(parents=True)
    jar.touch()
    monkeypatch.setenv("M2_REPO", str(tmp_path))
    assert found("sbt").place == str(jar)
