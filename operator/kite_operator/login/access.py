"""Access to the login page: by a passphrase, or by a proxy that names the user and a review by Kubernetes."""

import base64
import ipaddress
import logging
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from kite_operator.clock import Clock
from kite_operator.cluster.api import Cluster, secrets_path
from kite_operator.cluster.keyring import Keyring
from kite_operator.cluster.reviews import AccessReview, User, is_allowed
from kite_operator.login.cookies import Jar
from kite_operator.login.signer import Signer, same
from kite_operator.model.sensitive import Sensitive

_log = logging.getLogger(__name__)

PASSPHRASE_KEY = "passphrase"  # noqa: S105 - the name of a key
SHORTEST_PASSPHRASE = 16
LONGEST_PASSPHRASE = 256
SESSION_SECONDS = 3600
SESSION_COOKIE = "kite-session"
_SESSION = "passphrase session 1"
_KEPT_SECONDS = 10.0
"""Shortest time between two reads of the Secret. A change of it takes effect within this time."""
_REVIEWED_SECONDS = 5.0
_MOST_REVIEWS = 4096
_LONGEST_NAME = 256
_MOST_GROUPS = 256

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Visitor:
    """A visitor of the page: `name` is written to the log and reviewed by the API server."""

    name: str
    groups: tuple[str, ...] = ()


class PageAccess(Protocol):
    """An access check: identifies visitors and authorises them."""

    async def visitor(self, request: web.BaseRequest) -> Visitor | None:
        """Return the visitor that sent the request; None when the request does not identify one."""
        ...

    async def may(self, visitor: Visitor, namespace: str) -> bool:
        """Return whether the visitor may log in for the credentials of this namespace."""
        ...


@dataclass(slots=True)
class Passphrases:
    """The current passphrase of its Secret. While there is no usable one, the value is None and the log says why."""

    cluster: Cluster
    clock: Clock
    namespace: str
    name: str
    _kept: Sensitive | None = field(default=None, repr=False)
    _read_at: float | None = None
    _logged_problem: str = ""

    async def current(self) -> Sensitive | None:
        """Return the passphrase, read at most ten seconds ago; None when there is no usable one."""
        now = self.clock.boottime()
        if self._read_at is None or now - self._read_at >= _KEPT_SECONDS:
            secret = await self.cluster.find(secrets_path(self.namespace, self.name))
            self._kept, self._read_at = self._parsed(secret), now
        return self._kept

    def _parsed(self, secret: dict[str, object] | None) -> Sensitive | None:
        text, problem = "", "does not exist"
        if secret is not None:
            data = secret.get("data")
            raw = data.get(PASSPHRASE_KEY, "") if isinstance(data, dict) else ""
            try:
                text = base64.b64decode(raw, validate=True).decode("utf-8").strip("\r\n")
            except ValueError:
                text = ""
            usable = SHORTEST_PASSPHRASE <= len(text) <= LONGEST_PASSPHRASE and text.isprintable()
            problem = (
                "" if usable else f"has no key passphrase of {SHORTEST_PASSPHRASE} to {LONGEST_PASSPHRASE} letters"
            )
        if problem != self._logged_problem:
            self._logged_problem = problem
            what = f"Secret {self.namespace}/{self.name} {problem or 'has a usable passphrase'}"
            _log.log(logging.ERROR if problem else logging.INFO, "login page: %s", what)
        return None if problem else Sensitive(text)


@dataclass(frozen=True, slots=True)
class ByPassphrase:
    """Access by passphrase. A session ends after an hour, and when the passphrase is changed."""

    passphrases: Passphrases
    keyring: Keyring
    signer: Signer
    clock: Clock
    jar: Jar

    async def visitor(self, request: web.BaseRequest) -> Visitor | None:
        """Return a visitor for a session cookie of the current passphrase, else None."""
        values = self.signer.verify(_SESSION, self.jar.read(request).get(SESSION_COOKIE, ""))
        passphrase = await self.passphrases.current()
        if values is None or passphrase is None:
            return None
        version, expires = values
        left = expires - self.clock.now().timestamp()
        current = same(version, self.version(passphrase)) and 0 < left <= SESSION_SECONDS + 1
        return Visitor("who knows the passphrase") if current else None

    async def may(self, visitor: Visitor, namespace: str) -> bool:
        """Return True: one passphrase is for all credentials."""
        del visitor, namespace
        return True

    def version(self, passphrase: Sensitive) -> str:
        """Return a keyed hash of the passphrase, to tell one passphrase from another."""
        return self.keyring.version("login passphrase", passphrase)

    def session(self, passphrase: Sensitive) -> str:
        """Return the value of a session cookie that is valid for an hour from now."""
        expires = int(self.clock.now().timestamp()) + SESSION_SECONDS
        return self.signer.sign(_SESSION, (self.version(passphrase), expires))


@dataclass(slots=True)
class ByProxy:
    """Access by a trusted proxy that names the user. Kubernetes must allow that user to create Secrets."""

    cluster: Cluster
    clock: Clock
    trusted: tuple[Network, ...]
    user_header: str
    groups_header: str
    _reviews: dict[tuple[Visitor, str], tuple[float, bool]] = field(default_factory=dict)

    async def visitor(self, request: web.BaseRequest) -> Visitor | None:
        """Return the visitor that the proxy names: exactly once, and not as one of Kubernetes' own identities."""
        names = request.headers.getall(self.user_header, [])
        if not is_trusted(peer_of(request), self.trusted) or len(names) != 1 or not _is_name(names[0]):
            return None
        joined_groups = ",".join(request.headers.getall(self.groups_header, []))
        groups = tuple(dict.fromkeys(each.strip() for each in joined_groups.split(",") if _is_name(each.strip())))
        return Visitor(names[0], groups[:_MOST_GROUPS])

    async def may(self, visitor: Visitor, namespace: str) -> bool:
        """Return whether the API server lets the visitor create Secrets there: that alone suffices for a grant."""
        now, asked = self.clock.boottime(), (visitor, namespace)
        known = self._reviews.get(asked)
        if known is not None and 0 <= now - known[0] < _REVIEWED_SECONDS:
            return known[1]
        if len(self._reviews) >= _MOST_REVIEWS:
            self._reviews.clear()
        # The API server adds this group for every authenticated user.
        user = User(visitor.name, groups=(*visitor.groups, "system:authenticated"))
        allowed = await is_allowed(self.cluster, user, AccessReview("create", namespace))
        self._reviews[asked] = (now, allowed)
        return allowed


def _is_name(text: str) -> bool:
    """Return whether `text` can be a user or a group of a proxy. Names under `system:` are reserved by Kubernetes."""
    return bool(text) and len(text) <= _LONGEST_NAME and text.isprintable() and not text.startswith("system:")


def parse_networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Return the networks of a setting that was validated before."""
    return tuple(ipaddress.ip_network(text) for text in texts)


def peer_of(request: web.BaseRequest) -> Address | None:
    """Return the address of the peer of the connection."""
    return _address(request.remote or "")


def is_trusted(address: Address | None, networks: tuple[Network, ...]) -> bool:
    """Return whether the address is the address of a trusted proxy."""
    return address is not None and any(address in network for network in networks)


def client_of(request: web.BaseRequest, networks: tuple[Network, ...]) -> str:
    """Return the client of a request: the nearest address that is not the address of a trusted proxy.

    For IPv6 this is the network that one subscriber usually has (/64).
    """
    address = peer_of(request)
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
    while is_trusted(address, networks) and forwarded:
        nearer = _address(forwarded.pop().strip())
        if nearer is None:
            break
        address = nearer
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
