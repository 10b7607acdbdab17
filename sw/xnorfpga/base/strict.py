# SPDX-License-Identifier: Apache-2.0
"""Strict typed files: pydantic checks them, and every mistake is one line that says where it is and what is accepted.

A file's class derives from `Strict`: no unknown key, no missing one, no conversion of types, no NaN. pydantic is used
for its tagged unions and for errors that carry place and value; this module only words them.
"""

import json
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, TypeVar

import annotated_types
from pydantic import BaseModel, ConfigDict, Tag, ValidationError
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
    except RecursionError:
        raise UserError(f"{path}: nested too deep") from None
    except ValidationError as error:
        raise UserError(f"{path}: {explain(cls, error)}") from None


def explain(cls: type[BaseModel], error: ValidationError) -> str:
    """Return the first mistake as `key = value: what would be accepted`."""
    mistakes = error.errors(include_url=False)
    unknown = [mistake for mistake in mistakes if mistake["type"] == "extra_forbidden"]
    mistake = (unknown or mistakes)[0]  # a mistyped key is also a missing one: name what is there
    kind, value = mistake["type"], mistake["input"]
    if kind == "json_invalid":  # the values came from a file that was read: only their depth can be wrong
        return "nested too deep"
    found = find(cls, mistake["loc"])
    key, field = dotted(found.place), found.field
    if kind == "missing":
        return f"{key} is missing; needed: {', '.join(found.owner.model_fields)}"
    if kind == "extra_forbidden":
        return f"{key} = {show(value)}: unknown key; accepted: {', '.join(found.owner.model_fields)}"
    if kind == "value_error":  # a validator of ours
        return f"{key} = {show(value)}: {mistake['ctx']['error']}" if key else str(mistake["ctx"]["error"])
    if kind in ("model_type", "model_attributes_type"):
        accepted = _table(found.owner if field is None else _model(field.annotation))
    elif found.choices:
        accepted = ", or ".join(map(_describe, found.choices))
    elif kind.startswith(("greater_than", "less_than", "finite")):
        accepted = _range(field) or KINDS.get(kind, mistake["msg"])
    elif kind == "too_long":
        accepted = f"at most {mistake['ctx']['max_length']} entries"
    elif kind == "literal_error":
        accepted = mistake["ctx"]["expected"]
    else:
        accepted = KINDS.get(kind, mistake["msg"][:1].lower() + mistake["msg"][1:])
    return f"{key} = {show(value)}: accepted: {accepted}" if key else f"{show(value)}: accepted: {accepted}"


def show(value: Any) -> str:
    """Return a value as it stands in a file, short enough for one line."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def dotted(place: tuple[int | str, ...]) -> str:
    """Return a place as a key: `folding.layers[0].pe`."""
    key = ""
    for part in place:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    return key


class Place(NamedTuple):
    """Where a mistake is.

    place: keys and positions as in the file. owner: class of the table that holds the last key. field: the key's field,
    None for an unknown one. choices: what the key's value may be, where it is a choice of several kinds.
    """

    place: tuple[int | str, ...]
    owner: type[BaseModel]
    field: FieldInfo | None
    choices: tuple[Any, ...]


def find(cls: type[BaseModel], place: tuple[int | str, ...]) -> Place:
    """Return where pydantic's place is in a file of the class `cls`; pydantic names the kind of a choice in it."""
    owner: type[BaseModel] = cls
    field: FieldInfo | None = None
    annotation: Any = None
    choices: dict[str, Any] = {}
    written: list[int | str] = []
    for part in place:
        if part in choices:
            annotation, choices = choices[str(part)], {} if _model(choices[str(part)]) else choices
            continue
        written.append(part)
        choices = {}
        if isinstance(part, int):
            continue
        if field is not None and (table := _model(annotation)):
            owner = table
        field = owner.model_fields.get(part)
        annotation = field.annotation if field else None
        choices = _choices(annotation)
    return Place(tuple(written), owner, field, tuple(choices.values()))


def _choices(annotation: Any) -> dict[str, Any]:
    """Return the kinds of a tagged union by tag, empty for any other annotation."""
    parts = typing.get_args(annotation)
    tagged = [(rule.tag, part) for part in parts for rule in getattr(part, "__metadata__", ()) if isinstance(rule, Tag)]
    return dict(tagged)


def _describe(annotation: Any) -> str:
    """Return what one kind of a choice accepts."""
    base = typing.get_args(annotation)[0]
    if typing.get_origin(base) is Literal:
        return " or ".join(map(repr, typing.get_args(base)))
    return _table(base) if _model(base) else _range(annotation) or str(base)


def _table(cls: type[BaseModel] | None) -> str:
    return f"a table with {', '.join(cls.model_fields)}" if cls else "a table"


def _model(annotation: Any) -> type[BaseModel] | None:
    """Return the first class of a table in an annotation such as `tuple[Fold, ...]` or `Fold | None`."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    return next((found for part in typing.get_args(annotation) if (found := _model(part))), None)


def _rules(annotation: Any) -> Iterator[Any]:
    """Yield the rules in an annotation, those of a list's entries included."""
    for rule in (*getattr(annotation, "metadata", ()), *getattr(annotation, "__metadata__", ())):
        if isinstance(rule, FieldInfo):
            yield from _rules(rule)
        else:
            yield from rule if isinstance(rule, annotated_types.GroupedMetadata) else (rule,)
    for part in typing.get_args(getattr(annotation, "annotation", annotation)):
        yield from _rules(part)


def _range(annotation: Any) -> str:
    """Return the least and the greatest accepted number as `1 to 64`, or `1` where both are; empty without them."""
    rules = list(_rules(annotation))
    least = next((rule.ge for rule in rules if hasattr(rule, "ge")), None)
    most = next((rule.le for rule in rules if hasattr(rule, "le")), None)
    if least is None or most is None:
        return ""
    texts = [str(value) if isinstance(value, int) else f"{value:g}" for value in (least, most)]
    return " to ".join(dict.fromkeys(texts))
