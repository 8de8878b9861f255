"""Values that travel through a browser and come back unchanged or not at all: signed, with a purpose each.

The key is derived from the one that all replicas share, so that what one has sealed another can open.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

_LONGEST = 2048


class Signer:
    """Seals and opens; the text is safe in addresses, cookies and forms, and hides nothing."""

    def __init__(self, key: bytes) -> None:
        """`key` is of this use alone: `Keyring.derived`."""
        self._key = key

    def __repr__(self) -> str:
        return "Seals(***)"

    def seal(self, purpose: str, values: Sequence[str | int]) -> str:
        """`values` with a signature that holds for `purpose` only."""
        body = _encode(json.dumps(list(values), separators=(",", ":")).encode())
        return f"{body}.{self.mark(purpose, body)}"

    def open(self, purpose: str, text: str) -> tuple[Any, ...] | None:
        """The values, or None for what this project has not sealed for `purpose`, exactly so."""
        body, _, signature = text[:_LONGEST].partition(".")
        if not hmac.compare_digest(self.mark(purpose, body).encode(), signature.encode()):
            return None
        return tuple(json.loads(_decode(body)))

    def mark(self, purpose: str, text: str) -> str:
        """A keyed hash of `text`, as 43 letters."""
        return _encode(hmac.new(self._key, f"{purpose}\0{text}".encode(), hashlib.sha256).digest())


def digest(text: str) -> str:
    """A hash of a random text, which tells whether another is the same one and does not give it away."""
    return _encode(hashlib.sha256(text.encode()).digest())


def same(one: str, other: str) -> bool:
    """Whether two texts are equal, in a time that does not tell how much of them is."""
    return hmac.compare_digest(one.encode(), other.encode())


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):  # cannot be: the signature was right
        return b"[]"
