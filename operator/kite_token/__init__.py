"""The token of the day, for trading pods: reads the derived Secret that kite-operator keeps fresh.

    import kite_token

    kite = kite_token.connect()
    print(kite.orders())

The Secret is mounted as a folder. `read` reads it once; `TokenFolder` follows it; `connect` gives an official client
that follows it. Nothing here polls or logs in, and nothing starts a thread or reads the time, unless dead tokens are to
be reported to the operator. Importing this package does not import kiteconnect, which takes Twisted and 50 MB along:
only asking for a client does.
"""

from os import PathLike
from typing import TYPE_CHECKING, Any

from kite_token.folder import (
    DEFAULT_FOLDER,
    DEFAULT_REPORT_FOLDER,
    FOLDER_VARIABLE,
    REPORT_FOLDER_VARIABLE,
    REPORT_VARIABLE,
    TokenFolder,
)
from kite_token.tokens import KEYS, ClientChanged, KiteTokenError, Token, TokenInvalid, TokenMissing

if TYPE_CHECKING:
    from kiteconnect import KiteConnect

__all__ = [
    "DEFAULT_FOLDER",
    "DEFAULT_REPORT_FOLDER",
    "FOLDER_VARIABLE",
    "KEYS",
    "REPORT_FOLDER_VARIABLE",
    "REPORT_VARIABLE",
    "ClientChanged",
    "KiteTokenError",
    "Token",
    "TokenFolder",
    "TokenInvalid",
    "TokenMissing",
    "connect",
    "read",
]


def read(folder: "str | PathLike[str] | None" = None) -> Token:
    """The token that the folder holds now (by default `KITE_TOKEN_DIR`, or else `/var/run/secrets/kite`).

    Raises TokenMissing when the folder or one of its keys is not there, TokenInvalid when a value cannot be used.
    """
    return TokenFolder(folder).token()


def connect(
    folder: "str | PathLike[str] | None" = None, *, report_url: str | None = None, **options: Any
) -> "KiteConnect":
    """An official KiteConnect client that follows the folder; `options` are those of its constructor.

    The same as `TokenFolder(folder, report_url=report_url).client(**options)`: see there for what following means, for
    where a dead token is reported, and for the errors.
    """
    return TokenFolder(folder, report_url=report_url).client(**options)
