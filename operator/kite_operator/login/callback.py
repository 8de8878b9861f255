"""The way to Kite and the callback: a login is started; its request_token becomes a grant, or nothing is changed."""

import secrets
from urllib.parse import urlencode

from aiohttp import web

from kite_operator.cluster.api import secrets_path
from kite_operator.cluster.grants import create_grant
from kite_operator.login.answers import Answer, Flaw, read_pasted, read_query
from kite_operator.login.context import (
    Called,
    PageContext,
    PageEvent,
    called,
    credential_of,
    fields_of,
    form_refused,
)
from kite_operator.login.front import show_credential
from kite_operator.login.state import LIFE, Fault, State, grant_name, issue, under_way, verify_callback
from kite_operator.login.views import see_other
from kite_operator.model.errors import Conflict
from kite_operator.model.resource import Credential, Key
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import AppKeys
from kite_operator.model.sources import parse_app_secret

_BUSY = "Too many logins were started for this credential. Wait half a minute, then start again."
_PASTED = {
    Flaw.NOT_AN_ADDRESS: "That is not a whole address. Copy all of it from the address bar, from https:// on.",
    Flaw.OTHER_ADDRESS: "That is not the app's redirect URL (below). Copy the address that Kite sent you to.",
    Flaw.DECLINED: "Kite says that the login was cancelled. Nothing was changed. Start it again.",
    Flaw.INCOMPLETE: "That address has no request_token: the login was not completed. Start it again.",
    Fault.FOREIGN: "That address is from another login. Start the login here, and copy the address that it leads to.",
    Fault.EXPIRED: "That login took longer than five minutes. Start it again.",
    Fault.OTHER_BROWSER: "That login was used already, or started in another browser. Start it again here.",
}


async def start(context: PageContext, request: web.Request) -> web.Response:
    """Handle POST /login/{namespace}/{name}: redirect to Kite, with a state that is valid in this browser only."""
    call = await _sent_from_here(context, request)
    if isinstance(call, web.Response):
        return call
    credential, now = call.credential, context.clock.now()
    if not _spend(context, credential.key):
        context.report_event(PageEvent.TOO_MANY, credential.key, call.visitor)
        return show_credential(context, request, call, _BUSY, 429)
    secret = await context.cluster.find(secrets_path(credential.key.namespace, credential.app_secret))
    app = parse_app_secret(credential.app_secret, None if secret is None else dict(secret.get("data") or {}))
    if not isinstance(app, AppKeys):
        context.report_event(PageEvent.APP_UNUSABLE, credential.key, call.visitor)
        return show_credential(context, request, call, app.message, 409)
    begun = issue(context.signer, credential, now, nonce=secrets.token_urlsafe(32), secret=secrets.token_urlsafe(32))
    context.report_event(PageEvent.STARTED, credential.key, call.visitor)
    response = see_other(_to_kite(context, app.api_key, begun.text))
    context.jar.put(response, begun.state.cookie, begun.cookie_value, seconds=int(LIFE.total_seconds()))
    return response


def _to_kite(context: PageContext, api_key: Sensitive, state: str) -> str:
    query = {"v": "3", "api_key": api_key.reveal(), "redirect_params": urlencode({"state": state})}
    return f"{context.kite.login_url}/connect/login?{urlencode(query)}"


async def callback(context: PageContext, request: web.Request) -> web.Response:
    """Handle GET /callback. The browser is always redirected, so that the request_token stays in no address.

    The state and its cookie alone identify the login, and any replica can read both.
    """
    answer = read_query({name: request.query.getall(name) for name in request.query})
    cookies, now = context.jar.read(request), context.clock.now()
    if isinstance(answer, Flaw):
        begun = under_way(context.signer, cookies, now)
        key = begun[0].key if len(begun) == 1 else None
        context.report_event(PageEvent(answer.value), key)
        return _to_notice(context, answer.value, key)
    state = verify_callback(context.signer, answer.state, cookies, now)
    if isinstance(state, Fault):
        context.report_event(PageEvent(state.value))
        return _to_notice(context, state.value)
    credential = await _known(context, request, state)
    if credential is None:
        context.report_event(PageEvent.FORBIDDEN, state.key)
        return _to_notice(context, Fault.FOREIGN)
    response = await _handed_over(context, credential, state.grant, answer.request_token)
    context.jar.drop(response, state.cookie)
    return response


