"""A string that does not show itself: the first line of defence against leaks (P4)."""

from typing import Never
from weakref import WeakValueDictionary

HIDDEN = "***"
SHORTEST_HIDDEN = 6
"""A shorter text would be found in the middle of words."""


class Sensitive:
    """A secret text whose `repr`, `str` and format never show it; `reveal()` is the only way to the text.

    Not a dataclass: `dataclasses.asdict` of what holds one would show the text of a field. This one is refused there,
    and by pickle and copy.
    """

    __slots__ = ("__weakref__", "_text")

    _text: str

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "_text", text)
        _LIVE[id(self)] = self

    def reveal(self) -> str:
        """The text itself: call it where the text leaves for its one destination, and nowhere else."""
        return self._text

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
"""The secrets that the process holds at the moment, by their identity: equal ones may end apart."""


def hide(text: str) -> str:
    """`text` without any secret that the process holds at the moment: the last line of defence, not the first."""
    held = [reference() for reference in _LIVE.valuerefs()]
    secrets = {each.reveal() for each in held if each is not None}
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_HIDDEN:
            text = text.replace(secret, HIDDEN)
    return text
