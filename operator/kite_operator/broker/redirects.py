"""Parser of a `Location`: the app's own redirect address, a hop inside the broker's login, or something else.

The redirect address is never requested: it may be 127.0.0.1, and it holds the request_token. Only its text is read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import SplitResult, parse_qs, urljoin, urlsplit

from kite_operator.model.errors import BrokerRejection, Step
from kite_operator.model.reasons import Reason
from kite_operator.model.sensitive import Sensitive

KITE_LOGIN_BASE = "https://kite.zerodha.com"
KITE_HOSTS = ("https://kite.trade", "https://*.kite.trade")
"""Hosts to which the real login page may redirect a browser, besides its own host."""

_DEFAULT_PORTS = {"https": 443, "http": 80}
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,256}")
_UNREADABLE = re.compile(r"[\x00-\x20\x7f\\]")
_UNSAFE_TO_SHOW = re.compile(r"[^A-Za-z0-9.:/_~%\[\]-]")
_LONG_SEGMENT = re.compile(r"[^/]{25,}")
_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Address:
    """Parts of an address that must agree with the registered one: no query, no fragment, default port resolved."""

    scheme: str
    host: str
    port: int | None
    path: str

    @classmethod
    def of(cls, parts: SplitResult) -> "Address":
        """Return the address of `parts`; raises ValueError for a port that is not a number."""
        scheme = parts.scheme.lower()
        port = parts.port if parts.port is not None else _DEFAULT_PORTS.get(scheme)
        return cls(scheme, (parts.hostname or "").lower(), port, parts.path or "/")

    @property
    def origin(self) -> str:
        """Return `scheme://host[:port]`, the port only where it is not the scheme's own."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def netloc(self) -> str:
        """Return `host[:port]`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS.get(self.scheme) else f"{host}:{self.port}"

    def shown(self) -> str:
        """Return the address for messages: foreign text with limited characters and length, long segments cut out."""
        path = _LONG_SEGMENT.sub("…", _UNSAFE_TO_SHOW.sub("?", self.path))
        return f"{_UNSAFE_TO_SHOW.sub('?', self.origin)[:_SHOWN_CHARACTERS]}{path[:_SHOWN_CHARACTERS]}"


def allowed_hosts_for(login_base_url: str) -> tuple[str, ...]:
    """Return the further origins that a login may pass through: Kite's own for the real login page, else none."""
    return KITE_HOSTS if login_base_url.rstrip("/") == KITE_LOGIN_BASE else ()


@dataclass(frozen=True, slots=True)
class RedirectRule:
    """Rule to read a Location: `registered` is the app's redirect URL, `login` the login page's base address.

    `allowed` holds further origins that may be requested; a `*` stands for any text.
    """

    registered: Address
    login: Address
    allowed: Sequence[str] = ()

    @classmethod
    def of(cls, redirect_url: str, login_base_url: str, allowed: Sequence[str] = ()) -> "RedirectRule":
        """Return the rule for configured addresses; raises ValueError for one that cannot be parsed."""
        return cls(Address.of(urlsplit(redirect_url)), Address.of(urlsplit(login_base_url)), allowed)

    def read(self, current_url: str, location: str) -> str | Sensitive:
        """Return the next address to request (a text), or the request_token of the app's redirect.

        Raises BrokerRejection for everything that ends a login otherwise.
        """
        parts = _split(current_url, location)
        address = Address.of(parts)
        query = parse_qs(parts.query, keep_blank_values=True)
        if address == self.registered:
            return _request_token(query)
        if not self._is_hop(parts, address, query):
            _refuse_if_cancelled(query)
            raise BrokerRejection(Reason.REDIRECT_URL_MISMATCH, _mismatch(self.registered, address), step=Step.CONNECT)
        _refuse_if_page(address.path)
        return parts.geturl()

    def allows(self, current_url: str, location: str) -> bool:
        """Return whether `location` stays on the hosts that a login may talk to."""
        try:
            parts = _split(current_url, location)
        except BrokerRejection:
            return False
        return self._is_ours(parts, Address.of(parts))

    def _is_ours(self, parts: SplitResult, address: Address) -> bool:
        if parts.username is not None or parts.password is not None:
            return False
        return address.origin == self.login.origin or any(
            fnmatchcase(address.origin, origin) for origin in self.allowed
        )

    def _is_hop(self, parts: SplitResult, address: Address, query: dict[str, list[str]]) -> bool:
        """Return whether this is one of the login's own pages rather than an app's redirect that shares the host."""
        inside = address.path.startswith("/connect/")
        is_answer = (
            "request_token" in query or ("status" in query and not inside) or query.get("status") == ["cancelled"]
        )
        return self._is_ours(parts, address) and not is_answer


def _split(current_url: str, location: str) -> SplitResult:
    parts = None
    if not _UNREADABLE.search(location):
        try:
            parts = urlsplit(urljoin(current_url, location))
            Address.of(parts)
        except ValueError:  # its message quotes the address
            parts = None
    if parts is None:
        raise BrokerRejection(
            Reason.LOGIN_NOT_COMPLETED, "the login led to an address that cannot be read", step=Step.CONNECT
        )
    return parts


def _request_token(query: dict[str, list[str]]) -> Sensitive:
    _refuse_if_cancelled(query)
    tokens = query.get("request_token", [])
    if len(tokens) != 1 or not _TOKEN.fullmatch(tokens[0]):
        raise BrokerRejection(
            Reason.LOGIN_NOT_COMPLETED,
            "the login came back to the redirect URL without a usable request_token",
            step=Step.CONNECT,
        )
    return Sensitive(tokens[0])


def _refuse_if_cancelled(query: dict[str, list[str]]) -> None:
    if query.get("status") == ["cancelled"]:
        raise BrokerRejection(Reason.LOGIN_DECLINED, "the broker reported the login as cancelled", step=Step.CONNECT)


def _refuse_if_page(path: str) -> None:
    """Refuse the pages of the login that need a user's action: they are recognised and never requested."""
    if path.startswith("/connect/authorize"):
        raise BrokerRejection(
            Reason.CONSENT_REQUIRED,
            "this client has not authorised the app yet: log in once by hand and authorise the app",
            step=Step.CONNECT,
        )
    if path.rstrip("/") == "/connect/login":
        raise BrokerRejection(
            Reason.LOGIN_NOT_COMPLETED,
            "password and code were accepted, but the broker asked for the login again",
            step=Step.CONNECT,
        )


def _mismatch(registered: Address, answered: Address) -> str:
    differing = [
        name
        for name, ours, theirs in (
            ("protocol", registered.scheme, answered.scheme),
            ("host", registered.netloc, answered.netloc),
            ("path", registered.path, answered.path),
        )
        if ours != theirs
    ]
    return (
        f"the app's redirect URL differs in {' and '.join(differing)}: spec.redirectURL is {registered.shown()},"
        f" and the broker redirected to {answered.shown()}"
    )
