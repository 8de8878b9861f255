"""Signer of values that travel through a browser, each for one purpose.

Its key is derived from the key that all replicas share: any replica verifies what another one has signed.
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
    """Signs and verifies values. The signed text is safe in URLs, cookies and forms; it is not encrypted."""

    def __init__(self, key: bytes) -> None:
        """Use `key` for signatures only: it comes from `Keyring.derived`."""
        self._key = key

    def __repr__(self) -> str:
        return "Signer(***)"

    def sign(self, purpose: str, values: Sequence[str | int]) -> str:
        """Return `values` with a signature that is valid for `purpose` only."""
        body = _encode(json.dumps(list(values), separators=(",", ":")).encode())
        return f"{body}.{self.signature(purpose, body)}"

    def verify(self, purpose: str, text: str) -> tuple[Any, ...] | None:
        """Return the values; None unless this project signed exactly this text for `purpose`."""
        body, _, signature = text[:_LONGEST].partition(".")
        if not hmac.compare_digest(self.signature(purpose, body).encode(), signature.encode()):
            return None
        return tuple(json.loads(_decode(body)))

    def signature(self, purpose: str, text: str) -> str:
        """Return a keyed hash of `text`, 43 characters of base64url."""
        return _encode(hmac.new(self._key, f"{purpose}\0{text}".encode(), hashlib.sha256).digest())


def digest(text: str) -> str:
    """Return a hash of a random text, to recognise it later without storing it."""
    return _encode(hashlib.sha256(text.encode()).digest())


def same(one: str, other: str) -> bool:
    """Return whether two texts are equal, in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):  # impossible: the signature was right
        return b"[]"
