"""Context of the pages: their collaborators, wired once in `server.py`, and the checks that several pages use."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

from kite_operator.clock import Clock
from kite_operator.cluster.api import Cluster, credentials_path
from kite_operator.login.access import ByPassphrase, Network, PageAccess, Visitor
from kite_operator.login.cookies import Jar
from kite_operator.login.forms import FIELD, FormGuard
from kite_operator.login.signer import Signer
from kite_operator.login.tries import Tries, TryLimit
from kite_operator.login.views import Views
from kite_operator.login.waiting import Waitlist, Watched
from kite_operator.model.parse import parse_credential
from kite_operator.model.resource import Credential, Key

_log = logging.getLogger(__name__)

PASSPHRASES_FROM_ONE = TryLimit(burst=5, seconds=30.0)
PASSPHRASES_IN_ALL = TryLimit(burst=60, seconds=1.0)
LOGINS_OF_ONE = TryLimit(burst=10, seconds=30.0)
"""Logins of one credential that may be started or pasted."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_OWN_PATHS = re.compile(r"/(login/[a-z0-9.-]+/[a-z0-9.-]+|result/[a-z0-9.-]+/[a-z0-9.-]+/[a-z0-9.-]+)?")
"""Paths of this site that a page may lead on to: never another host."""


class PageEvent(StrEnum):
    """An action or a refusal of the page, as the metric counts it."""

    STARTED = "started"
    HANDED_OVER = "handed-over"
    REPLAYED = "replayed"
    DECLINED = "declined"
    INCOMPLETE = "incomplete"
    FOREIGN = "foreign"
    EXPIRED = "expired"
    OTHER_BROWSER = "other-browser"
    NOT_AN_ADDRESS = "not-an-address"
    OTHER_ADDRESS = "other-address"
    APP_UNUSABLE = "app-unusable"
    PASSPHRASE_ACCEPTED = "passphrase-accepted"  # noqa: S105 - a word for a counter
    PASSPHRASE_WRONG = "passphrase-wrong"  # noqa: S105 - a word for a counter
    PASSPHRASE_MISSING = "passphrase-missing"  # noqa: S105 - a word for a counter
    TOO_MANY = "too-many"
    FORBIDDEN = "forbidden"
    FORM_REFUSED = "form-refused"


@dataclass(frozen=True, slots=True)
class Kite:
    """The broker's login page: the address of the login, and the origins that it may pass through."""

    login_url: str
    host: str
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits: wrong passphrases from one address and in all, and logins of one credential."""

    from_one: Tries
    in_all: Tries
    logins: Tries

    @classmethod
    def usual(cls) -> "Limits":
        """Return the usual limits, with nothing spent."""
        return cls(Tries(PASSPHRASES_FROM_ONE), Tries(PASSPHRASES_IN_ALL), Tries(LOGINS_OF_ONE))


@dataclass(frozen=True, slots=True)
class PageContext:
    """The collaborators of the pages. `count` is called for each page event."""

    cluster: Cluster
    clock: Clock
    public_url: str
    kite: Kite
    access: PageAccess
    passphrase: ByPassphrase | None
    proxies: tuple[Network, ...]
    watched: Watched
    signer: Signer
    jar: Jar
    forms: FormGuard
    views: Views
    waitlist: Waitlist
    limits: Limits
    count: Callable[[str], None]

    @property
    def base(self) -> str:
        """Return the path under which the pages are served."""
        return self.views.base

    def report_event(self, page_event: PageEvent, key: Key | None = None, visitor: Visitor | None = None) -> None:
        """Count the event and log one line: its credential and visitor, and nothing of what the visitor sent."""
        self.count(page_event.value)
        fields = {"credential": key, "user": visitor.name if visitor is not None else None, "outcome": page_event.value}
        _log.info("login page event", extra=fields)


@dataclass(frozen=True, slots=True)
class Called:
    """A request that passed the access checks: its visitor and its credential."""

    visitor: Visitor
    credential: Credential


def is_name(*texts: str) -> bool:
    """Return whether each may be a name in Kubernetes."""
    return all(_NAME.fullmatch(text) for text in texts)


def key_in(request: web.Request) -> Key:
    """Return the credential that the address names."""
    return Key(request.match_info["namespace"], request.match_info["name"])


def login_page_of(context: PageContext, key: Key) -> str:
    """Return the path of a credential's own page."""
    return f"{context.base}/login/{key.namespace}/{key.name}"


async def credential_of(context: PageContext, key: Key) -> Credential | None:
    """Return the credential, if it exists and this operator watches it."""
    if not is_name(key.namespace, key.name):
        return None
    if not context.watched.has_namespace(key.namespace):
        return None
    body = await context.cluster.find(credentials_path(key.namespace, key.name))
    credential = parse_credential(body).with_calendar(context.waitlist.calendar) if body is not None else None
    return credential if credential is not None and context.watched.has(credential) else None


async def admitted(context: PageContext, request: web.Request) -> Visitor | web.Response:
    """Return the visitor of the request, or the page for an unknown visitor."""
    visitor = await context.access.visitor(request)
    if visitor is not None:
        return visitor
    if context.passphrase is not None:
        return passphrase_page(context, request, return_path(context, request.path))
    context.report_event(PageEvent.FORBIDDEN)
    text = "This page is used through a proxy that says who you are. Open it at its public address."
    return context.views.notice("You are not known here", text, status=403)


async def called(context: PageContext, request: web.Request) -> Called | web.Response:
    """Return visitor and credential, or a refusal, which does not show whether the credential exists."""
    visitor = await admitted(context, request)
    if isinstance(visitor, web.Response):
        return visitor
    key = key_in(request)
    allowed = is_name(key.namespace) and await context.access.may(visitor, key.namespace)
    credential = await credential_of(context, key) if allowed else None
    if credential is None:
        if not allowed:
            context.report_event(PageEvent.FORBIDDEN, None, visitor)
        text = "There is no such KiteCredential, or you may not log in for it: that takes the right to create Secrets."
        return context.views.notice("Nothing to log in for", text, status=404)
    return Called(visitor, credential)


def return_path(context: PageContext, path: str) -> str:
    """Return `path` without the base if it is a page of this site, else the list."""
    inner = path.removeprefix(context.base)
    return inner if _OWN_PATHS.fullmatch(inner) else "/"


async def fields_of(request: web.Request) -> Mapping[str, str]:
    """Return the text fields of a form; none of a request that is not a form."""
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    try:
        posted = await request.post()
    except (ValueError, LookupError):  # an unknown charset, or a text that is not in it
        return {}
    return {name: value for name, value in posted.items() if isinstance(value, str)}


def form_refused(context: PageContext, key: Key | None = None) -> web.Response:
    """Return the answer to a form that did not come from a page of ours."""
    context.report_event(PageEvent.FORM_REFUSED, key)
    text = "This form was not sent from this page as it was shown to this browser. Open the page again and repeat it."
    return context.views.notice("Open the page again", text, status=403)


def passphrase_page(
    context: PageContext, request: web.Request, following: str, alert: str = "", status: int = 200
) -> web.Response:
    """Return the form for the passphrase; `following` is the page after it."""
    cookie = context.forms.cookie(request)
    values = {FIELD: context.forms.mark(cookie), "next": following, "alert": alert}
    response = context.views.page("passphrase.html", values, status=status, forms_to=())
    context.forms.set_cookie(response, cookie)
    return response
