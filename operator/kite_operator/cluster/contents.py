"""Data of a derived Secret in each format of `spec.target.format`, and the session that such data holds.

Nothing is templated. The formats are a closed set, so that a session can be read back from the derived Secret when the
state Secret is lost. The format `env` lacks the user_id and alone is not enough for that.
"""

import base64
import binascii
import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from kite_operator.model.expiry import rfc3339
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import Session

FILE_KEY = "kite.env"
JSON_KEY = "token.json"
_VARIABLES = {
    "KITE_API_KEY": "api_key",
    "KITE_ACCESS_TOKEN": "access_token",
    "KITE_USER_ID": "user_id",
    "KITE_EXPIRES_AT": "expires_at",
}
_IN_ENVIRONMENT = ("KITE_API_KEY", "KITE_ACCESS_TOKEN")
_NEEDED = ("api_key", "access_token", "user_id")
_LONGEST = 16_384
"""Longest encoded value that is read: ours have a few hundred characters; to unquote a long shell text is slow."""


def contents(session: Session, formats: tuple[str, ...]) -> dict[str, str]:
    """Return the Secret's `data` (base64) for a session in these formats."""
    values = {
        "api_key": session.api_key.reveal(),
        "access_token": session.access_token.reveal(),
        "user_id": session.user_id,
        "expires_at": rfc3339(session.expires_at),
    }
    texts = {key: text for name in formats for key, text in _WRITERS[name](values).items()}
    return {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}


def _environment(values: Mapping[str, str]) -> dict[str, str]:
    return {variable: values[_VARIABLES[variable]] for variable in _IN_ENVIRONMENT}


def _file(values: Mapping[str, str]) -> dict[str, str]:
    """Return a dotenv file, quoted for a POSIX shell; the values that Kite returns today need no quotes."""
    lines = [f"{variable}={shlex.quote(values[name])}\n" for variable, name in _VARIABLES.items()]
    return {FILE_KEY: "".join(lines)}


def _json(values: Mapping[str, str]) -> dict[str, str]:
    return {JSON_KEY: json.dumps(values, sort_keys=True)}


_WRITERS: Mapping[str, Callable[[Mapping[str, str]], dict[str, str]]] = {
    "keys": dict,
    "env": _environment,
    "file": _file,
    "json": _json,
}


def parse_contents(data: Mapping[str, str], login_time: datetime) -> Session | None:
    """Return the session that a Secret's `data` holds in any complete format; None when none is complete."""
    for values in _readings(data):
        if all(values.get(name) for name in _NEEDED):
            return Session(
                user_id=values["user_id"],
                api_key=Sensitive(values["api_key"]),
                access_token=Sensitive(values["access_token"]),
                login_time=login_time,
            )
    return None


def parse_claim(data: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the access_token that another client's Secret holds in any format, and its api_key or an empty text.

    Programs that write such Secrets omit values that they do not need, and end a text with a newline.
    """
    for values in (*_readings(data), _parse_variables(data)):
        token = values.get("access_token", "").strip()
        if token:
            return token, values.get("api_key", "").strip()
    return None


def _parse_variables(data: Mapping[str, str]) -> dict[str, str]:
    texts = {_VARIABLES[variable]: _decoded(data.get(variable, "")) for variable in _IN_ENVIRONMENT}
    return {name: text for name, text in texts.items() if text is not None}


def _readings(data: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """Yield the values of each format, by our names of the values."""
    named = ((key, data.get(key, "")) for key in (*_NEEDED, FILE_KEY, JSON_KEY))
    plain = {key: text for key, value in named if len(value) <= _LONGEST and (text := _decoded(value)) is not None}
    yield plain
    yield _parse_file(plain.get(FILE_KEY, ""))
    yield _parse_json(plain.get(JSON_KEY, ""))


def _decoded(encoded: str) -> str | None:
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (ValueError, binascii.Error):
        return None


def _parse_file(text: str) -> dict[str, str]:
    try:
        words = shlex.split(text)
    except ValueError:
        return {}
    pairs = (word.partition("=") for word in words)
    return {_VARIABLES[variable]: value for variable, _, value in pairs if variable in _VARIABLES}


def _parse_json(text: str) -> dict[str, str]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {name: each for name, each in values.items() if isinstance(each, str)} if isinstance(values, dict) else {}
