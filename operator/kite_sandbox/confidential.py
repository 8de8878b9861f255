"""Secrets as a type that cannot be printed by accident, and the source of new ones.

The sandbox's credentials are made up, but its log lines and tracebacks follow the same rule as the operator's: no
secret, ever.
"""

import hashlib
import hmac
import random
import string

_ALPHABET = string.ascii_letters + string.digits
_BASE32 = string.ascii_uppercase + "234567"


class Secret:
    """A confidential text: `repr` and `str` are redacted, `reveal()` is explicit."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def matches(self, given: str) -> bool:
        """Return whether `given` is the same text, compared in constant time."""
        return hmac.compare_digest(self._value.encode(), given.encode())

    @property
    def fingerprint(self) -> str:
        """The hex SHA-256 of the text, safe to show and to index by."""
        return fingerprint(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other.reveal())

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret(redacted)"

    __str__ = __repr__


def fingerprint(value: str) -> str:
    """The hex SHA-256 of `value`."""
    return hashlib.sha256(value.encode()).hexdigest()


def normalise_totp_secret(value: str) -> str:
    """A base32 secret as pyotp takes it: people paste them with spaces, dashes and in lower case."""
    return "".join(value.split()).replace("-", "").upper()


class Mint:
    """Makes tokens of the lengths that Kite's have; its randomness is an argument so that a test can repeat it."""

    def __init__(self, source: random.Random) -> None:
        self._source = source

    def text(self, length: int = 32) -> str:
        """`length` random letters and digits."""
        return "".join(self._source.choices(_ALPHABET, k=length))

    def secret(self, length: int = 32) -> Secret:
        """The same as a Secret."""
        return Secret(self.text(length))

    def digits(self, length: int) -> str:
        """`length` random decimal digits."""
        return "".join(self._source.choices(string.digits, k=length))

    def totp_secret(self) -> Secret:
        """A base32 secret of 160 bits."""
        return Secret("".join(self._source.choices(_BASE32, k=32)))

    def shuffled(self, items: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """The same pairs in a random order."""
        return self._source.sample(items, k=len(items))
