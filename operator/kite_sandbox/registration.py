"""Apps and accounts from JSON: the same shapes for the seed file and for the admin API, new ones and changed ones."""

from collections.abc import Mapping
from typing import Any

import pyotp

from kite_sandbox.accounts import Account, TwofaType
from kite_sandbox.apps import App, AppType
from kite_sandbox.confidential import Secret, normalise_totp_secret
from kite_sandbox.fields import NOTHING, Fields, flag, mapping, objects, text, texts
from kite_sandbox.switches import parse_overrides
from kite_sandbox.world import World


def register_app(world: World, data: Mapping[str, Any]) -> App:
    """Create an app, or change the named fields of one. A missing api_key or api_secret is made up."""
    fields = Fields(data, "app")
    api_key = fields.take("api_key", text, "") or world.mint.text(16)
    old = world.apps.get(api_key) or App(api_key, world.mint.secret(), "http://127.0.0.1:8765/callback")
    app = App(
        api_key=api_key,
        api_secret=fields.take("api_secret", _secret, old.api_secret),
        redirect_url=fields.take("redirect_url", text, old.redirect_url),
        app_type=fields.take("app_type", _app_type, old.app_type),
        clients=fields.take("clients", _clients, old.clients),
        subscribed=fields.take("subscribed", flag, old.subscribed),
        refresh_tokens=fields.take("refresh_tokens", flag, old.refresh_tokens),
    )
    overrides = fields.take("switches", _overrides, NOTHING)
    fields.finish()
    world.apps[api_key] = app
    world.switches.set_for_app(api_key, overrides)
    return app


def register_account(world: World, data: Mapping[str, Any]) -> Account:
    """Create an account, or change the named fields of one. Missing credentials are made up.

    A password changed here is a correction of the set-up and ends no session; the client's own act is another call of
    the admin API.
    """
    fields = Fields(data, "account")
    client_id = fields.require("client_id", text, "")
    old = world.accounts.get(client_id) or Account(client_id, world.mint.secret(12), world.mint.totp_secret())
    account = Account(
        client_id=client_id,
        password=fields.take("password", _secret, old.password),
        totp_secret=fields.take("totp_secret", totp_secret, old.totp_secret),
        twofa_type=fields.take("twofa_type", twofa_type, old.twofa_type),
        wrong_passwords=old.wrong_passwords,
        wrong_codes=old.wrong_codes,
        blocked=fields.take("blocked", flag, old.blocked),
        used_window=old.used_window,
        web_epoch=old.web_epoch,
        consents=frozenset(fields.take("consents", texts, tuple(old.consents))),
    )
    overrides = fields.take("switches", _overrides, NOTHING)
    fields.finish()
    world.keep(account)
    world.switches.set_for_account(client_id, overrides)
    return account


def seed(world: World, data: object) -> tuple[list[App], list[Account]]:
    """Register `{"switches": {…}, "apps": […], "accounts": […]}`."""
    fields = Fields(data, "seed")
    overrides = fields.take("switches", _overrides, NOTHING)
    apps, accounts = fields.take("apps", objects, ()), fields.take("accounts", objects, ())
    fields.finish()
    world.switches.set_everywhere(overrides)
    return [register_app(world, each) for each in apps], [register_account(world, each) for each in accounts]


def totp_secret(value: object) -> Secret:
    """A base32 secret in any of the spellings that people use."""
    normal = normalise_totp_secret(text(value))
    try:
        pyotp.TOTP(normal).at(0)
    except ValueError as error:
        raise ValueError("must be base32, and long enough for pyotp") from error
    return Secret(normal)


def twofa_type(value: object) -> TwofaType:
    """One of the second factors."""
    try:
        return TwofaType(text(value))
    except ValueError as error:
        raise ValueError(f"must be one of {', '.join(TwofaType)}") from error


def _app_type(value: object) -> AppType:
    try:
        return AppType(text(value))
    except ValueError as error:
        raise ValueError(f"must be one of {', '.join(AppType)}") from error


def _secret(value: object) -> Secret:
    return Secret(text(value))


def _clients(value: object) -> frozenset[str] | None:
    return None if value is None else frozenset(texts(value))


def _overrides(value: object) -> dict[str, Any]:
    return parse_overrides(mapping(value))
