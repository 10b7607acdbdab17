# SPDX-License-Identifier: Apache-2.0
"""Runs external tools: output in a log file, one line of progress, and no orphan after Ctrl-C or SIGTERM."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tqdm import tqdm

from xnorfpga.base.errors import UserError

PATIENCE_S = 5.0  # what a tool gets to end by itself


class Failed(Exception):
    """The tool ended with a non-zero exit code."""


def run(command: list[str], directory: Path, log: Path, name: str, progress: Callable[[str], str | None]) -> float:
    """Run `command` in `directory`, its stdout and stderr going to `log`; returns the seconds it took.

    `progress` turns a line of output into what the progress line shows, None to leave it.

    Raises Failed for a non-zero exit code, UserError where the command cannot be started or the log not be written. An
    interrupt ends the tool and all it has started.
    """
    start = time.monotonic()
    with _opened(log) as file, tqdm(bar_format="{desc} [{elapsed}]", desc=name, disable=None) as bar:
        with started(command, directory) as child:
            assert child.stdout is not None
            for line in child.stdout:
                file.write(line)
                shown = progress(line.decode(errors="replace"))
                if shown:
                    bar.set_description_str(f"{name}: {shown[:80]}", refresh=False)
                    bar.update(0)
            code = child.wait()
        seconds = time.monotonic() - start
        bar.set_description_str(f"{name}: {'done' if code == 0 else f'failed, exit code {code}'}")
    if code != 0:
        raise Failed(f"exit code {code}" if code > 0 else f"killed by {signal.Signals(-code).name}")
    return seconds


@contextmanager
def started(
    command: Sequence[str],
    directory: Path,
    environment: Mapping[str, str] | None = None,
    output: IO[bytes] | int = subprocess.PIPE,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start `command` in a session of its own; the block gets the process.

    Its stdout and stderr go to `output` as one, by default to the block, which reads them.

    Whatever exception leaves the block, an interrupt too, ends the process and all it has started.

    Raises UserError where it cannot be started.
    """
    child = None
    try:
        with _signals_wait():  # between the start of a process and the moment that its number is known
            child = _start(command, directory, environment, output)
        yield child
    except BaseException:
        if child is not None:
            _end(child)
        raise


def _start(
    command: Sequence[str], directory: Path, environment: Mapping[str, str] | None, output: IO[bytes] | int
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise UserError(f"{command[0]}: cannot run: {error.strerror or error}") from None


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Handle signals that would raise an exception inside the block at its end instead."""
    came: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    ours = {number: handler for number, handler in handlers.items() if callable(handler)}
    if threading.current_thread() is not threading.main_thread():
        ours = {}  # Python has signals handled by the main thread alone
    for number in ours:
        signal.signal(number, lambda arrived, _frame: came.append(arrived))
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP leave the block by an exception, as Ctrl-C does, so that nothing is left running.

    A signal that is ignored, as SIGHUP is under nohup, stays ignored.
    """

    def leave(number: int, _frame: Any) -> None:
        raise SystemExit(128 + number)

    ours = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        ours = []  # Python has signals handled by the main thread alone
    for number in ours:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def _opened(log: Path) -> Iterator[IO[bytes]]:
    try:
        with log.open("wb") as file:
            yield file
    except OSError as error:
        raise UserError(f"{log}: cannot write: {error.strerror or error}") from None


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a process and all it has started, by force what does not end by itself."""
    try:
        _signal(child, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(PATIENCE_S)
    finally:  # a second Ctrl-C ends the patience
        _signal(child, signal.SIGKILL)


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)
