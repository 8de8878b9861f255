"""A login in progress: a state that the broker hands back, and the cookie that binds it to one browser.

The process stores nothing of it: any replica can verify that a state was issued here, to this browser, for this
credential, within the last five minutes. The grant is named after the state, so that a second use is a Conflict.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from kite_operator.login.signer import Signer, digest, same
from kite_operator.model.resource import Credential, Key

LIFE = timedelta(minutes=5)
"""Longest time from the start of a login to its callback. The request_token does not live longer either."""
COOKIE = "kite-login-"
_PURPOSE = "login state 1"
_COOKIE_VALUE = re.compile(r"([A-Za-z0-9_-]{43})\.([A-Za-z0-9_.-]{1,1500})")
_NAME_CHARACTERS = 32


class Fault(StrEnum):
    """The reason why a state is refused."""

    FOREIGN = "foreign"
    EXPIRED = "expired"
    OTHER_BROWSER = "other-browser"


@dataclass(frozen=True, slots=True)
class State:
    """A login that was started for one credential. `binding` is the hash of the secret in its cookie."""

    key: Key
    uid: str
    nonce: str
    expires: int
    binding: str

    @property
    def cookie(self) -> str:
        """Return the cookie's name: one for each login, so that two tabs do not disturb each other."""
        return COOKIE + self.nonce[:16]

    @property
    def grant(self) -> str:
        """Return the name of the grant that this login may create: the same on every replica."""
        return grant_name(self.key, self.nonce)


@dataclass(frozen=True, slots=True)
class Issued:
    """A started login: the text for the broker, and the cookie value for the browser."""

    text: str
    state: State
    cookie_value: str


def grant_name(key: Key, unique: str) -> str:
    """Return the name of a grant; `unique` is a value that no other login has."""
    return f"{key.name}-login-{hashlib.sha256(unique.encode()).hexdigest()[:_NAME_CHARACTERS]}"


def issue(signer: Signer, credential: Credential, now: datetime, *, nonce: str, secret: str) -> Issued:
    """Start a login; `nonce` and `secret` are 32 random bytes each, as 43 characters."""
    expires = int((now + LIFE).timestamp())
    state = State(credential.key, credential.uid, nonce, expires, digest(secret))
    key = state.key
    text = signer.sign(_PURPOSE, (key.namespace, key.name, state.uid, state.nonce, state.expires, state.binding))
    return Issued(text, state, f"{secret}.{text}")


def read(signer: Signer, text: str, now: datetime) -> State | Fault:
    """Return the state in `text`, or the reason why it is refused."""
    values = signer.verify(_PURPOSE, text)
    if values is None:
        return Fault.FOREIGN
    namespace, name, uid, nonce, expires, binding = values
    state = State(Key(namespace, name), uid, nonce, expires, binding)
    return state if _is_current(state, now) else Fault.EXPIRED


def verify_callback(signer: Signer, text: str, cookies: Mapping[str, str], now: datetime) -> State | Fault:
    """Return the state that the broker hands back, if it was issued to this browser."""
    state = read(signer, text, now)
    if isinstance(state, Fault):
        return state
    held = _COOKIE_VALUE.fullmatch(cookies.get(state.cookie, ""))
    return state if held is not None and same(digest(held[1]), state.binding) else Fault.OTHER_BROWSER


def under_way(signer: Signer, cookies: Mapping[str, str], now: datetime) -> tuple[State, ...]:
    """Return the logins that this browser has started and not ended, newest first; read from its cookies alone.

    The callback of a login that the user declines has no state.
    """
    found = []
    for name, value in cookies.items():
        held = _COOKIE_VALUE.fullmatch(value) if name.startswith(COOKIE) else None
        state = verify_callback(signer, held[2], cookies, now) if held is not None else Fault.FOREIGN
        if isinstance(state, State) and state.cookie == name:
            found.append(state)
    return tuple(sorted(found, key=lambda each: -each.expires))


def _is_current(state: State, now: datetime) -> bool:
    """Return whether the state was issued within the last five minutes, also if the clock was set back since."""
    left = state.expires - now.timestamp()
    return 0 < left <= LIFE.total_seconds() + 1
