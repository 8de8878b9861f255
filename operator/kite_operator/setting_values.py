"""Parsers for the texts of settings: each returns a value, or raises ValueError with words for the administrator."""

import ipaddress
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PREFIX_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_RESERVED = ("kubernetes.io", "k8s.io", "kite-operator.dev")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_FIRST_YEAR, _LAST_YEAR = 2000, 2099
_LONGEST_AUDIENCE = 253
_PUBLIC_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")


def url(text: str) -> str:
    """Return a base address: https, or http on loopback and inside the cluster."""
    parts = urlsplit(text)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError("must be a base address such as https://api.kite.trade, without a path")
    if parts.username or parts.password:
        raise ValueError("must not hold a user or password")
    if parts.scheme == "http" and not local and not parts.hostname.endswith((".svc", ".cluster.local")):
        raise ValueError("must be https; http is for loopback and addresses inside the cluster (a sandbox)")
    return text.rstrip("/")


def namespaces(text: str) -> tuple[str, ...]:
    """Return names of namespaces, separated by commas or spaces."""
    names = tuple(name for name in re.split(r"[,\s]+", text) if name)
    for name in names:
        namespace(name)
    return names


def prefixes(text: str) -> tuple[str, ...]:
    """Return prefixes of labels and annotations, none of them reserved."""
    prefixes = tuple(prefix for prefix in re.split(r"[,\s]+", text) if prefix)
    for prefix in prefixes:
        if not _PREFIX_NAME.fullmatch(prefix) or prefix.endswith(_RESERVED):
            raise ValueError(f"{prefix!r} is not a prefix that may be allowed")
    return prefixes


def dates(text: str) -> tuple[date, ...]:
    """Return days, each once and in order."""
    words = [word for word in re.split(r"[,\s]+", text) if word]
    wrong = [word for word in words if not _is_date(word)]
    if wrong:
        raise ValueError(f"{', '.join(map(repr, wrong))}: must be days such as 2026-11-08, separated by commas")
    return tuple(sorted({date.fromisoformat(word) for word in words}))


def _is_date(word: str) -> bool:
    try:
        return _DAY.fullmatch(word) is not None and _FIRST_YEAR <= date.fromisoformat(word).year <= _LAST_YEAR
    except ValueError:
        return False


def lease_name(text: str) -> str:
    """Return the name of a Lease that is no account Lease."""
    if not _PREFIX_NAME.fullmatch(text) or text.startswith("kite-account-"):
        raise ValueError(f"{text!r} is not the name of a Lease that may be used")
    return text


def class_name(text: str) -> str:
    """Return the name of a class of credentials."""
    if not _NAMESPACE.fullmatch(text):
        raise ValueError(f"{text!r} is not a class name: lower case letters, digits and -, at most 63")
    return text


def namespace(text: str) -> str:
    """Return the name of one namespace."""
    if not _NAMESPACE.fullmatch(text):
        raise ValueError(f"{text!r} is not a namespace name")
    return text


@dataclass(frozen=True, slots=True)
class Number:
    """Parses a number within bounds, which the chart's schema repeats."""

    kind: type[int] | type[float]
    low: float
    high: float

    def __call__(self, text: str) -> float:
        """Return the number; ValueError otherwise."""
        try:
            value = self.kind(text)
        except ValueError:
            raise ValueError("must be a number") from None
        if not self.low <= value <= self.high:
            raise ValueError(f"must be between {self.low:g} and {self.high:g}")
        return value


@dataclass(frozen=True, slots=True)
class OneOf:
    """Parses one of a few words, which the chart's schema repeats. With `any_case` the case does not matter."""

    words: tuple[str, ...]
    any_case: bool = False

    def __call__(self, text: str) -> str:
        """Return the word; ValueError otherwise."""
        word = text.lower() if self.any_case else text
        if word not in self.words:
            raise ValueError(f"must be one of {', '.join(self.words)}")
        return word


def listen(text: str) -> str:
    """Return a host and a port."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004 - the highest TCP port
        raise ValueError("must be host:port, such as 0.0.0.0:8080")
    return text


def public_url(text: str) -> str:
    """Return the public address for browsers: an origin with an optional path."""
    parts = urlsplit(text)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ValueError("must begin with https:// (or http:// for 127.0.0.1 and localhost)")
    if not parts.hostname or parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be an address such as https://kite-login.example.com, without user, query and fragment")
    if not _PUBLIC_PATH.fullmatch(parts.path):
        raise ValueError("must have a plain path or none, such as https://desk.example.com/kite-login")
    return text.rstrip("/")


def secret_name(text: str) -> str:
    """Return the name of a Secret."""
    if not _PREFIX_NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not the name of a Secret")
    return text


def header(text: str) -> str:
    """Return the name of an HTTP header."""
    if not _HEADER.fullmatch(text):
        raise ValueError("must be the name of a header, such as X-Forwarded-User")
    return text


def networks(text: str) -> tuple[str, ...]:
    """Return networks in CIDR notation."""
    networks = tuple(network for network in re.split(r"[,\s]+", text) if network)
    for network in networks:
        try:
            parsed = ipaddress.ip_network(network)
        except ValueError:
            raise ValueError(f"{network!r} is not a network such as 10.42.0.0/16") from None
        if parsed.prefixlen == 0:
            raise ValueError(f"{network!r} trusts everybody: name the proxy's own addresses")
    return networks


def audience(text: str) -> str:
    """Return an audience of ServiceAccount tokens."""
    if not text.isascii() or not text.isprintable() or " " in text or len(text) > _LONGEST_AUDIENCE:
        raise ValueError("must be one word, such as kite-operator")
    return text


def truth(text: str) -> bool:
    """Return True or False."""
    if text.lower() not in ("true", "false"):
        raise ValueError("must be true or false")
    return text.lower() == "true"


def writable(text: str) -> str:
    """Return the absolute path of a file whose folder exists."""
    path = Path(text)
    if not path.is_absolute() or not path.parent.is_dir() or path.is_dir():
        raise ValueError("must be the absolute path of a file in a folder that exists")
    return text
