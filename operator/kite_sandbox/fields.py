"""Reading a JSON object field by field, so that one answer tells the user of the admin API every mistake at once."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

ValueT = TypeVar("ValueT")
DefaultT = TypeVar("DefaultT")

NOTHING: Mapping[str, Any] = {}
"""The default of a field that holds an object."""


class BadRequest(ValueError):
    """The input is invalid; the text holds one line per problem."""


class Fields:
    """One JSON object being read. `finish` raises BadRequest with all problems, unknown fields among them."""

    def __init__(self, data: object, where: str = "body") -> None:
        if not isinstance(data, Mapping):
            raise BadRequest(f"{where}: must be an object")
        self._data: Mapping[str, Any] = data
        self._where = where
        self._seen: set[str] = set()
        self._problems: list[str] = []

    def __contains__(self, name: str) -> bool:
        return name in self._data

    def take(self, name: str, parse: Callable[[object], ValueT], default: DefaultT) -> ValueT | DefaultT:
        """The field through `parse` (which raises ValueError with what is wrong), or the default where it is absent."""
        self._seen.add(name)
        if name not in self._data:
            return default
        try:
            return parse(self._data[name])
        except ValueError as problem:
            self._problems.append(f"{self._where}.{name}: {problem}")
            return default

    def require(self, name: str, parse: Callable[[object], ValueT], placeholder: ValueT) -> ValueT:
        """A field that has to be there; `placeholder` stands in until `finish` raises."""
        if name not in self._data:
            self._seen.add(name)
            self._problems.append(f"{self._where}.{name}: is required")
        return self.take(name, parse, placeholder)

    def finish(self) -> None:
        """Raise if anything was wrong."""
        unknown = [f"{self._where}.{name}: no such field" for name in self._data if name not in self._seen]
        if self._problems or unknown:
            raise BadRequest("\n".join(self._problems + unknown))


def text(value: object) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text that is not empty")
    return value


def maybe_text(value: object) -> str | None:
    """A text that is not empty, or null."""
    return None if value is None else text(value)


def flag(value: object) -> bool:
    """Either true or false."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004 - the reader collects ValueErrors
    return value


def number(value: object) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")  # noqa: TRY004 - the reader collects ValueErrors
    return float(value)


def count(value: object) -> int:
    """A whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("must be a whole number of at least 1")
    return value


def maybe_count(value: object) -> int | None:
    """A whole number of at least 1, or null."""
    return None if value is None else count(value)


def mapping(value: object) -> Mapping[str, Any]:
    """An object."""
    if not isinstance(value, Mapping):
        raise ValueError("must be an object")  # noqa: TRY004 - the reader collects ValueErrors
    return value


def texts(value: object) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list):
        raise ValueError("must be a list of texts")  # noqa: TRY004 - the reader collects ValueErrors
    return tuple(text(item) for item in value)


def objects(value: object) -> list[Mapping[str, Any]]:
    """A list of objects."""
    if not isinstance(value, list):
        raise ValueError("must be a list of objects")  # noqa: TRY004 - the reader collects ValueErrors
    return [mapping(item) for item in value]
