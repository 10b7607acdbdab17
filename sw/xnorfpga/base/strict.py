# SPDX-License-Identifier: Apache-2.0
"""Strict typed files: pydantic checks them, and every mistake is one line that says where it is and what is accepted.

A file's class derives from `Strict`: no unknown key, no missing one, no conversion of types, no NaN. pydantic is used
for its tagged unions and for errors that carry place and value; this module only words them.
"""

import json
import types
import typing
from pathlib import Path
from typing import Any, Self, TypeVar

import annotated_types
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from xnorfpga.base.errors import UserError
from xnorfpga.base.files import read_json, write_json

KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "a text in quotes",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a table",
    "path_type": "a text in quotes",
}
SHOWN = 60  # characters of a value in a message


class Strict(BaseModel):
    """A table whose keys are exactly the class's fields, with exactly their types; it never changes."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())


class Artefact(Strict):
    """A JSON file that one stage writes and others read."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file, strictly.

        Raises UserError, one line, where it is absent, no JSON, or not as this version writes it.
        """
        raw = read_json(path)
        try:
            return cls.model_validate_json(json.dumps(raw))
        except ValidationError as error:
            reason = explain(cls, error)
            raise UserError(f"{path}: {reason}; it was not written by this version: run doit again") from None

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        write_json(path, self.model_dump(mode="json", by_alias=True))


Model = TypeVar("Model", bound=BaseModel)


def check(cls: type[Model], raw: Any, path: Path | str) -> Model:
    """Return `raw` (tables and lists, as from TOML or JSON) as the class `cls`.

    Raises UserError, one line that starts with `path`, for the first mistake in it.
    """
    try:
        return cls.model_validate_json(json.dumps(raw, default=str))
    except ValidationError as error:
        raise UserError(f"{path}: {explain(cls, error)}") from None


def explain(cls: type[BaseModel], error: ValidationError) -> str:
    """Return the first mistake as `key = value: what would be accepted`."""
    mistakes = error.errors(include_url=False)
    unknown = [mistake for mistake in mistakes if mistake["type"] == "extra_forbidden"]
    mistake = (unknown or mistakes)[0]  # a mistyped key is also a missing one: name what is there
    kind, place, value = mistake["type"], mistake["loc"], mistake["input"]
    key = dotted(place)
    owner, field = find(cls, place)
    if kind == "missing":
        return f"{key} is missing; needed: {', '.join(owner.model_fields)}"
    if kind == "extra_forbidden":
        return f"{key} = {show(value)}: unknown key; accepted: {', '.join(owner.model_fields)}"
    if kind in ("model_type", "model_attributes_type"):
        table = owner if field is None else _model(field.annotation)
        keys = f" with {', '.join(table.model_fields)}" if table else ""
        return f"{key} = {show(value)}: accepted: a table{keys}"
    if kind == "value_error":  # a validator of ours
        return f"{key} = {show(value)}: {mistake['ctx']['error']}" if key else str(mistake["ctx"]["error"])
    if kind == "literal_error":
        accepted = mistake["ctx"]["expected"]
    elif kind.startswith(("greater_than", "less_than")):
        accepted = _range(field) or mistake["msg"]
    else:
        accepted = KINDS.get(kind, mistake["msg"][:1].lower() + mistake["msg"][1:])
    return f"{key} = {show(value)}: accepted: {accepted}"


def show(value: Any) -> str:
    """Return a value as it stands in a file, short enough for one line."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def dotted(place: tuple[int | str, ...]) -> str:
    """Return pydantic's place as a key: `folding.layers[0].pe`."""
    key = ""
    for part in place:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    return key


def find(cls: type[BaseModel], place: tuple[int | str, ...]) -> tuple[type[BaseModel], FieldInfo | None]:
    """Return the class that owns the last key of a place, and the key's field (None for an unknown key)."""
    owner, field = cls, None
    for number, part in enumerate(place):
        if isinstance(part, int):
            continue
        if number and field is not None and (table := _model(field.annotation)):
            owner = table
        field = owner.model_fields.get(part)
    return owner, field


def _model(annotation: Any) -> type[BaseModel] | None:
    """Return the first class of a table in an annotation such as `tuple[Fold, ...]` or `Fold | None`."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    return next((found for part in typing.get_args(annotation) if (found := _model(part))), None)


def _range(field: FieldInfo | None) -> str:
    """Return a field's range as `1 to 64`."""
    low = high = None
    for rule in field.metadata if field else ():
        for each in rule if isinstance(rule, annotated_types.GroupedMetadata) else (rule,):
            low = getattr(each, "ge", low)
            high = getattr(each, "le", high)
    if low is None or high is None:
        return ""
    return f"{low:,} to {high:,}".replace(",", "") if isinstance(low, int) else f"{low:g} to {high:g}"