async def _known(context: PageContext, request: web.Request, state: State) -> Credential | None:
    """Return the credential of the login, if it is still the same object and the visitor may still log in for it."""
    if context.passphrase is None:
        visitor = await context.access.visitor(request)
        if visitor is None or not await context.access.may(visitor, state.key.namespace):
            return None
    credential = await credential_of(context, state.key)
    return credential if credential is not None and credential.uid == state.uid else None


async def paste(context: PageContext, request: web.Request) -> web.Response:
    """Handle POST /login/{namespace}/{name}/paste: the callback for browsers that cannot reach its address."""
    call = await _sent_from_here(context, request)
    if isinstance(call, web.Response):
        return call
    key = call.credential.key
    if not _spend(context, key):
        context.report_event(PageEvent.TOO_MANY, key, call.visitor)
        return show_credential(context, request, call, _BUSY, 429)
    answer = read_pasted((await fields_of(request)).get("address", ""), call.credential.redirect_url)
    if isinstance(answer, Flaw):
        context.report_event(PageEvent(answer.value), key, call.visitor)
        return show_credential(context, request, call, _PASTED[answer], 422)
    state = _pasted_state(context, request, call.credential, answer)
    if isinstance(state, Fault):
        context.report_event(PageEvent(state.value), key, call.visitor)
        return show_credential(context, request, call, _PASTED[state], 422)
    grant = state.grant if state is not None else _stateless_grant(context, key, answer)
    response = await _handed_over(context, call.credential, grant, answer.request_token)
    if state is not None:
        context.jar.drop(response, state.cookie)
    return response


def _pasted_state(
    context: PageContext, request: web.Request, credential: Credential, answer: Answer
) -> State | Fault | None:
    """Return the state of a login that was started here and ends in the pasted address; None if started elsewhere."""
    if not answer.state:
        return None
    state = verify_callback(context.signer, answer.state, context.jar.read(request), context.clock.now())
    if isinstance(state, Fault):
        return state
    return state if (state.key, state.uid) == (credential.key, credential.uid) else Fault.FOREIGN


def _stateless_grant(context: PageContext, key: Key, answer: Answer) -> str:
    """Return the grant's name for a login that was not started here: it is derived from the request_token."""
    return grant_name(key, context.signer.signature("pasted", answer.request_token.reveal()))


async def _handed_over(
    context: PageContext, credential: Credential, grant: str, request_token: Sensitive
) -> web.Response:
    """Create the grant once. A second call changes nothing and shows the outcome of the first."""
    key, last = credential.key, credential.status.last_login
    page_event = PageEvent.REPLAYED
    if last is None or last.grant != grant:
        try:
            await create_grant(context.cluster, credential, grant, request_token)
            page_event = PageEvent.HANDED_OVER
        except Conflict:
            pass
    context.report_event(page_event, key)
    return see_other(f"{context.base}/result/{key.namespace}/{key.name}/{grant}")


async def _sent_from_here(context: PageContext, request: web.Request) -> Called | web.Response:
    """Return the visitor and the credential of a form, or the page for a form that is not ours."""
    if not context.forms.is_ours(request, await fields_of(request)):
        return form_refused(context, None)
    return await called(context, request)


def _spend(context: PageContext, key: Key) -> bool:
    now = context.clock.boottime()
    allowed = context.limits.logins.left(key, now)
    if allowed:
        context.limits.logins.spend(key, now)
    return allowed


def _to_notice(context: PageContext, what: str, key: Key | None = None) -> web.Response:
    return see_other(f"{context.base}/notice/{what}" + (f"/{key.namespace}/{key.name}" if key is not None else ""))
