# SPDX-License-Identifier: Apache-2.0
"""What a terminal or a pipe cannot take is no reason to fail."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def replace_unknown_signs() -> None:
    """Show a question mark for each sign that the output's encoding lacks, such as µ in ASCII."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


@contextmanager
def readers_may_leave() -> Iterator[None]:
    """End the block quietly where the reader of our output, such as head, has seen enough."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()  # here, and not when Python ends
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
