"""The read-only pages: the list, a credential's own page, and the result of a login."""

import re
from urllib.parse import urlsplit

from aiohttp import web

from kite_operator.broker.redirects import Address
from kite_operator.cluster.api import secrets_path
from kite_operator.login.context import (
    Called,
    PageContext,
    admitted,
    called,
    credential_of,
    is_name,
    key_in,
    login_page_of,
)
from kite_operator.login.forms import FIELD
from kite_operator.login.outcome import (
    LoginResult,
    Severity,
    describe,
    describe_lost,
    describe_unrecorded,
    early,
    indian_time,
)
from kite_operator.login.state import grant_name
from kite_operator.login.views import STYLE, see_other
from kite_operator.login.waiting import needs_login, waiting_of
from kite_operator.model.conditions import READY
from kite_operator.model.links import callback_url
from kite_operator.model.resource import Credential

_CHECKS = 20
_CHECK_SECONDS = 0.15
"""Seconds between two checks for a result before the page is answered. A result usually takes a tenth of a second."""
_PAUSE_SECONDS = 1
_UNRECORDED_AFTER, _GIVEN_UP_AFTER = 1, 8
_MOST_RELOADS = 60
"""Number of reloads of a result page: some minutes, which is longer than a request_token lives."""
_COUNT = re.compile(r"[0-9]{1,3}")


async def waiting(context: PageContext, request: web.Request) -> web.Response:
    """Handle GET /: list the credentials that wait for a login and that the visitor may log in for."""
    visitor = await admitted(context, request)
    if isinstance(visitor, web.Response):
        return visitor
    rows = await context.waitlist.rows()
    namespaces = dict.fromkeys(row.key.namespace for row in rows)
    allowed = {namespace for namespace in namespaces if await context.access.may(visitor, namespace)}
    shown = [row for row in rows if row.key.namespace in allowed]
    return _with_forms(context, request, "list.html", {"rows": shown}, forms_to=())


async def credential_page(context: PageContext, request: web.Request) -> web.Response:
    """Handle GET /login/{namespace}/{name}: show the state of the credential and the way to Kite."""
    call = await called(context, request)
    return call if isinstance(call, web.Response) else show_credential(context, request, call)


def show_credential(
    context: PageContext, request: web.Request, call: Called, alert: str = "", status: int = 200
) -> web.Response:
    """Return a credential's own page; `alert` is the problem with what was pasted there."""
    credential, here = call.credential, login_page_of(context, call.credential.key)
    row = waiting_of(credential, context.clock.now())
    needed = needs_login(credential)
    values: dict[str, object] = {
        "key": credential.key,
        "client_id": credential.client_id,
        "expires": row.expires,
        "ready_by": row.ready_by,
        "detail": "" if needed else _reason_not_needed(credential),
        "needed": needed,
        "early": early(context.clock.now()),
        "login_host": context.kite.host,
        "redirect_url": credential.redirect_url,
        "paste_first": credential.redirect_url != callback_url(context.public_url),
        "here": here,
        "paste_to": f"{here}/paste",
        "alert": alert,
    }
    return _with_forms(
        context, request, "credential.html", values, forms_to=_destinations(context, credential), status=status
    )


def _reason_not_needed(credential: Credential) -> str:
    """Return the reason why no login is needed or none would help."""
    ready = credential.status.condition(READY)
    if ready is None:
        return "The operator has not reconciled this credential yet."
    if ready.status == "True":
        until = indian_time(credential.status.expires_time)
        return (
            f"You need not log in: the token works{' until ' if until else ''}{until}. To replace it now, set the "
            "annotation kite-operator.dev/refresh to a new value and log in within ten minutes."
        )
    return f"{ready.reason}: {ready.message}"


def _destinations(context: PageContext, credential: Credential) -> tuple[str, ...]:
    """Return the origins that the form may lead to, by way of redirects: Kite, and the app's redirect URL."""
    try:
        return (*context.kite.origins, Address.of(urlsplit(credential.redirect_url)).origin)
    except ValueError:  # a spec that was not validated by the CRD
        return context.kite.origins


