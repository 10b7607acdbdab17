# SPDX-License-Identifier: Apache-2.0
"""Locks between processes: held by one alone or shared by several, and whoever waits says for whom."""

import fcntl
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hold(file: Path, name: str, *, shared: bool = False, ask: Sequence[Path] = ()) -> Iterator[bool]:
    """Hold the lock `file` while the block runs; gives whether another holder had to be waited for.

    Args:
        file: made where it is absent; it stays, and a link in its place is not followed.
        name: who holds it, for the line of whoever waits.
        shared: beside others that share it, not alone.
        ask: other locks whose holder may be the one that is waited for. Who shares a lock is not known from it.

    Raises OSError where the file cannot be opened. The system frees the lock of a process that was killed.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _open(file)
    try:
        how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        waited = not _try(descriptor, how)
        if waited:
            known = [who for who in map(holder, (file, *ask)) if who]
            print(f"{name} waits for {', '.join(dict.fromkeys(known)) or 'another process'}", file=sys.stderr)
            fcntl.flock(descriptor, how)
        if not shared:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{name} (process {os.getpid()})".encode())
        yield waited
    finally:
        os.close(descriptor)


def holder(file: Path) -> str | None:
    """Return who holds a lock alone, None where nobody does."""
    if not file.is_file():
        return None
    descriptor = _open(file)
    try:
        if _try(descriptor, fcntl.LOCK_SH):
            return None
        return os.read(descriptor, 1000).decode(errors="replace") or None
    finally:
        os.close(descriptor)


def _open(file: Path) -> int:
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)


def _try(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
