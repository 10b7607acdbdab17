# SPDX-License-Identifier: Apache-2.0
"""What the docs say that follows from code or data: the stages, the files between them, the power model's figures."""

import inspect
import pkgutil
import re
import typing
from importlib import import_module
from types import ModuleType

from pydantic import BaseModel

from xnorfpga import artefacts
from xnorfpga.base.strict import Artefact
from xnorfpga.flow.stages import STAGES
from xnorfpga.report import energy


def stages() -> str:
    """Return the stages as a Markdown table."""
    lines = ["| stage | function | reads | writes |", "|---|---|---|---|"]
    for stage in STAGES:
        reads = _listed(stage.reads, stage.trained_reads, "where the network is trained")
        reads = (
            _listed((), stage.quartus_reads, f"{reads}; where Quartus is installed") if stage.quartus_reads else reads
        )
        writes = _listed(stage.writes, stage.published_writes, "of a published model")
        name = f"{stage.name} (with Quartus)" if stage.quartus else stage.name
        lines.append(f"| {name} | `{stage.module}.{stage.function}` | {reads} | {writes} |")
    return "\n".join(lines)


def files() -> str:
    """Return each file's class: what it holds, and its fields with their types, nested classes after it."""
    modules = [import_module(f"{artefacts.__name__}.{each.name}") for each in pkgutil.iter_modules(artefacts.__path__)]
    return "\n\n".join(_file(module) for module in modules)


# (page, block): what stands there
BLOCKS = {
    ("contracts.md", "stages"): stages,
    ("contracts.md", "files"): files,
    ("power.md", "energies"): energy.energies_table,
    ("power.md", "held against"): energy.ratios_table,
}


def _listed(always: tuple[str, ...], sometimes: tuple[str, ...], when: str) -> str:
    text = ", ".join(f"`{pattern}`" for pattern in always)
    extra = ", ".join(f"`{pattern}`" for pattern in sometimes)
    return "; ".join(part for part in (text, f"{when} {extra}" if extra else "") if part)


def _file(module: ModuleType) -> str:
    head = (inspect.getdoc(module) or "").splitlines()[0]
    classes = [
        each
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, BaseModel) and each.__module__ == module.__name__
    ]
    classes.sort(key=lambda each: not issubclass(each, Artefact))  # the file itself first, then its parts
    return "\n\n".join([f"### {head}", *map(_class, classes)])


def _class(table: type[BaseModel]) -> str:
    fields = "\n".join(f"{name}: {_type(field.annotation)}" for name, field in table.model_fields.items())
    text = re.sub(r"(?<!\n)\n(?!\n|\w+: )", " ", inspect.getdoc(table) or "")  # one line a paragraph
    text = re.sub(r"^(\w+): ", r"- `\1`: ", text, flags=re.MULTILINE)
    return f"**{table.__name__}.** {text}\n```\n{fields}\n```"


def _type(annotation: object) -> str:
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__name__
    return re.sub(r"\b(?:typing|\w+(?:\.\w+)*)\.(?=[A-Za-z])", "", str(annotation)).replace("NoneType", "None")
