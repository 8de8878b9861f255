"""The services for reminders: a closed table in front of Apprise.

Apprise makes services of any URL: a hundred schemes, plugins that run programs, options that read files (`template=`,
`pgpprv=`), fetch other addresses (`wkd=`), name another host (`smtp=`, `port=`) or switch the verification of
certificates off. A user's URL is therefore never passed to it as a whole. The URL is parsed by the plugin of a scheme
in the table, and may have that scheme's options only. The destination of its requests is read from the made service,
not from the URL, and compared with the administrator's allow list.
"""

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

with warnings.catch_warnings():
    # Its e-mail plugin imports modules that are deprecated in the standard library.
    warnings.simplefilter("ignore", DeprecationWarning)
    from apprise import AppriseAsset, NotifyBase, NotifyFormat, NotifyType, PersistentStoreMode
    from apprise.plugins.custom_form import NotifyForm
    from apprise.plugins.custom_json import NotifyJSON
    from apprise.plugins.discord import NotifyDiscord
    from apprise.plugins.email.base import NotifyEmail
    from apprise.plugins.google_chat import NotifyGoogleChat
    from apprise.plugins.pagerduty import NotifyPagerDuty
    from apprise.plugins.pushover import NotifyPushover
    from apprise.plugins.slack import NotifySlack
    from apprise.plugins.telegram import NotifyTelegram
    from apprise.plugins.workflows import NotifyWorkflows

from kite_operator.allow_list import PORTS, AllowList, Destination
from kite_operator.model.sensitive import Sensitive

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
_FORBIDDEN_HEADERS = ("host", "content-length", "transfer-encoding", "connection")

# Its log contains URLs and answers, and those contain tokens.
_silenced = logging.getLogger("apprise")
_silenced.addHandler(logging.NullHandler())
_silenced.propagate = False
_silenced.disabled = True

_ASSET = AppriseAsset(
    app_id="kite-operator",
    app_desc="kite-operator",
    app_url="",
    image_url_mask="",
    image_url_logo="",
    http_redirects=False,
    storage_mode=PersistentStoreMode.MEMORY,
    pgp_autogen=False,
    pem_autogen=False,
    allow_templates=False,
)


class UrlRefused(ValueError):
    """A URL that is not used; the message completes "line 2 of key …" and holds nothing of the URL."""


@dataclass(frozen=True, slots=True, repr=False)
class Service:
    """One service, ready to be used; it holds the URL's secrets and shows none."""

    _plugin: NotifyBase

    def __repr__(self) -> str:
        return "Service(***)"

    def send(self, title: str, body: str) -> bool:
        """Send now, and block as long as the network takes. True if the service accepted it; raises nothing of ours."""
        sent = self._plugin.notify(
            title=title, body=body, notify_type=NotifyType.WARNING, body_format=NotifyFormat.TEXT
        )
        return bool(sent)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A scheme's plugin, the options that its URLs may have, and the destination of its requests.

    With `free` a URL may have headers, query parameters and fields of its own for the webhook (`+`, `-`, `:`).
    """

    plugin: type[NotifyBase]
    options: frozenset[str]
    reach: Callable[[Any], Destination]
    free: bool = False


def _fixed(scheme: str) -> Callable[[Any], Destination]:
    return lambda _plugin: Destination(scheme)


def _web(plugin: Any) -> Destination:
    """Return a webhook's host. Apprise joins scheme, host, port and path, so a path must begin with a slash."""
    if not str(plugin.fullpath or "/").startswith("/"):
        raise UrlRefused("has a path that cannot be used")
    scheme = "https" if plugin.secure else "http"
    return Destination(scheme, str(plugin.host), int(plugin.port or PORTS[scheme][0]))


def _teams(plugin: Any) -> Destination:
    """Return a workflow's host. Its requests always use https, and the plugin sets the beginning of the path."""
    return Destination("https", str(plugin.host), int(plugin.port or PORTS["https"][0]))


def _mail(plugin: Any) -> Destination:
    """Return the mail server, which is not always the host of the URL; the mode decides about encryption."""
    scheme = "mailto" if plugin.secure_mode == "insecure" else "mailtos"
    return Destination(scheme, str(plugin.smtp_host), int(plugin.port))


def _options(*names: str) -> frozenset[str]:
    return frozenset({"format", *names})


_MAIL = _Kind(NotifyEmail, _options("to", "cc", "bcc", "from", "name", "reply", "smtp", "mode", "user", "pass"), _mail)
_JSON = _Kind(NotifyJSON, _options("user", "pass"), _web, free=True)
_FORM = _Kind(NotifyForm, _options("user", "pass"), _web, free=True)
_TEAMS = _Kind(NotifyWorkflows, _options("api-version", "sp", "sv", "sig", "ver", "wrap", "pa"), _teams)
_SLACK = _Kind(NotifySlack, _options("footer", "image", "blocks", "timestamp"), _fixed("slack"))
_DISCORD = _Kind(NotifyDiscord, _options("thread", "footer", "avatar", "tts", "ping"), _fixed("discord"))
_GCHAT = _Kind(NotifyGoogleChat, _options("key", "token", "thread"), _fixed("gchat"))

