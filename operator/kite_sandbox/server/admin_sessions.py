"""Admin API: which tokens are alive, ending them, and logging in as if a person had."""

from collections.abc import Mapping
from typing import Any

from kite_sandbox.connect import callback_url
from kite_sandbox.exchange import open_session
from kite_sandbox.fields import NOTHING, Fields, mapping, text
from kite_sandbox.passes import Connecting
from kite_sandbox.server.admin_registry import known_account, known_app
from kite_sandbox.server.sandbox import Sandbox
from kite_sandbox.sessions import Session
from kite_sandbox.world import Call, Step


def _shown(sandbox: Sandbox, session: Session) -> dict[str, Any]:
    death = sandbox.world.death(session, sandbox.clock.now())
    return {
        "api_key": session.api_key,
        "client_id": session.client_id,
        "access_token_sha256": session.access_token.fingerprint,
        "minted_at": session.minted_at.isoformat(),
        "alive": death is None,
        "death": death,
    }


async def sessions(sandbox: Sandbox, path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """The sessions of an account that nobody has ended, oldest first."""
    account = known_account(sandbox, path)
    return {"sessions": [_shown(sandbox, each) for each in sandbox.world.sessions.of_client(account.client_id)]}


async def token(sandbox: Sandbox, _path: Mapping[str, str], body: Any) -> dict[str, Any]:
    """Return whether a given access_token works at this moment, and whose it is."""
    fields = Fields(body)
    access_token = fields.require("access_token", text, "")
    fields.finish()
    session = sandbox.world.sessions.find(access_token)
    return {"alive": False, "death": "unknown"} if session is None else _shown(sandbox, session)


async def master_logout(sandbox: Sandbox, path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """The client ends all sessions on Kite web."""
    return {"ended": sandbox.world.master_logout(known_account(sandbox, path).client_id)}


async def request_token(sandbox: Sandbox, path: Mapping[str, str], body: Any) -> dict[str, Any]:
    """A request_token as if a person had logged in, and the full redirect that their browser would follow."""
    client_id = known_account(sandbox, path).client_id
    fields = Fields(body)
    api_key = fields.require("api_key", text, "")
    extra = fields.take("redirect_params", mapping, NOTHING)
    fields.finish()
    known_app(sandbox, api_key)
    now = sandbox.clock.now()
    fresh = sandbox.world.issue_request_token(client_id, api_key, now)
    way = Connecting(client_id, api_key, tuple((name, str(value)) for name, value in extra.items()), now)
    return {"request_token": fresh, "redirect": callback_url(sandbox.world, way, fresh)}


async def session(sandbox: Sandbox, path: Mapping[str, str], body: Any) -> dict[str, Any]:
    """A whole login by another program: a session that the operator knows nothing of."""
    client_id = known_account(sandbox, path).client_id
    fields = Fields(body)
    api_key = fields.require("api_key", text, "")
    fields.finish()
    call = Call(Step.SESSION_TOKEN, sandbox.clock.now(), 0.0)
    opened = open_session(sandbox.world, known_app(sandbox, api_key), client_id, call)
    return {"access_token": opened.access_token.reveal(), **_shown(sandbox, opened)}


ROUTES = (
    ("GET", "/admin/accounts/{client_id}/sessions", sessions),
    ("POST", "/admin/accounts/{client_id}/master-logout", master_logout),
    ("POST", "/admin/accounts/{client_id}/request-token", request_token),
    ("POST", "/admin/accounts/{client_id}/session", session),
    ("POST", "/admin/token", token),
)
