"""Addresses of the operator's own login page: the only module that has its paths."""

from urllib.parse import quote

from kite_operator.model.resource import Key


def login_link(public_url: str, key: Key) -> str:
    """Return the address for a manual login of this credential; empty while there is no login page.

    `public_url` is the setting `--login-public-url`. The address holds no secret: it may be in status, Events and
    notifications.
    """
    if not public_url:
        return ""
    return f"{public_url}/login/{quote(key.namespace, safe='')}/{quote(key.name, safe='')}"


def callback_url(public_url: str) -> str:
    """Return the address of the callback, to which the broker redirects a browser: the redirect URL of an app."""
    return f"{public_url}/callback"
