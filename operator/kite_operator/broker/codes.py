"""TOTP: the window of a code, the time at which it may be sent, and the form of a usable secret.

Kite's codes have 6 digits, windows of 30 s and SHA-1. A code is assumed to work only once, so that a window is never
used twice. A window that is about to close is not used: the code would arrive after it.
"""

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pyotp

from kite_operator.model.clockoffset import ClockOffset
from kite_operator.model.sensitive import Sensitive

WINDOW_SECONDS = 30
CODE_DIGITS = 6
MARGIN_SECONDS = 3
"""With this much of a window left, or less, no code is sent: the next window is waited for."""
SHORTEST_SECRET_BYTES = 14
"""Shortest secret: 112 bits, the least that NIST SP 800-63B-4 allows and pyotp accepts."""
LONGEST_SECRET_BYTES = 128

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WINDOW = timedelta(seconds=WINDOW_SECONDS)
_BASE32 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def window(now: datetime) -> int:
    """Return the number of the TOTP window that holds `now` (aware): whole periods of 30 s since 1970 (RFC 6238)."""
    return (now - _EPOCH) // _WINDOW


def usable_window(now: datetime, last_used_window: int | None, offset: ClockOffset | None = None) -> tuple[int, float]:
    """Return the first window whose code may be sent, and the seconds from `now` until it may be (0.0: now).

    Never `last_used_window` or an earlier one. When the clock was set back, the wait is as long as the jump. A code is
    sent while the broker's clock is in the same window as ours, as far as a bearable `offset` leaves time for that.
    """
    start, end = _allowance(offset)
    candidate = window(now)
    if _opens(candidate + 1) - now <= timedelta(seconds=MARGIN_SECONDS + end):
        candidate += 1
    if last_used_window is not None:
        candidate = max(candidate, last_used_window + 1)
    return candidate, max((_opens(candidate) - now).total_seconds() + start, 0.0)


def _allowance(offset: ClockOffset | None) -> tuple[float, float]:
    """Return the seconds at a window's start and end in which the broker may be in the one before, or the one after."""
    if offset is None or offset.is_negligible or not offset.is_bearable:
        return 0.0, 0.0
    return max(offset.ahead + offset.uncertainty, 0.0), max(offset.uncertainty - offset.ahead, 0.0)


def code_for(totp_secret: Sensitive, window: int) -> Sensitive:
    """Return the code of `window` for a secret that `parse_totp_secret` returned."""
    return Sensitive(pyotp.TOTP(totp_secret.reveal(), digits=CODE_DIGITS).generate_otp(window))


def parse_totp_secret(text: str) -> str:
    """Return a pasted TOTP secret, normalised to upper-case base32 without spaces, dashes and padding.

    An `otpauth://totp/…` address (the content of the QR code) is accepted too. Raises ValueError with a message for
    users; it holds nothing of `text`.
    """
    stripped = text.strip()
    if stripped.lower().startswith("otpauth:"):
        stripped = _secret_of_uri(stripped)
    secret = "".join(stripped.split()).replace("-", "").rstrip("=").upper()
    if not secret:
        raise ValueError("is empty")
    if secret.isdigit() and len(secret) == CODE_DIGITS:
        raise ValueError("is a 6-digit code; the secret behind the codes is needed")
    if not _BASE32.issuperset(secret):
        raise ValueError("holds characters that base32 does not have (letters A to Z and digits 2 to 7)")
    _require_length(secret)
    return secret


def _opens(number: int) -> datetime:
    return _EPOCH + number * _WINDOW


def _require_length(secret: str) -> None:
    try:
        size = len(base64.b32decode(secret + "=" * (-len(secret) % 8)))
    except ValueError:  # the library's message would become this one's context
        size = -1
    if size < 0:
        raise ValueError("has a length that no base32 text has: a part of it is missing")
    if not SHORTEST_SECRET_BYTES <= size <= LONGEST_SECRET_BYTES:
        raise ValueError(f"must hold {SHORTEST_SECRET_BYTES} to {LONGEST_SECRET_BYTES} bytes, and holds {size}")


def _secret_of_uri(uri: str) -> str:
    try:
        otp = pyotp.parse_uri(uri)
    except ValueError:  # pyotp's messages may quote the address
        otp = None
    if otp is None:
        raise ValueError("is an otpauth address that cannot be read")
    if not isinstance(otp, pyotp.TOTP):
        raise ValueError("is an otpauth address of another kind than totp")  # noqa: TRY004 - the value's fault, not a type's
    if otp.digits != CODE_DIGITS or otp.interval != WINDOW_SECONDS or otp.digest is not hashlib.sha1:
        raise ValueError(f"must be of {CODE_DIGITS} digits, {WINDOW_SECONDS} seconds and SHA1")
    return otp.secret
