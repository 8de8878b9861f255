"""The licence of each distribution as an SPDX expression, and which licences the project accepts.

Authors write their licence in three places and many ways. What cannot be read without doubt is an error: somebody reads
the licence then, and writes down here what it is.
"""

import re
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass
from typing import Final

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

ACCEPTED: Final = frozenset({"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "PSF-2.0", "ZPL-2.1"})
"""They ask that their text goes along, and little else."""

ACCEPTED_BECAUSE: Final[Mapping[str, str]] = {
    "MPL-2.0": "asks for the source of its own files when they are changed: they are passed on unchanged",
}
"""What asks for more, and why it may be used here."""

_WRITTEN: Final[Mapping[str, str]] = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "MIT License": "MIT",
    "License :: OSI Approved :: MIT License": "MIT",
}
"""Other names that mean one licence and no other."""

READ: Final[Mapping[str, str]] = {"jinja2": "BSD-3-Clause"}
"""What says `BSD` only: somebody has read which of them it is. A test looks for the third clause in the text."""


@dataclass(frozen=True, slots=True)
class Declared:
    """The licence in a distribution's metadata."""

    expression: str = ""
    licence: str = ""
    classifiers: tuple[str, ...] = ()


class Unclear(Exception):
    """Nobody can say from the metadata which licence it is."""


def licence_of(name: str, declared: Declared) -> str:
    """The SPDX expression. Raises Unclear."""
    for text in (declared.expression, declared.licence, *declared.classifiers, READ.get(name, "")):
        written = _WRITTEN.get(text.strip(), text.strip())
        try:
            return canonicalize_license_expression(written)
        except InvalidLicenseExpression:
            continue
    raise Unclear(f"{name} does not say which licence it has: read it, and add it to READ in supply_chain/licences.py")


def named_in(expression: str) -> frozenset[str]:
    """The licences that an expression names. All must be accepted, those of an `OR` too: nobody has to choose then."""
    return frozenset(re.split(r"\s+(?:AND|OR)\s+", re.sub(r"[()]", "", expression)))


def refused(expression: str) -> frozenset[str]:
    """The licences of an expression that the project does not accept."""
    return named_in(expression) - ACCEPTED - ACCEPTED_BECAUSE.keys()


def problems(distributions: Iterable[tuple[str, Declared, Sized]]) -> list[str]:
    """Of each name, declaration and texts: what is not accepted, and what comes without its text."""
    found = []
    for name, declared, texts in distributions:
        bad = ", ".join(sorted(refused(licence_of(name, declared))))
        if bad:
            found.append(f"{name} has a licence that supply_chain/licences.py does not accept: {bad}")
        if not len(texts):
            found.append(f"{name} does not bring the text of its licence along")
    return found
