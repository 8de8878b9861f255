"""Status as the API server stores it: dataclasses that are parsed and dumped by the declaration of their fields.

A field is stored under its name in camelCase, or under what `stored_as` gives. Its type is a text, a whole number, a
time (RFC 3339), an enumeration, another such dataclass, or a tuple of these; `X | None` where it may be absent.

Parsing is tolerant: a value that is missing, empty or of another type counts as absent, and nothing raises. Dumping is
for a merge patch, which merges objects: an empty field becomes None, by which the stored one is removed.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache, partial
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin

from kite_operator.model.expiry import parse_rfc3339, rfc3339

T = TypeVar("T")

_STORED_AS = "stored_as"
_EMPTY = ("", None, ())

INLINE = {_STORED_AS: ""}
"""Metadata of a field whose own fields are stored beside the others, as by `json:",inline"` in Go."""


def stored_as(name: str) -> dict[str, str]:
    """Return the metadata of a field that is not stored under its name in camelCase."""
    return {_STORED_AS: name}


def parse_manifest(kind: type[T], raw: object) -> T | None:
    """Return the value of an object; None for anything else, and when a field without a default is absent."""
    parsed: T | None = _parse(kind, raw)
    return parsed


def parse_all(kind: type[T], raw: object) -> tuple[T, ...]:
    """Return the values of a list: a text that an entry lacks is empty, and an entry that is no object is left out."""
    entries = raw if isinstance(raw, list) else ()
    parsed = (_parse(kind, each, missing="") for each in entries)
    return tuple(each for each in parsed if each is not None)


def as_manifest(value: object) -> dict[str, Any]:
    """Return the value as an object of a merge patch."""
    kind: Any = type(value)
    manifest: dict[str, Any] = {}
    for each in _stored_fields(kind):
        found = getattr(value, each.name)
        if each.stored:
            manifest[each.stored] = _dump(found) if each.needed or found not in _EMPTY else None
        elif found is not None:
            manifest |= as_manifest(found)
    return manifest


def without_nulls(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object as it is stored: with nothing to remove."""
    return {name: value for name, value in manifest.items() if value is not None}


@dataclass(frozen=True, slots=True)
class _StoredField:
    """A field's name in the code and in JSON (empty: inline), its parser, and whether it has no default."""

    name: str
    stored: str
    parse: Callable[[Any], Any]
    needed: bool


@cache
def _stored_fields(kind: Any) -> tuple[_StoredField, ...]:
    return tuple(
        _StoredField(each.name, _stored_name(each), _parser(each.type), each.default is MISSING)
        for each in fields(kind)
    )


def _stored_name(field: Field[Any]) -> str:
    first, *others = field.name.split("_")
    return str(field.metadata.get(_STORED_AS, first + "".join(word.capitalize() for word in others)))


def _parser(kind: Any) -> Callable[[Any], Any]:
    """Return the function that parses a value of that type, and returns None for anything else."""
    types = get_args(kind)
    if get_origin(kind) is tuple:
        return partial(parse_all, types[0])
    if NoneType in types:
        return partial(_parse, types[0]) if is_dataclass(types[0]) else _parser(types[0])
    if is_dataclass(kind):
        return partial(_parse, kind, missing="")
    if kind is datetime:
        return lambda raw: parse_rfc3339(raw) if isinstance(raw, str) else None
    if issubclass(kind, Enum):
        return lambda raw: next((each for each in kind if each.value == raw), None)
    return lambda raw: raw if isinstance(raw, kind) else None


def _parse(kind: Any, raw: object, missing: str | None = None) -> Any:
    """Parse an object; `missing` is the value of an absent field without a default, None that the object is absent."""
    if not isinstance(raw, Mapping):
        return None
    values: dict[str, Any] = {}
    for each in _stored_fields(kind):
        value = each.parse(raw.get(each.stored) if each.stored else raw)
        if value not in _EMPTY:
            values[each.name] = value
        elif each.needed and missing is None:
            return None
        elif each.needed:
            values[each.name] = missing
    return kind(**values)


def _dump(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):  # a merge patch replaces a list as a whole
        return [without_nulls(as_manifest(each)) for each in value]
    return as_manifest(value) if is_dataclass(value) else value
