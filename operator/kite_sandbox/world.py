"""The state of the fake broker: one object that the actions and the admin API share, and nothing of HTTP."""

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from kite_sandbox.accounts import Account
from kite_sandbox.apps import App
from kite_sandbox.confidential import Mint, Secret
from kite_sandbox.error_table import Refusal
from kite_sandbox.passes import Connecting, PassBook, PendingLogin, RequestToken, WebSession
from kite_sandbox.ratelimit import RateLimit
from kite_sandbox.sessions import Session, SessionBook, SessionEnd
from kite_sandbox.switches import SwitchBoard, Switches


class Step(StrEnum):
    """The calls that the sandbox tells apart, counts, and can script."""

    LOGIN = "login"
    TWOFA = "twofa"
    LOGIN_FORM = "login_form"
    TWOFA_FORM = "twofa_form"
    CONNECT_LOGIN = "connect_login"
    AUTHORIZE = "authorize"
    FINISH = "finish"
    SESSION_TOKEN = "session_token"  # noqa: S105 - the name of a step, not a token
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a step, not a token
    LOGOUT = "logout"
    PROFILE = "profile"
    MARGINS = "margins"
    ORDERS = "orders"
    ORDER_BOOK = "order_book"
    POSITIONS = "positions"
    HOLDINGS = "holdings"
    QUOTE = "quote"
    OHLC = "ohlc"
    LTP = "ltp"


LOGIN_STEPS = frozenset(
    {
        Step.LOGIN,
        Step.TWOFA,
        Step.LOGIN_FORM,
        Step.TWOFA_FORM,
        Step.CONNECT_LOGIN,
        Step.AUTHORIZE,
        Step.FINISH,
    }
)


@dataclass(frozen=True, slots=True)
class Call:
    """One request as the core sees it: `params` are query, form and path together; `tick` is in monotonic seconds.

    `instruments` are the values of the query parameter `i`, the only one that may be repeated.
    """

    step: Step
    now: datetime
    tick: float
    method: str = "GET"
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    authorization: str = field(default="", repr=False)
    base_url: str = ""
    instruments: tuple[str, ...] = ()

    def need(self, *names: str) -> tuple[str, ...]:
        """The values of required parameters; refuses with the first that is missing or empty."""
        for name in names:
            if not self.params.get(name):
                raise Refusal("missing_parameter", parameter=name)
        return tuple(self.params[name] for name in names)

    def on_login_host(self, path: str, query: Mapping[str, str], rules: Switches) -> str:
        """A Location within the login host, relative or absolute as the switch says."""
        base = self.base_url if rules.location == "absolute" else ""
        return f"{base}{path}?{urlencode(query)}"


class World:
    """Accounts, apps, sessions, passes, switches. `source` is where its randomness comes from."""

    def __init__(self, source: random.Random) -> None:
        self.mint = Mint(source)
        self.accounts: dict[str, Account] = {}
        self.apps: dict[str, App] = {}
        self.switches = SwitchBoard()
        self.sessions = SessionBook()
        self.pending: PassBook[PendingLogin] = PassBook()
        self.web: PassBook[WebSession] = PassBook()
        self.connecting: PassBook[Connecting] = PassBook()
        self.request_tokens: PassBook[RequestToken] = PassBook()
        self.orders: dict[str, deque[dict[str, Any]]] = {}
        self.limit = RateLimit()

    def rules(self, client_id: str | None, api_key: str | None) -> Switches:
        """The switches in force for an account in an app."""
        return self.switches.resolve(client_id, api_key)

    def app(self, api_key: str) -> App:
        """A registered app; refuses an unknown key."""
        try:
            return self.apps[api_key]
        except KeyError:
            raise Refusal("unknown_api_key") from None

    def keep(self, account: Account) -> None:
        """Store an account's new state."""
        self.accounts[account.client_id] = account

    def death(self, session: Session, now: datetime) -> SessionEnd | None:
        """Return why a session is dead at `now`, or None."""
        return session.death(now, self.rules(session.client_id, session.api_key).flush_time)

    def master_logout(self, client_id: str) -> int:
        """End every session of a client, in browsers and in apps; returns how many app sessions."""
        self.keep(self.accounts[client_id].signed_out())
        return self.sessions.end_client(client_id, SessionEnd.MASTER_LOGOUT)

    def change_password(self, client_id: str, password: Secret) -> None:
        """Set another password, which logs all sessions out."""
        self.keep(replace(self.accounts[client_id], password=password).signed_out())
        self.sessions.end_client(client_id, SessionEnd.PASSWORD_CHANGED)

    def regenerate_secret(self, api_key: str, api_secret: Secret) -> None:
        """Give an app another secret; whether its sessions die is a switch."""
        self.apps[api_key] = replace(self.apps[api_key], api_secret=api_secret)
        if self.rules(None, api_key).regenerate_kills_sessions:
            self.sessions.end_app(api_key, SessionEnd.SECRET_REGENERATED)

    def issue_request_token(self, client_id: str, api_key: str, now: datetime) -> str:
        """A new request_token, as at the end of a login."""
        token = self.mint.text()
        self.request_tokens.add(token, RequestToken(client_id, api_key, now))
        return token
