# SPDX-License-Identifier: Apache-2.0
"""Which code decides what a stage writes: derived from the imports, so that no list can forget a module.

The room `base` is left out: it knows nothing of networks, and a better error message must not train again. So are
imports for type checkers alone.
"""

import ast
from functools import cache
from pathlib import Path

from xnorfpga.base.files import sha256

PACKAGE = Path(__file__).resolve().parents[1]
LEFT_OUT = ("base",)
DATA = ("*.html", "*.toml", "*.json")  # beside a stage's own module


@cache
def digest(module: str, spawns: tuple[str, ...] = ()) -> str:
    """Return the SHA-256 of all code that a stage runs (module names as in `rtl.simulate`)."""
    return sha256(*(file.read_bytes() for file in files(module, spawns)))


def files(module: str, spawns: tuple[str, ...] = ()) -> list[Path]:
    """Return the package's files that a module runs or reads, in order of their names."""
    found: set[Path] = set()
    for each in (module, *spawns):
        _follow(_file(each), found)
    for pattern in DATA:
        found.update(_file(module).parent.glob(pattern))
    return sorted(found)


def _follow(file: Path, found: set[Path]) -> None:
    if file in found or file.relative_to(PACKAGE).parts[0] in LEFT_OUT:
        return
    found.add(file)
    for module in imports(file):
        _follow(_file(module), found)


@cache
def imports(file: Path) -> tuple[str, ...]:
    """Return the package's modules that a file imports anywhere, except for type checkers alone."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting += node.orelse
            continue
        waiting += ast.iter_child_nodes(node)
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [str(node.module)]
        for name in names:
            first, _, module = name.partition(".")
            if first == PACKAGE.name and module and _exists(module):
                found.add(module)
    return tuple(sorted(found))


def _exists(module: str) -> bool:
    return _file(module).is_file()


def _file(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
