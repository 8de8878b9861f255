"""A string that does not show itself: the first line of defence against leaks (P4)."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sensitive:
    """A secret text whose `repr`, `str` and format never show it; `reveal()` is the only way to the text."""

    _text: str = field(repr=False)

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

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a Sensitive value is never pickled")
