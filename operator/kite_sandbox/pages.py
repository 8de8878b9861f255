"""The HTML pages of the login host: the login, the second factor and the consent, as a person's browser shows them.

They are plain forms that need no script and work on a phone. How the real pages look and what they say is not copied:
all of it is SYNTHETIC, and a banner says on every page that this is not Zerodha.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from kite_sandbox.accounts import TwofaType
from kite_sandbox.apps import App, AppType

LOGIN_FORM = "/synthetic/login"
TWOFA_FORM = "/synthetic/twofa"
"""Where the forms go. The real pages post to /api/login and /api/twofa by script, which answer in JSON."""

_BANNER = "kite_sandbox: not Zerodha"

_STYLE = (
    ":root{color-scheme:light}*{box-sizing:border-box}"
    "body{margin:0;font:1rem/1.5 system-ui,sans-serif;color:#1a2733;background:#eef2f5}"
    "header{padding:.5rem 1rem;text-align:center;font-weight:600;color:#fff;background:#1b4d3e}"
    "main{max-width:24rem;margin:2rem auto;padding:1.5rem;background:#fff;border-radius:.5rem}"
    "h1{margin:0 0 1rem;font-size:1.4rem}label{display:block;margin-top:1rem;font-weight:600}"
    "input,button{width:100%;min-height:2.75rem;padding:.5rem;font:inherit}"
    "input,button{border:1px solid #5b6b79;border-radius:.25rem}"
    "button{margin-top:1.25rem;cursor:pointer}.first{color:#fff;background:#1b4d3e}.hint{color:#4a5a68}"
    "[role=alert]{padding:.5rem .75rem;color:#8a1020;background:#fdecee;border-left:.25rem solid #8a1020}"
)
_FRAME = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
    "<style>{style}</style></head><body><header>{banner}</header><main>{body}</main></body></html>"
)

_CODE_LABELS = {TwofaType.TOTP: "TOTP code", TwofaType.APP_CODE: "App code", TwofaType.SMS: "SMS code"}
_CODE_SOURCES = {
    TwofaType.TOTP: "The 6 digits that your authenticator app shows now.",
    TwofaType.APP_CODE: "The 6 digits that the broker's mobile app shows now.",
    TwofaType.SMS: "The 6 digits that were sent to your phone.",
}
_PERMISSIONS = {
    AppType.TRADING: "It will be able to read your account and to place orders.",
    AppType.CONNECT: "It will be able to read your account, and not to place orders.",
}


@dataclass(frozen=True, slots=True)
class Errand:
    """The request to /connect/login, as the forms carry it on; `redirect_params` are still encoded."""

    api_key: str = ""
    redirect_params: str = ""


@dataclass(frozen=True, slots=True)
class CodeStep:
    """An accepted password: whose, and the request_id of the second factor that is still to come."""

    client_id: str
    request_id: str = field(repr=False)
    kind: TwofaType


def login_page(errand: Errand, client_id: str = "", alerts: Sequence[str] = ()) -> str:
    """The form for client ID and password; also what Kite shows when it does not honour the cookies."""
    return _page(
        "Log in",
        alerts,
        f"{_heading('Log in')}{_alerts(alerts)}"
        f'<form method="post" action="{LOGIN_FORM}">{_carried(errand)}'
        '<label for="user_id">Client ID</label>'
        f'<input id="user_id" name="user_id" value="{escape(client_id)}" required autocomplete="username"'
        ' autocapitalize="characters" spellcheck="false">'
        '<label for="password">Password</label>'
        '<input id="password" name="password" type="password" required autocomplete="current-password">'
        '<button class="first">Log in</button></form>',
    )


def twofa_page(errand: Errand, step: CodeStep, alerts: Sequence[str] = ()) -> str:
    """The form for the second factor."""
    return _page(
        "Second factor",
        alerts,
        f'{_heading("Second factor")}{_alerts(alerts)}<p class="hint">{escape(step.client_id)}</p>'
        f'<form method="post" action="{TWOFA_FORM}">{_carried(errand)}'
        f"{_hidden('user_id', step.client_id)}{_hidden('request_id', step.request_id)}"
        f'<label for="twofa_value">{_CODE_LABELS[step.kind]}</label>'
        '<input id="twofa_value" name="twofa_value" required inputmode="numeric" pattern="[0-9]{6}"'
        ' title="6 digits" autocomplete="one-time-code" aria-describedby="code-hint">'
        f'<p class="hint" id="code-hint">{_CODE_SOURCES[step.kind]}</p>'
        '<button class="first">Continue</button></form>',
    )


def consent_page(app: App, client_id: str, sess_id: str) -> str:
    """Return the page of consent, shown when an account logs in to an app for the first time."""
    heading = f"Authorise {app.api_key}?"
    return _page(
        heading,
        (),
        f"{_heading(heading)}<p>The app <strong>{escape(app.api_key)}</strong> asks for access to the account"
        f" <strong>{escape(client_id)}</strong>. {_PERMISSIONS[app.app_type]}</p>"
        f'<form method="post" action="/connect/authorize">{_hidden("sess_id", sess_id)}'
        '<button class="first" name="decision" value="accept">Authorise</button>'
        '<button name="decision" value="decline">Decline</button></form>',
    )


def gateway_page(status: int) -> str:
    """A page of a proxy or firewall in front of the broker (SYNTHETIC)."""
    return _page(f"{status}", (), f"{_heading(str(status))}<p>The request could not be served (sandbox).</p>")


def _page(title: str, alerts: Sequence[str], body: str) -> str:
    """The frame of every page; a title that begins with the problem is what a screen reader reads first."""
    whole = f"{'Error: ' if any(alerts) else ''}{title} · {_BANNER}"
    return _FRAME.format(title=escape(whole), style=_STYLE, banner=_BANNER, body=body)


def _heading(text: str) -> str:
    return f"<h1>{escape(text)}</h1>"


def _alerts(alerts: Sequence[str]) -> str:
    return "".join(f'<p role="alert">{escape(alert)}</p>' for alert in alerts)


def _carried(errand: Errand) -> str:
    return _hidden("api_key", errand.api_key) + _hidden("redirect_params", errand.redirect_params)


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'
