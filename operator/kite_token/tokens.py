"""The contents of a derived Secret as one value that does not show itself, and the errors that reading it can raise.

    KiteTokenError
    +-- TokenMissing     the folder or a key is not there
    +-- TokenInvalid     a value cannot be used, or a file cannot be read
    +-- ClientChanged    the folder now belongs to another client ID

Messages name the folder and the key, never a value: a wrongly filled Secret may hold anything under any key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

KEYS = ("api_key", "access_token", "user_id", "expires_at")
"""The keys of a derived Secret, as kite-operator's docs/reference.md lists them."""
LONGEST_VALUE_BYTES = 4096


class KiteTokenError(Exception):
    """The folder gives no token to work with."""


class TokenMissing(KiteTokenError):
    """The folder, or a key in it, is not there: the Secret is not mounted, or was emptied."""


class TokenInvalid(KiteTokenError):
    """A value cannot be used, or its file cannot be read."""


class ClientChanged(KiteTokenError):
    """The folder holds the token of another client than before: a running program is not moved to another account."""


@dataclass(frozen=True, slots=True)
class Token:
    """One published session. The repr shows whose it is and until when, and neither of the two secrets.

    `expires_at` is aware. It is the conservative end that the operator publishes, the first 06:00 Indian time after the
    login: a token may be dead before, after a logout for example, and in practice may live a little longer.
    """

    api_key: str
    access_token: str
    user_id: str
    expires_at: datetime

    def expired(self, now: datetime) -> bool:
        """Return whether `expires_at` has passed at `now`, which must be aware: a naive one raises ValueError."""
        if now.utcoffset() is None:
            raise ValueError("now must be an aware datetime, such as datetime.now(UTC)")
        return now >= self.expires_at

    def __repr__(self) -> str:
        return (
            f"Token(api_key=***, access_token=***, user_id={self.user_id!r}, expires_at={self.expires_at.isoformat()})"
        )


def parse_token(folder: Path, values: Mapping[str, bytes]) -> Token:
    """The token that the files of one generation make up; TokenMissing and TokenInvalid name every key at fault."""
    missing = [key for key in KEYS if key not in values]
    if missing:
        raise TokenMissing(f"{folder} has no {', '.join(missing)}: is it the Secret of a KiteCredential's spec.target?")
    texts = {key: text for key in KEYS if (text := _text(values[key])) is not None}
    problems = [f"{key} is empty, too long, or not one word of printable ASCII" for key in KEYS if key not in texts]
    expires_at = _moment(texts.get("expires_at", ""))
    if expires_at is None and "expires_at" in texts:
        problems.append("expires_at is not a time with a zone, such as 2026-03-03T06:00:00+05:30")
    if problems or expires_at is None:
        raise TokenInvalid(f"{folder}: {'; '.join(problems)}")
    return Token(texts["api_key"], texts["access_token"], texts["user_id"], expires_at)


def _text(value: bytes) -> str | None:
    """One word that may go into a header, or None; a newline at the end, as an editor leaves it, is no harm."""
    text = value.decode("ascii", errors="replace").rstrip("\r\n")
    usable = 0 < len(text) <= LONGEST_VALUE_BYTES and text.isascii() and text.isprintable() and " " not in text
    return text if usable else None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.utcoffset() is not None else None
