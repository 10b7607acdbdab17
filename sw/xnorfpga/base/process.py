# SPDX-License-Identifier: Apache-2.0
"""Runs a long external tool: its output in a log file, one line of progress, and no orphan after Ctrl-C."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from xnorfpga.base.errors import UserError


class Failed(Exception):
    """The tool ended with a non-zero exit code."""


def run(command: list[str], directory: Path, log: Path, name: str, progress: Callable[[str], str | None]) -> float:
    """Run `command` in `directory`, its stdout and stderr going to `log`; returns the seconds it took.

    `progress` turns a line of output into what the progress line shows, None to leave it.

    Raises Failed for a non-zero exit code, UserError where the command cannot be started or the log not be written. An
    interrupt ends the tool and all it has started.
    """
    start = time.monotonic()
    try:
        process = subprocess.Popen(
            command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise UserError(f"{command[0]}: cannot run: {error.strerror or error}") from None
    assert process.stdout is not None
    try:
        with log.open("wb") as file, tqdm(bar_format="{desc} [{elapsed}]", desc=name, disable=None) as bar:
            for line in process.stdout:
                file.write(line)
                shown = progress(line.decode(errors="replace"))
                if shown:
                    bar.set_description_str(f"{name}: {shown[:80]}", refresh=False)
                    bar.update(0)
            code = process.wait()
            seconds = time.monotonic() - start
            bar.set_description_str(f"{name}: {'done' if code == 0 else f'failed, exit code {code}'}")
    except OSError as error:
        _end(process)
        raise UserError(f"{log}: cannot write: {error.strerror or error}") from None
    except BaseException:
        _end(process)
        raise
    if code != 0:
        raise Failed(f"exit code {code}" if code > 0 else f"killed by {signal.Signals(-code).name}")
    return seconds


def _end(process: subprocess.Popen) -> None:
    """End a process and its children, by force if they take more than a few seconds."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
            return
