# SPDX-License-Identifier: Apache-2.0
"""Running external tools: output, exit codes, and nothing left behind by an interrupt."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xnorfpga.base import process
from xnorfpga.base.errors import UserError


def ignore(line: str) -> str | None:
    return None


def test_output_goes_to_the_log_and_to_the_progress_line(tmp_path: Path) -> None:
    seen: list[str] = []
    log = tmp_path / "log"
    seconds = process.run(
        ["sh", "-c", "echo one; echo two >&2; pwd"], tmp_path, log, "sh", lambda line: seen.append(line)
    )
    assert log.read_text() == f"one\ntwo\n{tmp_path}\n" == "".join(seen)
    assert 0 < seconds < 10


@pytest.mark.parametrize(("script", "said"), [("exit 3", "exit code 3"), ("kill -9 $$", "killed by SIGKILL")])
def test_a_failure_is_told(script: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(process.Failed, match=said):
        process.run(["sh", "-c", script], tmp_path, tmp_path / "log", "sh", ignore)


def test_what_cannot_be_started_or_logged_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="absent: cannot run"):
        process.run([str(tmp_path / "absent")], tmp_path, tmp_path / "log", "absent", ignore)
    with pytest.raises(UserError, match="log: cannot write"):
        process.run(["sh", "-c", "echo"], tmp_path, tmp_path / "no" / "log", "sh", ignore)


TOOL = "sleep 300 & echo $! > child; echo $$ > parent; echo started; wait"


def test_an_interrupt_ends_the_tool_and_its_children(tmp_path: Path) -> None:
    def interrupt(line: str) -> str | None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process.run(["sh", "-c", TOOL], tmp_path, tmp_path / "log", "sh", interrupt)
    _assert_gone(tmp_path)


def test_a_child_that_does_not_listen_is_ended_by_force(tmp_path: Path) -> None:
    """The tool itself goes at once, and one that it started, deaf to SIGTERM, would stay."""

    def interrupt(line: str) -> str | None:
        raise KeyboardInterrupt

    deaf = "(trap '' TERM; sleep 300) & echo $! > child; echo $$ > parent; echo started; wait"
    with pytest.raises(KeyboardInterrupt):
        process.run(["sh", "-c", deaf], tmp_path, tmp_path / "log", "sh", interrupt)
    _assert_gone(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("how", ["process.run(command, here, here / 'log', 'sh', lambda line: None)", "wait(command)"])
def test_a_signal_ends_the_tool_and_its_children(tmp_path: Path, number: int, how: str) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom xnorfpga.base import process\n"
        "here = Path(sys.argv[1])\ncommand = ['sh', '-c', sys.argv[2]]\n"
        "def wait(command):\n"
        "    with process.started(command, here) as child:\n"
        "        child.wait()\n"
        f"with process.ended_by_signals():\n    {how}\n"
    )
    ours = subprocess.Popen([sys.executable, "-c", script, str(tmp_path), TOOL], stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "parent").exists() or not (tmp_path / "parent").read_text():
        assert ours.poll() is None
        time.sleep(0.05)
    ours.send_signal(number)
    assert ours.wait(20) == 128 + number
    assert ours.stderr is not None and ours.stderr.read() == ""
    _assert_gone(tmp_path)


@pytest.mark.parametrize(
    ("number", "raised"),
    [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit), (signal.SIGHUP, SystemExit)],
)
def test_a_signal_while_a_tool_starts_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, raised: type[BaseException]
) -> None:
    """The tool runs already, and Python does not know its number yet."""
    fork_exec = subprocess._fork_exec  # type: ignore[attr-defined]

    def interrupted(*arguments: object) -> int:
        pid = fork_exec(*arguments)
        while not (tmp_path / "parent").exists() or not (tmp_path / "parent").read_text():
            time.sleep(0.05)
        os.kill(os.getpid(), number)
        return pid

    monkeypatch.setattr(subprocess, "_fork_exec", interrupted)
    with pytest.raises(raised), process.ended_by_signals(), process.started(["sh", "-c", TOOL], tmp_path):
        pass
    _assert_gone(tmp_path)


def test_signals_are_ours_only_inside_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "getsignal", {signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_IGN}.get)
    taken: list[tuple[int, object]] = []
    monkeypatch.setattr(signal, "signal", lambda number, handler: taken.append((number, handler)))
    with process.ended_by_signals():
        assert [number for number, _ in taken] == [signal.SIGTERM]  # nohup has SIGHUP ignored
    assert taken[1:] == [(signal.SIGTERM, signal.SIG_DFL)]


def _assert_gone(directory: Path) -> None:
    for name in ("parent", "child"):
        pid = int((directory / name).read_text())
        for _ in range(50):  # an orphan is reaped by init, which may take a moment
            if not _runs(pid):
                break
            time.sleep(0.1)
        assert not _runs(pid), f"the {name} is still there"


def _runs(pid: int) -> bool:
    """True for a process that is there and no zombie."""
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
