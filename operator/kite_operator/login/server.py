"""The login page's own listener: its routes, and the rules for every request. Off until it is configured."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from kite_operator.broker.redirects import Address, allowed_hosts_for
from kite_operator.clock import Clock
from kite_operator.cluster.api import Cluster
from kite_operator.cluster.keyring import Keyring
from kite_operator.listener import Bounds, Listener
from kite_operator.login import callback, entry, front
from kite_operator.login.access import ByPassphrase, ByProxy, Passphrases, parse_networks
from kite_operator.login.context import Kite, Limits, PageContext
from kite_operator.login.cookies import Jar
from kite_operator.login.forms import FormGuard
from kite_operator.login.signer import Signer
from kite_operator.login.views import Handler, Views, put_headers
from kite_operator.login.waiting import Waitlist, Watched
from kite_operator.model.errors import OperatorError
from kite_operator.model.trading_days import recorded_calendar
from kite_operator.settings import Settings

_log = logging.getLogger(__name__)

LARGEST_FORM = 16 * 1024
_BOUNDS = Bounds(connections=256, seconds=30.0)
"""The bounds of connections. A page takes some seconds at most, since it waits for the result of a login."""
Page = Callable[[PageContext, web.Request], Awaitable[web.Response]]


def make_login_page(
    settings: Settings, clock: Clock, cluster: Cluster, keyring: Keyring, count: Callable[[str], None]
) -> Listener | None:
    """Return the listener of the page, not started; None when the page is not configured."""
    if not settings.login_listen:
        return None
    context = page_context(settings, cluster, keyring, clock, count)
    return Listener(make_login_app(context), settings.login_listen, clock, bounds=_BOUNDS)


def page_context(
    settings: Settings, cluster: Cluster, keyring: Keyring, clock: Clock, count: Callable[[str], None]
) -> PageContext:
    """Return the wired context of the pages, from settings that were validated before."""
    public_url, proxies = settings.login_public_url, parse_networks(settings.login_trusted_proxies)
    signer, jar = Signer(keyring.derived("login page")), Jar.of(public_url)
    passphrases = Passphrases(cluster, clock, settings.account_namespace, settings.login_passphrase_secret)
    passphrase = ByPassphrase(passphrases, keyring, signer, clock, jar)
    by_proxy = settings.login_auth == "proxy"
    proxy = ByProxy(cluster, clock, proxies, settings.login_user_header, settings.login_groups_header)
    login = Address.of(urlsplit(settings.login_url))
    watched = Watched(settings.namespaces, settings.class_name)
    calendar = recorded_calendar(frozenset(settings.extra_sessions), frozenset(settings.extra_holidays))
    return PageContext(
        cluster=cluster,
        clock=clock,
        public_url=public_url,
        kite=Kite(settings.login_url, login.netloc, (login.origin, *allowed_hosts_for(settings.login_url))),
        access=proxy if by_proxy else passphrase,
        passphrase=None if by_proxy else passphrase,
        proxies=proxies,
        watched=watched,
        signer=signer,
        jar=jar,
        forms=FormGuard.of(public_url, signer),
        views=Views.under(urlsplit(public_url).path),
        waitlist=Waitlist(cluster, clock, watched, calendar),
        limits=Limits.usual(),
        count=count,
    )


def make_login_app(context: PageContext) -> web.Application:
    """Return the pages as an application; nothing listens yet."""
    app = web.Application(middlewares=[_covered(context)], client_max_size=LARGEST_FORM)
    get: dict[str, Page] = {
        "/": front.waiting,
        "/login/{namespace}/{name}": front.credential_page,
        "/result/{namespace}/{name}/{grant}": front.result,
        "/notice/{what}": front.notice,
        "/notice/{what}/{namespace}/{name}": front.notice,
        "/style.css": front.style,
        "/callback": callback.callback,
    }
    post: dict[str, Page] = {
        "/login/{namespace}/{name}": callback.start,
        "/login/{namespace}/{name}/paste": callback.paste,
        "/enter": entry.enter,
        "/leave": entry.leave,
    }
    for path, page in get.items():
        # A HEAD, which link previews send, must not end a login.
        app.router.add_get(context.base + path, partial(page, context), allow_head=False)
    if context.base:
        app.router.add_get(context.base, partial(front.root, context))
    for path, page in post.items():
        app.router.add_post(context.base + path, partial(page, context))
    return app


def _covered(context: PageContext) -> Middleware:
    """Return a middleware that keeps foreign texts out of answers and log lines, and sets each answer's headers."""

    @web.middleware
    async def cover(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = context.views.notice("There is no such page", "Look at the address again.", status=error.status)
        except OperatorError as error:
            _log.warning("login page not answered", extra={"error": error})
            text = "The operator cannot reach the API server, or may not do what this takes. Try again in a moment."
            response = context.views.notice("Not now", text, status=503)
        except Exception as error:  # noqa: BLE001 - the text of any exception may hold what was sent
            _log.error("login page failed", extra={"error": type(error).__name__})
            response = context.views.notice("Something went wrong", "Nothing was changed. Try again.", status=500)
        put_headers(response)
        # One request a connection: an old connection may be closed at any moment, and no form may be lost by that.
        response.force_close()
        return response

    return cover
