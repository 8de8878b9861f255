"""Sensitive: a string that is never shown, as the first line of defence against leaks (P4)."""

import json
import re
from base64 import b64encode
from typing import Never
from urllib.parse import quote, quote_plus
from weakref import WeakValueDictionary

HIDDEN = "***"
SHORTEST_HIDDEN = 6
"""Length of the shortest text that is hidden: a shorter one would be found in the middle of words."""
_HEX = re.compile("%[0-9A-F]{2}")


class Sensitive:
    """A secret text whose `repr`, `str` and format never show it; `reveal()` is the only way to the text.

    It is no dataclass: `dataclasses.asdict` of a value that holds one would show the text of a field. `asdict`, pickle
    and copy refuse this class.
    """

    __slots__ = ("__weakref__", "_forms", "_text")

    _text: str
    _forms: frozenset[str] | None

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "_text", text)
        object.__setattr__(self, "_forms", None)
        _LIVE[id(self)] = self

    def reveal(self) -> str:
        """Return the text itself: call it only where the text is sent to its one destination."""
        return self._text

    def forms(self) -> frozenset[str]:
        """Return the text as it may be in an address, a header, a Secret's data, or a quotation; computed once."""
        forms = self._forms
        if forms is None:
            forms = _forms_of(self._text)
            object.__setattr__(self, "_forms", forms)
        return forms

    def __repr__(self) -> str:
        return "Sensitive(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, _spec: str) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, Sensitive) else NotImplemented

    def __hash__(self) -> int:
        return hash((Sensitive, self._text))

    def __setattr__(self, _name: str, _value: object) -> Never:
        raise AttributeError("a Sensitive value is never changed")

    def __delattr__(self, _name: str) -> Never:
        raise AttributeError("a Sensitive value is never changed")

    def __reduce__(self) -> Never:
        raise TypeError("a Sensitive value is never pickled or copied")


_LIVE: "WeakValueDictionary[int, Sensitive]" = WeakValueDictionary()
"""The secrets that the process holds at the moment, by identity: equal ones may be released at different times."""


def hide(text: str) -> str:
    """Return `text` without any secret that the process holds at the moment: the last line of defence."""
    held = [reference() for reference in _LIVE.valuerefs()]
    found = {form for each in held if each is not None for form in each.forms() if form in text}
    for form in sorted(found, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text


def _forms_of(secret: str) -> frozenset[str]:
    """Return the text plain, percent-encoded, escaped as by JSON and Python, and in base64, alone or within a text."""
    if len(secret) < SHORTEST_HIDDEN:
        return frozenset()
    raw = secret.encode(errors="surrogatepass")
    encoded = (quote(raw, safe=""), quote(raw), quote_plus(raw))
    lower = tuple(_HEX.sub(lambda found: found[0].lower(), each) for each in encoded)
    escaped = (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
    base64 = (b64encode(raw).decode(), *(_core(raw, offset) for offset in range(3)))
    in_address = tuple(each.replace("+", "-").replace("/", "_") for each in base64)
    return frozenset((secret, *encoded, *lower, *escaped, *base64, *in_address))


def _core(raw: bytes, offset: int) -> str:
    """Return the part of the base64 of `raw` after `3n + offset` bytes that depends on `raw` alone."""
    whole = b64encode(bytes(offset) + raw).decode()
    return whole[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6]
