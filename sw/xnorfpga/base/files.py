# SPDX-License-Identifier: Apache-2.0
"""Files that are whole or absent, and JSON and Markdown in them."""

import hashlib
import json
import os
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from xnorfpga.base.errors import UserError


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open `path` for writing so that it appears whole or not at all.

    The bytes go to a temporary file beside it, which replaces `path` only when the block ends without an
    exception: an interrupted stage or a full disk leaves the earlier result as it was.

    Raises UserError where the disk does not take the file. A fault of another file, which the block reads, is left to
    whoever wrote the block.
    """
    temporary, inside = None, False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            inside = True
            yield file
            inside = False
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if inside and error.filename:
            raise
        raise UserError(
            f"{path}: cannot write: {error.strerror or error}; the earlier file, if any, is unchanged"
        ) from None
    finally:
        if temporary:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with atomic_write(path) as file:
        file.write(text.encode())


def write_block(page: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- /name -->` in a Markdown page.

    Raises UserError where the page has no such block.
    """
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise UserError(f"{page}: no block between {begin.strip()} and {end}")
    write_text(page, f"{before}{begin}{text}\n{end}{after}")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON, whole or not at all, the same bytes for the same value."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file that an earlier stage wrote.

    Raises UserError where it is absent or not JSON, naming the file.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run the stage that writes it (`doit list` shows them)") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid JSON ({error}); delete it and run doit again") from None


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises UserError, one line, where it cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot read: {error.strerror}") from None
    except RecursionError:
        raise UserError(f"{path}: not valid TOML: nested too deep") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid TOML: {str(error).splitlines()[0]}") from None
    except ValueError:  # Python reads no number of thousands of digits
        raise UserError(f"{path}: not valid TOML: a number has thousands of digits") from None


def sha256(*parts: bytes) -> str:
    """Return the SHA-256 of the parts' concatenation as 64 hex digits."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
