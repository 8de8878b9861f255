"""Admin API: accounts, apps, switches, and the acts of their owners."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from kite_sandbox.accounts import Account
from kite_sandbox.apps import App
from kite_sandbox.confidential import Secret
from kite_sandbox.fields import Fields, maybe_text, text
from kite_sandbox.registration import register_account, register_app, seed, totp_secret, twofa_type
from kite_sandbox.server.sandbox import Sandbox


def known_account(sandbox: Sandbox, path: Mapping[str, str]) -> Account:
    """The account of the path; LookupError if there is none."""
    try:
        return sandbox.world.accounts[path["client_id"]]
    except KeyError:
        raise LookupError("no such account") from None


def known_app(sandbox: Sandbox, api_key: str) -> App:
    """An app; LookupError if there is none."""
    try:
        return sandbox.world.apps[api_key]
    except KeyError:
        raise LookupError("no such app") from None


def shown_account(account: Account) -> dict[str, Any]:
    """An account without its credentials."""
    return {
        "client_id": account.client_id,
        "twofa_type": account.twofa_type,
        "wrong_passwords": account.wrong_passwords,
        "wrong_codes": account.wrong_codes,
        "blocked": account.blocked,
        "consents": sorted(account.consents),
    }


def shown_app(app: App) -> dict[str, Any]:
    """An app without its secret."""
    return {
        "api_key": app.api_key,
        "redirect_url": app.redirect_url,
        "app_type": app.app_type,
        "clients": None if app.clients is None else sorted(app.clients),
        "subscribed": app.subscribed,
        "refresh_tokens": app.refresh_tokens,
    }


async def add(sandbox: Sandbox, _path: Mapping[str, str], body: Any) -> dict[str, Any]:
    """Register many at once; the only answer that holds credentials, since it may have made them up."""
    apps, accounts = seed(sandbox.world, body)
    return {
        "apps": [{**shown_app(app), "api_secret": app.api_secret.reveal()} for app in apps],
        "accounts": [
            {
                **shown_account(account),
                "password": account.password.reveal(),
                "totp_secret": account.totp_secret.reveal(),
            }
            for account in accounts
        ],
    }


async def get_account(sandbox: Sandbox, path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """One account."""
    return shown_account(known_account(sandbox, path))


async def put_account(sandbox: Sandbox, path: Mapping[str, str], body: Any) -> dict[str, Any]:
    """Create or change one account."""
    return shown_account(register_account(sandbox.world, {**body, "client_id": path["client_id"]}))


async def get_app(sandbox: Sandbox, path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """One app."""
    return shown_app(known_app(sandbox, path["api_key"]))


async def put_app(sandbox: Sandbox, path: Mapping[str, str], body: Any) -> dict[str, Any]:
    """Create or change one app."""
    return shown_app(register_app(sandbox.world, {**body, "api_key": path["api_key"]}))


async def regenerate_secret(sandbox: Sandbox, path: Mapping[str, str], body: Any) -> dict[str, Any]:
    """Give an app another secret, the given one or a new one."""
    app = known_app(sandbox, path["api_key"])
    fields = Fields(body)
    given = fields.take("api_secret", maybe_text, None)
    fields.finish()
    fresh = sandbox.world.mint.secret() if given is None else Secret(given)
    sandbox.world.regenerate_secret(app.api_key, fresh)
    return {"api_secret": fresh.reveal()}


async def credentials(sandbox: Sandbox, path: Mapping[str, str], body: Any) -> dict[str, Any]:
    """The client resets the password (which ends all sessions), the TOTP secret, or the kind of second factor.

    A reset of either secret unblocks: the documentation says that unblocking needs one. That it suffices is SYNTHETIC.
    """
    account = known_account(sandbox, path)
    fields = Fields(body)
    password = fields.take("password", maybe_text, None)
    secret = fields.take("totp_secret", totp_secret, account.totp_secret)
    kind = fields.take("twofa_type", twofa_type, account.twofa_type)
    fields.finish()
    if "totp_secret" in fields or password is not None:
        account = account.unblocked()
    sandbox.world.keep(replace(account, totp_secret=secret, twofa_type=kind))
    if password is not None:
        sandbox.world.change_password(account.client_id, Secret(password))
    return shown_account(sandbox.world.accounts[account.client_id])


async def block(sandbox: Sandbox, path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """Block an account."""
    sandbox.world.keep(replace(known_account(sandbox, path), blocked=True))
    return await get_account(sandbox, path, None)


async def unblock(sandbox: Sandbox, path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """Unblock an account and forget its wrong entries."""
    sandbox.world.keep(known_account(sandbox, path).unblocked())
    return await get_account(sandbox, path, None)


async def consent(sandbox: Sandbox, path: Mapping[str, str], body: Any) -> dict[str, Any]:
    """The client allows an app."""
    account = known_account(sandbox, path)
    fields = Fields(body)
    api_key = fields.require("api_key", text, "")
    fields.finish()
    sandbox.world.keep(account.with_consent(known_app(sandbox, api_key).api_key))
    return await get_account(sandbox, path, None)


async def get_switches(sandbox: Sandbox, path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """The values in force globally, or for `?client_id=&api_key=`."""
    return asdict(sandbox.world.rules(path.get("client_id"), path.get("api_key")))


async def put_switches(sandbox: Sandbox, _path: Mapping[str, str], body: Any) -> dict[str, Any]:
    """Move global switches."""
    sandbox.world.switches.set_everywhere(body)
    return asdict(sandbox.world.switches.everywhere)


async def put_account_switches(sandbox: Sandbox, path: Mapping[str, str], body: Any) -> dict[str, Any]:
    """Override switches for an account."""
    client_id = known_account(sandbox, path).client_id
    sandbox.world.switches.set_for_account(client_id, body)
    return asdict(sandbox.world.rules(client_id, None))


async def put_app_switches(sandbox: Sandbox, path: Mapping[str, str], body: Any) -> dict[str, Any]:
    """Override switches for an app."""
    api_key = known_app(sandbox, path["api_key"]).api_key
    sandbox.world.switches.set_for_app(api_key, body)
    return asdict(sandbox.world.rules(None, api_key))


async def delete_account_switches(sandbox: Sandbox, path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """Drop an account's overrides."""
    client_id = known_account(sandbox, path).client_id
    sandbox.world.switches.clear_account(client_id)
    return asdict(sandbox.world.rules(client_id, None))


