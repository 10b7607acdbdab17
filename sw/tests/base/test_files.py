# SPDX-License-Identifier: Apache-2.0
"""Files appear whole or not at all, and what stops one is told of the right file."""

import errno
import os
from pathlib import Path

import pytest

from xnorfpga.base.errors import UserError
from xnorfpga.base.files import atomic_write, write_text


def content(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir() if path.is_file()}


def test_a_file_appears_whole(tmp_path):
    write_text(tmp_path / "new" / "file", "text")
    assert content(tmp_path / "new") == {"file": "text"}
    assert (tmp_path / "new" / "file").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143), ValueError("x"), OSError(errno.EIO, "")])
def test_a_block_that_fails_leaves_the_earlier_file_and_nothing_else(tmp_path, error):
    write_text(tmp_path / "file", "earlier")
    expected = UserError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected), atomic_write(tmp_path / "file") as file:
        file.write(b"half")
        raise error
    assert content(tmp_path) == {"file": "earlier"}


def test_a_place_that_takes_no_file_is_one_line_and_keeps_no_temporary_one(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(UserError, match=r"file: cannot write: Is a directory; the earlier file"):
        write_text(tmp_path / "file", "text")
    assert content(tmp_path) == {}
    (tmp_path / "plain").touch()
    with pytest.raises(UserError, match=r"plain/file: cannot write: (Not a directory|File exists)"):
        write_text(tmp_path / "plain" / "file", "text")


@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
def test_a_failure_of_each_step_keeps_no_temporary_file(tmp_path, monkeypatch, step):
    def fail(*_):
        raise OSError(errno.EIO, "Input/output error", "somewhere")

    monkeypatch.setattr(os if step == "fsync" else Path, step, fail)
    with pytest.raises(UserError, match=r"file: cannot write: Input/output error"):
        write_text(tmp_path / "file", "text")
    assert content(tmp_path) == {}


def test_a_file_that_the_block_cannot_read_is_not_told_as_the_one_it_writes(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"), atomic_write(tmp_path / "file") as file:
        file.write((tmp_path / "absent").read_bytes())
    assert content(tmp_path) == {}
