"""The two HTML pages that a headless client may run into; the pages for people are not part of this module."""

from html import escape

_FRAME = (
    "<!doctype html><html lang=en><head><meta charset=utf-8><title>{title}</title></head><body>{body}</body></html>"
)


def login_page() -> str:
    """What Kite shows when it does not honour the cookies."""
    form = (
        '<h1>Login to Kite (sandbox)</h1><form method=post action="/api/login">'
        '<input name=user_id placeholder="User ID"><input name=password type=password placeholder="Password">'
        "<button>Login</button></form>"
    )
    return _FRAME.format(title="Kite sandbox", body=form)


def consent_page(api_key: str, sess_id: str) -> str:
    """What Kite shows the first time that an account meets an app."""
    form = (
        f"<h1>Authorise the app {escape(api_key)}? (sandbox)</h1>"
        f'<form method=post action="/connect/authorize"><input type=hidden name=sess_id value="{escape(sess_id)}">'
        "<button name=decision value=accept>Authorise</button>"
        "<button name=decision value=decline>Cancel</button></form>"
    )
    return _FRAME.format(title="Kite sandbox: authorise", body=form)


def gateway_page(status: int) -> str:
    """A page of a proxy or firewall in front of the broker (SYNTHETIC)."""
    return _FRAME.format(title=f"{status}", body=f"<h1>{status}</h1><p>The request could not be served (sandbox).</p>")