async def delete_app_switches(sandbox: Sandbox, path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """Drop an app's overrides."""
    api_key = known_app(sandbox, path["api_key"]).api_key
    sandbox.world.switches.clear_app(api_key)
    return asdict(sandbox.world.rules(None, api_key))


ROUTES = (
    ("POST", "/admin/registry", add),
    ("GET", "/admin/accounts/{client_id}", get_account),
    ("PUT", "/admin/accounts/{client_id}", put_account),
    ("POST", "/admin/accounts/{client_id}/credentials", credentials),
    ("POST", "/admin/accounts/{client_id}/block", block),
    ("POST", "/admin/accounts/{client_id}/unblock", unblock),
    ("POST", "/admin/accounts/{client_id}/consent", consent),
    ("PUT", "/admin/accounts/{client_id}/switches", put_account_switches),
    ("DELETE", "/admin/accounts/{client_id}/switches", delete_account_switches),
    ("GET", "/admin/apps/{api_key}", get_app),
    ("PUT", "/admin/apps/{api_key}", put_app),
    ("POST", "/admin/apps/{api_key}/regenerate-secret", regenerate_secret),
    ("PUT", "/admin/apps/{api_key}/switches", put_app_switches),
    ("DELETE", "/admin/apps/{api_key}/switches", delete_app_switches),
    ("GET", "/admin/switches", get_switches),
    ("PUT", "/admin/switches", put_switches),
)
