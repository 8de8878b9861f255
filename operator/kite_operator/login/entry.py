"""Sign-in and sign-out by passphrase."""

from aiohttp import web

from kite_operator.login.access import SESSION_COOKIE, SESSION_SECONDS, client_of
from kite_operator.login.context import (
    PageContext,
    PageEvent,
    fields_of,
    form_refused,
    passphrase_page,
    return_path,
)
from kite_operator.login.signer import same
from kite_operator.login.views import see_other

_WRONG = "That is not the passphrase. Nothing was sent to Kite."
_LATER = "Too many wrong tries. Wait half a minute, then try again."
_NOT_SET_UP = "The login page has no usable passphrase yet: the operator's log says what is missing."


async def enter(context: PageContext, request: web.Request) -> web.Response:
    """Handle POST /enter: the right passphrase opens a session of an hour; wrong ones are bounded."""
    fields = await fields_of(request)
    if context.passphrase is None or not context.forms.is_ours(request, fields):
        return form_refused(context)
    following = return_path(context, context.base + fields.get("next", ""))
    now, client = context.clock.boottime(), client_of(request, context.proxies)
    limits = context.limits
    if not (limits.from_one.left(client, now) and limits.in_all.left("", now)):
        context.report_event(PageEvent.TOO_MANY)
        return passphrase_page(context, request, following, _LATER, 429)
    passphrase = await context.passphrase.passphrases.current()
    if passphrase is None:
        context.report_event(PageEvent.PASSPHRASE_MISSING)
        return passphrase_page(context, request, following, _NOT_SET_UP, 503)
    if not same(fields.get("passphrase", ""), passphrase.reveal()):
        limits.from_one.spend(client, now)
        limits.in_all.spend("", now)
        context.report_event(PageEvent.PASSPHRASE_WRONG)
        return passphrase_page(context, request, following, _WRONG, 403)
    context.report_event(PageEvent.PASSPHRASE_ACCEPTED)
    response = see_other(context.base + following)
    context.jar.put(response, SESSION_COOKIE, context.passphrase.session(passphrase), seconds=SESSION_SECONDS)
    return response


async def leave(context: PageContext, request: web.Request) -> web.Response:
    """Handle POST /leave: end the session in this browser."""
    if not context.forms.is_ours(request, await fields_of(request)):
        return form_refused(context)
    response = see_other(f"{context.base}/")
    context.jar.drop(response, SESSION_COOKIE)
    return response