def _with_forms(  # noqa: PLR0913 - the values of a page
    context: PageContext,
    request: web.Request,
    template: str,
    values: dict[str, object],
    *,
    forms_to: tuple[str, ...],
    status: int = 200,
) -> web.Response:
    cookie = context.forms.cookie(request)
    marked = values | {FIELD: context.forms.mark(cookie), "leaves": context.passphrase is not None}
    response = context.views.page(template, marked, status=status, forms_to=forms_to)
    context.forms.set_cookie(response, cookie)
    return response


async def result(context: PageContext, request: web.Request) -> web.Response:
    """Handle GET /result/{namespace}/{name}/{grant}: show the outcome of a login as soon as it is known."""
    call = await called(context, request)
    if isinstance(call, web.Response):
        return call
    grant, reloads = request.match_info["grant"], _reloads(request)
    # Only names of grants are accepted: the page must not show whether another Secret exists.
    if len(grant) != len(grant_name(call.credential.key, "")) or not grant.startswith(
        f"{call.credential.key.name}-login-"
    ):
        return context.views.notice("No such login", "This address is not complete.", status=404)
    outcome = await _outcome(context, call.credential, grant, reloads)
    here = f"{context.base}/result/{call.credential.key.namespace}/{call.credential.key.name}/{grant}"
    will_reload = not outcome.settled and reloads < _MOST_RELOADS
    values = {
        "outcome": outcome,
        "key": call.credential.key,
        "client_id": call.credential.client_id,
        "login_page": login_page_of(context, call.credential.key),
        "here": here,
        "next_reload": f"{here}?look={reloads + 1}" if will_reload else "",
        "pause": _PAUSE_SECONDS,
    }
    return context.views.page("result.html", values)


async def _outcome(context: PageContext, credential: Credential, grant: str, reloads: int) -> LoginResult:
    known: Credential | None = credential
    outcome, waits = LoginResult(Severity.WAITING, "", ""), True
    for check in range(_CHECKS):
        if known is None:
            return LoginResult(Severity.BAD, "The credential is gone", "It was deleted meanwhile. Nothing was changed.")
        waits = await context.cluster.find(secrets_path(known.key.namespace, grant)) is not None
        # Read after the grant: the outcome of a used grant is written before the grant is deleted.
        known = await credential_of(context, known.key) or known
        outcome = describe(known, grant, waits=waits)
        if outcome.settled:
            return outcome
        if check < _CHECKS - 1:
            await context.clock.sleep(_CHECK_SECONDS)
    if waits or known is None or reloads < _UNRECORDED_AFTER:
        return outcome
    return describe_unrecorded(known, grant) or (describe_lost(known) if reloads >= _GIVEN_UP_AFTER else outcome)


def _reloads(request: web.Request) -> int:
    count = request.query.get("look", "0")
    return int(count) if _COUNT.fullmatch(count) else 0


_NOTICES = {
    "foreign": (
        "This login was not started here",
        "Kite sent you back from a login that this page did not start, so nothing was changed. Start it here.",
    ),
    "expired": (
        "This login took too long",
        "It took more than five minutes, so nothing was changed. Start it again.",
    ),
    "other-browser": (
        "This login was used, or started in another browser",
        "A login works once, in the browser that started it. Nothing was changed. If you need one, start it here.",
    ),
    "incomplete": (
        "Kite did not complete the login",
        "Kite sent you back without a one-time login code. Nothing was changed. Start it again.",
    ),
    "declined": (
        "You declined the login",
        "Kite says that the login was cancelled. Nothing was changed: a token that works stays.",
    ),
}


async def notice(context: PageContext, request: web.Request) -> web.Response:
    """Handle GET /notice/{what}[/{namespace}/{name}]: explain a failed login; nothing of any credential is shown."""
    words = _NOTICES.get(request.match_info["what"])
    if words is None:
        raise web.HTTPNotFound
    link = ""
    if "name" in request.match_info and is_name(request.match_info["namespace"], request.match_info["name"]):
        link = login_page_of(context, key_in(request))
    severity = Severity.NOTICE if request.match_info["what"] == "declined" else Severity.BAD
    return context.views.notice(*words, status=200, severity=severity, link=link)


async def root(context: PageContext, _: web.Request) -> web.Response:
    """Handle GET of the public address without its last slash: redirect to the list."""
    return see_other(f"{context.base}/")


async def style(_: PageContext, __: web.Request) -> web.Response:
    """Handle GET /style.css: the only file that the pages load."""
    return web.Response(text=STYLE, content_type="text/css", headers={"Cache-Control": "public, max-age=86400"})
