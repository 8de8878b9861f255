"""One login under way: a state that the broker hands back, and the cookie that binds it to one browser.

Nothing of it is kept by the process: any replica can tell a state that was issued here, to this browser, for this
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
"""How long a login may take from its start to its return; the request_token lives no longer either."""
COOKIE = "kite-login-"
_PURPOSE = "login state 1"
_COOKIE_VALUE = re.compile(r"([A-Za-z0-9_-]{43})\.([A-Za-z0-9_.-]{1,1500})")
_NAME_CHARACTERS = 32


class Fault(StrEnum):
    """Why a state is not honoured."""

    FOREIGN = "foreign"
    EXPIRED = "expired"
    OTHER_BROWSER = "other-browser"


@dataclass(frozen=True, slots=True)
class State:
    """A login that was started for one credential. `binding` is the hash of what its cookie holds."""

    key: Key
    uid: str
    nonce: str
    expires: int
    binding: str

    @property
    def cookie(self) -> str:
        """The cookie's name: one a login, so that two tabs do not disturb each other."""
        return COOKIE + self.nonce[:16]

    @property
    def grant(self) -> str:
        """The name of the grant that this login may make: the same on every replica."""
        return grant_name(self.key, self.nonce)


@dataclass(frozen=True, slots=True)
class Issued:
    """A login that begins: what goes to the broker, and what stays in the browser."""

    text: str
    state: State
    cookie_value: str


def grant_name(key: Key, unique: str) -> str:
    """The name of a grant, from a value that nobody else has."""
    return f"{key.name}-login-{hashlib.sha256(unique.encode()).hexdigest()[:_NAME_CHARACTERS]}"


def issue(signer: Signer, credential: Credential, now: datetime, *, nonce: str, secret: str) -> Issued:
    """Begin a login; `nonce` and `secret` are 32 random bytes each, as 43 letters."""
    expires = int((now + LIFE).timestamp())
    state = State(credential.key, credential.uid, nonce, expires, digest(secret))
    key = state.key
    text = signer.sign(_PURPOSE, (key.namespace, key.name, state.uid, state.nonce, state.expires, state.binding))
    return Issued(text, state, f"{secret}.{text}")


def read(signer: Signer, text: str, now: datetime) -> State | Fault:
    """The state that `text` is, or why it is none."""
    values = signer.verify(_PURPOSE, text)
    if values is None:
        return Fault.FOREIGN
    namespace, name, uid, nonce, expires, binding = values
    state = State(Key(namespace, name), uid, nonce, expires, binding)
    return state if _is_current(state, now) else Fault.EXPIRED


def returned(signer: Signer, text: str, cookies: Mapping[str, str], now: datetime) -> State | Fault:
    """The state that the broker hands back, if it is of this very browser."""
    state = read(signer, text, now)
    if isinstance(state, Fault):
        return state
    held = _COOKIE_VALUE.fullmatch(cookies.get(state.cookie, ""))
    return state if held is not None and same(digest(held[1]), state.binding) else Fault.OTHER_BROWSER


def under_way(signer: Signer, cookies: Mapping[str, str], now: datetime) -> tuple[State, ...]:
    """The logins that this browser has begun and not ended, from its cookies alone: the newest first.

    A login that a person declines comes back without its state.
    """
    found = []
    for name, value in cookies.items():
        held = _COOKIE_VALUE.fullmatch(value) if name.startswith(COOKIE) else None
        state = returned(signer, held[2], cookies, now) if held is not None else Fault.FOREIGN
        if isinstance(state, State) and state.cookie == name:
            found.append(state)
    return tuple(sorted(found, key=lambda each: -each.expires))


def _is_current(state: State, now: datetime) -> bool:
    """Issued within the last five minutes: not one that a clock which was set back would make young again."""
    left = state.expires - now.timestamp()
    return 0 < left <= LIFE.total_seconds() + 1
