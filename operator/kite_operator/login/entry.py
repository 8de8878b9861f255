"""The passphrase, in and out."""

from aiohttp import web

from kite_operator.login.access import SESSION_COOKIE, SESSION_SECONDS, client_of
from kite_operator.login.parts import (
    Happening,
    LoginParts,
    fields_of,
    form_refused,
    passphrase_page,
    return_path,
)
from kite_operator.login.seals import same
from kite_operator.login.views import see_other

_WRONG = "That is not the passphrase. Nothing was sent to Kite."
_LATER = "Too many wrong tries. Wait half a minute, then try again."
_NOT_SET_UP = "The login page has no usable passphrase yet: the operator's log says what is missing."


async def enter(parts: LoginParts, request: web.Request) -> web.Response:
    """POST /enter: the right passphrase opens the page for an hour; wrong ones are bounded."""
    fields = await fields_of(request)
    if parts.passphrase is None or not parts.forms.is_ours(request, fields):
        return form_refused(parts)
    following = return_path(parts, parts.base + fields.get("next", ""))
    now, client = parts.clock.boottime(), client_of(request, parts.proxies)
    limits = parts.limits
    if not (limits.from_one.left(client, now) and limits.in_all.left("", now)):
        parts.tell(Happening.TOO_MANY)
        return passphrase_page(parts, request, following, _LATER, 429)
    passphrase = await parts.passphrase.passphrases.current()
    if passphrase is None:
        parts.tell(Happening.PASSPHRASE_MISSING)
        return passphrase_page(parts, request, following, _NOT_SET_UP, 503)
    if not same(fields.get("passphrase", ""), passphrase.reveal()):
        limits.from_one.spend(client, now)
        limits.in_all.spend("", now)
        parts.tell(Happening.PASSPHRASE_WRONG)
        return passphrase_page(parts, request, following, _WRONG, 403)
    parts.tell(Happening.PASSPHRASE_ACCEPTED)
    response = see_other(parts.base + following)
    parts.jar.put(response, SESSION_COOKIE, parts.passphrase.session(passphrase), seconds=SESSION_SECONDS)
    return response


async def leave(parts: LoginParts, request: web.Request) -> web.Response:
    """POST /leave: the session ends in this browser."""
    if not parts.forms.is_ours(request, await fields_of(request)):
        return form_refused(parts)
    response = see_other(f"{parts.base}/")
    parts.jar.drop(response, SESSION_COOKIE)
    return response
