"""The destinations of notifications that the operator's administrator allows, whatever the users' Secrets say.

A user's URL makes the operator send a request from inside the cluster. So only destinations that are listed by name are
allowed: services whose hosts are fixed by their protocol, and hosts that the administrator names.
"""

import re
from dataclasses import dataclass

SERVICES = ("slack", "tgram", "discord", "gchat", "pover", "pagerduty")
"""Schemes whose requests go to hosts that a URL cannot choose."""
PORTS = {"https": (443,), "http": (80,), "mailtos": (465, 587), "mailto": (25,)}
"""Schemes whose hosts are chosen by a URL, with the default ports of an entry that names none."""
NOTHING = "none"

_ENTRY = re.compile(r"([a-z]+)://(?:(\*\.)?([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::([1-9][0-9]{0,4}))?)?/?")
_HOST = re.compile(r"[a-z0-9.-]+")
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Destination:
    """The destination of a notification: the scheme of an entry that could allow it, host and port."""

    scheme: str
    host: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True)
class Allowed:
    """One entry: a service, or a host. `below` means every name below `host`, and not the host itself."""

    scheme: str
    host: str = ""
    ports: tuple[int, ...] = ()
    below: bool = False

    def permits(self, destination: Destination) -> bool:
        """Return whether this entry allows the destination; hosts are compared as names, never resolved."""
        if destination.scheme != self.scheme:
            return False
        if self.scheme in SERVICES:
            return True
        host = destination.host.lower()
        if not _HOST.fullmatch(host):
            return False  # a # or / from an escape would end the host elsewhere
        same = host.endswith(f".{self.host}") if self.below else host == self.host
        return same and destination.port in self.ports


AllowList = tuple[Allowed, ...]


def parse_allow_list(text: str) -> AllowList:
    """Return the entries, separated by commas; `none` for none at all. ValueError names the entry and the problem."""
    entries = [entry for entry in re.split(r"[,\s]+", text) if entry]
    return () if entries == [NOTHING] else tuple(_entry(entry) for entry in entries)


def _entry(text: str) -> Allowed:
    match = _ENTRY.fullmatch(text.lower())
    scheme, below, host, port = match.groups() if match is not None else ("", "", "", "")
    if scheme in SERVICES:
        if host:
            raise ValueError(f"{text!r}: {scheme}:// has no host to choose: write {scheme}://")
        return Allowed(scheme)
    if scheme not in PORTS:
        known = ", ".join(f"{name}://" for name in (*SERVICES, *PORTS))
        raise ValueError(f"{text!r} is not an entry such as slack:// or https://hooks.example.com (known: {known})")
    if not host:
        raise ValueError(f"{text!r}: {scheme}:// needs a host, such as {scheme}://notify.example.com")
    if port and int(port) > _HIGHEST_PORT:
        raise ValueError(f"{text!r}: a port is at most {_HIGHEST_PORT}")
    return Allowed(scheme, host, (int(port),) if port else PORTS[scheme], bool(below))
