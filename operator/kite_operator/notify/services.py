"""The services that reminders go by: a closed table in front of Apprise.

Apprise makes services of whatever a URL says: a hundred schemes, plugins that run programs, options that read files
(`template=`, `pgpprv=`), fetch other addresses (`wkd=`), name another host (`smtp=`, `port=`) or switch the
verification of certificates off. A user's URL is therefore never handed to it as a whole. It is parsed by the plugin
of a scheme in the table, it may have that scheme's options only, and where its request would go is read from the made
service, not from the URL, before it is compared with what the administrator allows.
"""

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

with warnings.catch_warnings():
    # Its e-mail plugin asks for modules that the standard library gives up.
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

# Its log has URLs and answers in it, and those have tokens in them.
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
    """One place to send to, ready to be used; it holds the URL's secrets and shows none."""

    _plugin: NotifyBase

    def __repr__(self) -> str:
        return "Service(***)"

    def send(self, title: str, body: str) -> bool:
        """Send now; blocks for as long as the network takes. True when the service took it; raises nothing of ours."""
        sent = self._plugin.notify(
            title=title, body=body, notify_type=NotifyType.WARNING, body_format=NotifyFormat.TEXT
        )
        return bool(sent)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A scheme's plugin, the options that its URLs may have, and where it would send to.

    `free` where a URL may bring headers, query parameters and fields of its own for the webhook (`+`, `-`, `:`).
    """

    plugin: type[NotifyBase]
    options: frozenset[str]
    reach: Callable[[Any], Destination]
    free: bool = False


def _fixed(scheme: str) -> Callable[[Any], Destination]:
    return lambda _plugin: Destination(scheme)


def _web(plugin: Any) -> Destination:
    """A webhook: Apprise puts scheme, host, port and path together, so that a path must begin with its slash."""
    if not str(plugin.fullpath or "/").startswith("/"):
        raise UrlRefused("has a path that cannot be used")
    scheme = "https" if plugin.secure else "http"
    return Destination(scheme, str(plugin.host), int(plugin.port or PORTS[scheme][0]))


def _teams(plugin: Any) -> Destination:
    """A workflow is always asked by https, and its path begins within the plugin."""
    return Destination("https", str(plugin.host), int(plugin.port or PORTS["https"][0]))


def _mail(plugin: Any) -> Destination:
    """The mail server, which is not always the host of the URL; what is encrypted is so by its mode."""
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
"""What a line may begin with, beside https:// and http://: an address as a service or a webhook gives it."""
_NATIVE = (_SLACK, _DISCORD, _GCHAT, _TEAMS)


def open_service(url: Sensitive, allowed: AllowList) -> Service:
    """The service that a URL names, or UrlRefused; nothing is sent and nothing is looked up."""
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
    scheme, found, rest = text.partition("://")
    scheme = scheme.lower()
    if found and scheme in ("https", "http"):
        return _parse_address(scheme, rest)
    if not found or scheme not in KINDS:
        raise UrlRefused(f"does not begin with a scheme that the operator knows ({', '.join(sorted(KINDS))}, https)")
    kind = KINDS[scheme]
    return kind, _parsed(lambda: kind.plugin.parse_url(text))


def _parse_address(scheme: str, rest: str) -> tuple[_Kind, dict[str, Any]]:
    """An address as services give it to copy; what is of no service that we know is a webhook that takes JSON."""
    for kind in _NATIVE if scheme == "https" else ():
        native = _attempt(lambda kind=kind: kind.plugin.parse_native_url(f"https://{rest}"))  # type: ignore[misc]  # bound
        if native:
            return kind, native
    address, question, query = rest.partition("?")
    # In Apprise's own form a parameter that is meant for the server begins with a minus.
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
        # Not by name: in a URL that was copied wrongly a token may stand in its place.
        raise UrlRefused(f"has an option that is not allowed (allowed: {', '.join(sorted(kind.options))})")
    if any(str(header).strip().lower() in _FORBIDDEN_HEADERS for header in parsed.get("headers") or {}):
        raise UrlRefused("sets a header that is not a user's to set")


def _restrict(plugin: Any) -> None:
    """Whatever a URL says: certificates are verified, redirects not followed, and no wait is long."""
    plugin.verify_certificate = True
    plugin.redirects = False
    plugin.socket_connect_timeout = CONNECT_SECONDS
    plugin.socket_read_timeout = READ_SECONDS
