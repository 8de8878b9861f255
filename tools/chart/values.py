"""Reads values.yaml with its comments: the one description of every value."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

_KEY = re.compile(r"( *)([A-Za-z]\w*):(?: |$)")


class Undescribed(ValueError):
    """A value without a comment above it."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value: its path, its default and what the comment above it says. A group has further values below it."""

    path: tuple[str, ...]
    default: Any
    text: str
    is_group: bool

    @property
    def name(self) -> str:
        """The path as people write it."""
        return ".".join(self.path)


def read(text: str) -> tuple[Value, ...]:
    """Every value in order; Undescribed names those that nothing is said of."""
    defaults = yaml.safe_load(text)
    comments = dict(_comments(text))
    found = tuple(_walk((), defaults, comments))
    silent = [each.name for each in found if not each.text and not each.is_group]
    if silent:
        raise Undescribed(f"values.yaml says nothing of {', '.join(silent)}")
    return found


def _comments(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """The comment right above each key of block style, by the key's path."""
    above: list[str] = []
    path: list[tuple[int, str]] = []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            above.append(line.lstrip()[1:].strip())
            continue
        key = _KEY.match(line)
        if key is not None:
            path = [(depth, name) for depth, name in path if depth < len(key[1])] + [(len(key[1]), key[2])]
            yield tuple(name for _, name in path), " ".join(above)
        above = []


def _walk(
    above: tuple[str, ...], values: Mapping[str, Any], comments: Mapping[tuple[str, ...], str]
) -> Iterator[Value]:
    for key, default in values.items():
        path = (*above, key)
        is_group = any(text for other, text in comments.items() if other[:-1][: len(path)] == path)
        yield Value(path, default, comments.get(path, ""), is_group)
        if is_group:
            yield from _walk(path, default, comments)
