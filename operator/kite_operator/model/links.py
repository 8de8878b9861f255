"""Addresses of the operator's own login page: one place that knows its paths."""

from urllib.parse import quote

from kite_operator.model.resource import Key


def login_link(public_url: str, key: Key) -> str:
    """Return where a person logs in for this credential; empty while there is no login page.

    `public_url` is the setting `--login-public-url`. The address holds no secret: it may stand in status, Events and
    notifications.
    """
    if not public_url:
        return ""
    return f"{public_url}/login/{quote(key.namespace, safe='')}/{quote(key.name, safe='')}"


def callback_url(public_url: str) -> str:
    """Return where the broker sends a browser after a login: what is registered for an app as its redirect URL."""
    return f"{public_url}/callback"