KINDS: dict[str, _Kind] = {
    "slack": _SLACK,
    "tgram": _Kind(NotifyTelegram, _options("topic", "thread", "silent", "preview", "mdv"), _fixed("tgram")),
    "discord": _DISCORD,
    "gchat": _GCHAT,
    "pover": _Kind(NotifyPushover, _options("priority", "sound"), _fixed("pover")),
    "pagerduty": _Kind(NotifyPagerDuty, _options("region", "severity", "group", "class"), _fixed("pagerduty")),
    "workflow": _TEAMS,
    "workflows": _TEAMS,
    "mailto": _MAIL,
    "mailtos": _MAIL,
    "json": _JSON,
    "jsons": _JSON,
    "form": _FORM,
    "forms": _FORM,
}
"""Schemes that a line may begin with, besides https:// and http://, which are addresses as services give them."""
_NATIVE = (_SLACK, _DISCORD, _GCHAT, _TEAMS)


def open_service(url: Sensitive, allowed: AllowList) -> Service:
    """Return the service that a URL names, or raise UrlRefused. Nothing is sent, and no name is resolved."""
    kind, parsed = _parse(url.reveal())
    _check_options(kind, parsed)
    try:
        plugin = kind.plugin(**{**parsed, "asset": _ASSET})
    except Exception:  # noqa: BLE001 - a plugin may raise anything, and its text holds the URL
        plugin = None
    if plugin is None:
        raise UrlRefused("is not a complete URL of its service: compare it with docs/notifications.md")
    destination = kind.reach(plugin)
    if not any(entry.permits(destination) for entry in allowed):
        raise UrlRefused("goes where the operator may not send to: its administrator allows services and hosts by name")
    _restrict(plugin)
    return Service(plugin)


def _parse(text: str) -> tuple[_Kind, dict[str, Any]]:
    scheme, found, remainder = text.partition("://")
    scheme = scheme.lower()
    if found and scheme in ("https", "http"):
        return _parse_address(scheme, remainder)
    if not found or scheme not in KINDS:
        raise UrlRefused(f"does not begin with a scheme that the operator knows ({', '.join(sorted(KINDS))}, https)")
    kind = KINDS[scheme]
    return kind, _parsed(lambda: kind.plugin.parse_url(text))


def _parse_address(scheme: str, remainder: str) -> tuple[_Kind, dict[str, Any]]:
    """Parse an address as services give it; an address of no known service is a webhook that takes JSON."""
    for kind in _NATIVE if scheme == "https" else ():
        native = _attempt(lambda kind=kind: kind.plugin.parse_native_url(f"https://{remainder}"))  # type: ignore[misc]  # bound
        if native:
            return kind, native
    address, question, query = remainder.partition("?")
    # In Apprise's own form a parameter for the server begins with a minus.
    passed = "&".join(f"-{part}" for part in query.split("&") if part)
    return _JSON, _parsed(lambda: _JSON.plugin.parse_url(f"json{scheme[4:]}://{address}{question}{passed}"))


def _parsed(parse: Callable[[], Any]) -> dict[str, Any]:
    parsed = _attempt(parse)
    if not parsed:
        raise UrlRefused("is not a URL that can be read: compare it with docs/notifications.md")
    return parsed


def _attempt(parse: Callable[[], Any]) -> dict[str, Any] | None:
    try:
        parsed = parse()
    except Exception:  # noqa: BLE001 - a plugin may raise anything, and its text holds the URL
        return None
    return dict(parsed) if parsed else None


def _check_options(kind: _Kind, parsed: dict[str, Any]) -> None:
    names = {str(name).lower() for name in parsed.get("qsd") or {}}
    plain = {name for name in names if not (kind.free and name.startswith(("+", "-", ":")))}
    if plain - kind.options:
        # The option is not named: in a URL that was copied wrongly it may be a token.
        raise UrlRefused(f"has an option that is not allowed (allowed: {', '.join(sorted(kind.options))})")
    if any(str(header).strip().lower() in _FORBIDDEN_HEADERS for header in parsed.get("headers") or {}):
        raise UrlRefused("sets a header that is not a user's to set")


def _restrict(plugin: Any) -> None:
    """Enforce, for any URL: certificates are verified, redirects are not followed, and no wait is long."""
    plugin.verify_certificate = True
    plugin.redirects = False
    plugin.socket_connect_timeout = CONNECT_SECONDS
    plugin.socket_read_timeout = READ_SECONDS
