# SPDX-License-Identifier: Apache-2.0
"""Locks: alone or shared, and a line that names who is waited for."""

import os
import subprocess
import sys
import threading
import time

import pytest

from xnorfpga.base import locks


def waiting(capsys, *arguments, **options):
    """Start a thread that takes a lock; return it, what it said while it waits, and what it was given."""
    given = []

    def take() -> None:
        with locks.hold(*arguments, **options) as waited:
            given.append(waited)

    thread = threading.Thread(target=take)
    thread.start()
    said = ""
    while "waits" not in said and thread.is_alive():
        said += capsys.readouterr().err
        time.sleep(0.01)
    return thread, said, given


def test_one_at_a_time_and_whoever_waits_says_for_whom(tmp_path, capsys):
    file = tmp_path / "new" / "lock"
    with locks.hold(file, "train:smoke") as waited:
        assert not waited
        assert locks.holder(file) == f"train:smoke (process {os.getpid()})"
        thread, said, given = waiting(capsys, file, "export:smoke")
        assert said == f"export:smoke waits for train:smoke (process {os.getpid()})\n"
        assert given == []
    thread.join(10)
    assert given == [True]
    assert locks.holder(file) is None


def test_readers_share_and_a_writer_waits_for_them(tmp_path, capsys):
    file, own = tmp_path / "elaborate.lock", tmp_path / "simulate.lock"
    with locks.hold(own, "simulate"), locks.hold(file, "simulate", shared=True):
        with locks.hold(file, "synth", shared=True) as waited:
            assert not waited
        thread, said, given = waiting(capsys, file, "elaborate", ask=[own, tmp_path / "absent"])
        assert said == f"elaborate waits for simulate (process {os.getpid()})\n"
    thread.join(10)
    assert given == [True]


def test_another_process_is_waited_for_and_a_killed_one_is_not(tmp_path, capsys):
    file = tmp_path / "lock"
    script = (
        "import sys, time; from pathlib import Path; from xnorfpga.base import locks\n"
        "with locks.hold(Path(sys.argv[1]), 'compile'):\n    print('held', flush=True); time.sleep(300)"
    )
    command = [sys.executable, "-c", script, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        thread, said, given = waiting(capsys, file, "compile")
        assert said == f"compile waits for compile (process {other.pid})\n"
        other.kill()
    thread.join(10)
    assert given == [True]


def test_a_link_in_the_place_of_a_lock_is_not_followed(tmp_path):
    precious, file = tmp_path / "precious", tmp_path / "lock"
    precious.write_text("mine")
    file.symlink_to(precious)
    with pytest.raises(OSError, match="symbolic links"), locks.hold(file, "train"):
        pass
    assert precious.read_text() == "mine"
