"""Reads the folder that Kubernetes mounts, whole or not at all.

The kubelet writes every change of a Secret into a new folder, then renames a symbolic link over `..data`, and only then
removes the old folder: the name that `..data` links to says which generation is current, and all keys of one generation
are read from its folder. In a folder without `..data`, on a developer's machine or mounted with `subPath`, it is the
files' inode, size and time that show a change.
"""

import os
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kite_token.tokens import KEYS, LONGEST_VALUE_BYTES, KiteTokenError, Token, TokenInvalid, TokenMissing, parse_token

if TYPE_CHECKING:
    from kiteconnect import KiteConnect

    from kite_token.reporting import Reporter

DEFAULT_FOLDER = Path("/var/run/secrets/kite")
FOLDER_VARIABLE = "KITE_TOKEN_DIR"
DEFAULT_REPORT_FOLDER = Path("/var/run/secrets/kite-operator")
REPORT_FOLDER_VARIABLE = "KITE_REPORT_DIR"
REPORT_VARIABLE = "KITE_REPORT_URL"
CURRENT = "..data"
MOST_READS = 10
"""What changes while it is read is read again, this often at most; the kubelet takes seconds between changes."""


@dataclass(frozen=True, slots=True)
class Generation:
    """The contents of a folder: their place, and a mark that is equal only while nothing has changed."""

    place: Path
    mark: tuple[object, ...]


class TokenFolder:
    """A mounted derived Secret that is followed: asked often, it reads only what has changed. Safe among threads."""

    def __init__(self, folder: "str | PathLike[str] | None" = None, *, report_url: str | None = None) -> None:
        """`report_url`, by default `KITE_REPORT_URL`, is where a dead token is reported; without either, nowhere.

        A report is made with the ServiceAccount token that `KITE_REPORT_DIR` (or else `/var/run/secrets/kite-operator`)
        holds under `token`.
        """
        self.path = Path(folder or os.environ.get(FOLDER_VARIABLE) or DEFAULT_FOLDER)
        self._held: tuple[Generation, Token] | None = None
        self._reporter = _reporter(report_url or os.environ.get(REPORT_VARIABLE))

    def __repr__(self) -> str:
        return f"TokenFolder({str(self.path)!r})"

    def token(self) -> Token:
        """The token that the folder holds now. While nothing has changed this costs one look at a symbolic link.

        Raises TokenMissing or TokenInvalid when the folder holds no whole token, also if it did before.
        """
        held = self._held
        if held is None or _generation(self.path) != held[0]:
            self._held = held = _read_settled(self.path)
        return held[1]

    def changed(self, since: Token) -> bool:
        """Return whether the folder holds another token than `since`; the same one published again is no change."""
        return self.token() != since

    def report_dead(self) -> None:
        """Tell the operator that Kite refuses the token, if it is known where; a client that follows does so itself.

        Returns at once, reports once a minute at most, and raises nothing: what comes of it is logged.
        """
        if self._reporter is not None:
            self._reporter.report()

    def client(self, **options: Any) -> "KiteConnect":
        """An official KiteConnect client that follows this folder; `options` are those of its constructor.

        Every request takes the token that the folder holds at that moment. A request that Kite refuses with 403
        TokenException is sent once more if the folder has another token by then, and only then: a refused order was not
        taken, so this cannot place it twice. Whatever else happens to a request, it is never repeated. What is refused
        in the end is reported, if it is known where: see `report_dead`.

        Making the client and every call of it raise TokenMissing or TokenInvalid when the folder holds no whole token,
        and a call raises ClientChanged when the folder's `user_id` is no longer that of the beginning.
        """
        from kite_token.following import following_client  # noqa: PLC0415 - it imports kiteconnect, 50 MB

        return following_client(self, options)


def _reporter(url: str | None) -> "Reporter | None":
    if not url:
        return None
    from kite_token.reporting import Reporter  # noqa: PLC0415 - threads and TLS are loaded by who wants to report

    return Reporter(url, Path(os.environ.get(REPORT_FOLDER_VARIABLE) or DEFAULT_REPORT_FOLDER))


def _read_settled(folder: Path) -> tuple[Generation, Token]:
    """The folder's token and generation, none of whose files was swapped while they were read."""
    for _ in range(MOST_READS):
        before = _generation(folder)
        found: Token | KiteTokenError
        try:
            found = parse_token(folder, _values(folder, before.place))
        except KiteTokenError as error:
            found = error
        if _generation(folder) != before:
            continue
        if isinstance(found, KiteTokenError):
            raise found
        return before, found
    raise TokenInvalid(f"{folder} changed {MOST_READS} times while it was read")


def _generation(folder: Path) -> Generation:
    try:
        name = (folder / CURRENT).readlink()
    except OSError:  # a plain folder, or none; in both cases reading the keys says what is wrong
        return Generation(folder, tuple(_stamp(folder / key) for key in KEYS))
    return Generation(folder / name, (str(name),))


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        seen = file.stat()
    except OSError:  # reading it says what is wrong
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns


def _values(folder: Path, place: Path) -> dict[str, bytes]:
    """The contents of the keys' files that are there."""
    if not folder.is_dir():
        raise TokenMissing(f"{folder} is not a folder: mount the derived Secret there, or set {FOLDER_VARIABLE}")
    values = {}
    for key in KEYS:
        try:
            with (place / key).open("rb") as file:
                values[key] = file.read(LONGEST_VALUE_BYTES + 2)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise TokenInvalid(f"{folder}: {key} cannot be read: {error.strerror}") from error
    return values
