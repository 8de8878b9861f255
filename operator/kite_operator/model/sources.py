"""Source Secrets of the user, parsed once; a problem names Secret and key, and never shows a value."""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kite_operator.model.reasons import Reason
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import AppKeys, LoginFactors

APP_KEYS = (("api_key", "KITE_API_KEY"), ("api_secret", "KITE_API_SECRET"))
PASSWORD_KEY = "password"  # noqa: S105 - the name of a key
TOTP_SECRET_KEY = "totp_secret"  # noqa: S105 - the name of a key

_TOKEN_TEXT = re.compile(r"[A-Za-z0-9_-]{1,128}")
_LONGEST_PASSWORD = 256
CHECKED_AGAIN = "The operator checks again within 30 seconds."
"""What the operator does next about every problem; the time is `standing.RECHECK`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a user has to fix: `what` is wrong, and the `fix`, each in words that are shown as they are."""

    reason: Reason
    what: str
    fix: str = ""

    @property
    def message(self) -> str:
        """Return what is wrong, what the operator does next, and what you have to do."""
        return " ".join(filter(None, [f"{self.what}.", CHECKED_AGAIN, self.fix]))


def parse_app_secret(name: str, data: Mapping[str, str] | None) -> AppKeys | Problem:
    """Parse the app's keys from a Secret's base64 `data` (None: the Secret does not exist)."""
    if data is None:
        return Problem(
            Reason.APP_SECRET_NOT_FOUND,
            f"Secret {name!r} (spec.appSecretRef) does not exist in this namespace",
            "Create it with the keys api_key and api_secret of your Kite Connect app.",
        )
    values = []
    for names in APP_KEYS:
        value = _one_of(name, data, names)
        if isinstance(value, Problem):
            return value
        if not _TOKEN_TEXT.fullmatch(value):
            return Problem(
                Reason.APP_SECRET_INVALID,
                f"key {names[0]!r} of Secret {name!r} is not one word of letters and digits",
                "Copy the value again from the Kite developer console.",
            )
        values.append(Sensitive(value))
    return AppKeys(*values)


def parse_login_secret(
    name: str, data: Mapping[str, str] | None, normalise_totp: Callable[[str], str]
) -> LoginFactors | Problem:
    """Parse both login factors; `normalise_totp` returns the canonical TOTP secret or raises ValueError."""
    if data is None:
        return Problem(
            Reason.LOGIN_SECRET_NOT_FOUND,
            f"Secret {name!r} (spec.login.totp.secretRef) does not exist in this namespace",
            "Create it with the keys password and totp_secret.",
        )
    password = _text(name, data, PASSWORD_KEY, Reason.LOGIN_SECRET_INVALID)
    if isinstance(password, Problem):
        return password
    if len(password) > _LONGEST_PASSWORD or not password.isprintable():
        return Problem(
            Reason.LOGIN_SECRET_INVALID,
            f"key {PASSWORD_KEY!r} of Secret {name!r} cannot be a password: it has line breaks or control characters, "
            "or is too long",
            "Write the password alone into it.",
        )
    secret = _text(name, data, TOTP_SECRET_KEY, Reason.TOTP_SECRET_INVALID)
    if isinstance(secret, Problem):
        return secret
    try:
        return LoginFactors(Sensitive(password), Sensitive(normalise_totp(secret)))
    except ValueError:
        return Problem(
            Reason.TOTP_SECRET_INVALID,
            f"key {TOTP_SECRET_KEY!r} of Secret {name!r} is not a TOTP secret",
            "Write the base32 text into it (letters A-Z, digits 2-7) that Kite shows beside the QR code when you set "
            "up TOTP, not a six-digit code.",
        )


def _one_of(name: str, data: Mapping[str, str], names: tuple[str, str]) -> str | Problem:
    present = [key for key in names if key in data]
    if not present:
        what = f"Secret {name!r} has no key {names[0]!r} (or {names[1]!r})"
        return Problem(Reason.APP_SECRET_INVALID, what, "Add it.")
    values = [_text(name, data, key, Reason.APP_SECRET_INVALID) for key in present]
    problem = next((value for value in values if isinstance(value, Problem)), None)
    if problem is not None:
        return problem
    if len(set(values)) > 1:
        return Problem(
            Reason.APP_SECRET_INVALID,
            f"Secret {name!r} has both {names[0]!r} and {names[1]!r} with different values",
            "Keep one of them.",
        )
    return str(values[0]).strip()


def _text(name: str, data: Mapping[str, str], key: str, reason: Reason) -> str | Problem:
    if key not in data:
        return Problem(reason, f"Secret {name!r} has no key {key!r}", "Add it.")
    try:
        text = base64.b64decode(data[key] or "", validate=True).decode("utf-8").strip("\r\n")
    except ValueError:  # not base64, or not UTF-8
        return Problem(reason, f"key {key!r} of Secret {name!r} holds binary data", "Write the value as text.")
    if not text:
        return Problem(reason, f"key {key!r} of Secret {name!r} is empty", "Write the value into it.")
    return text
