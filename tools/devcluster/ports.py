"""Chooses free loopback ports that stay free.

They lie below the range from which the kernel takes the ports of outgoing connections. Inside that range a client
that connects to a server which is just being restarted can be given the server's own port and keep it, or even
connect to itself.
"""

from __future__ import annotations

import random
import socket
from pathlib import Path
from typing import Final

from devcluster.errors import DevclusterError

LOOPBACK: Final = "127.0.0.1"
_LOWEST: Final = 20000
_FALLBACK_EPHEMERAL: Final = 32768
_RANGE_FILE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int, *, choose: random.Random | None = None) -> list[int]:
    """`count` different ports that nobody listens on now. Another program may still take one before it is used."""
    chooser = choose or random.SystemRandom()
    candidates = range(_LOWEST, highest_port())
    found: list[int] = []
    for port in chooser.sample(candidates, len(candidates)):
        if is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise DevclusterError(f"no {count} free ports from {_LOWEST} to {candidates.stop - 1} on {LOOPBACK}")


def highest_port(range_file: Path = _RANGE_FILE) -> int:
    """The first port of outgoing connections, which ours stay below; the kernel's default where that is too low."""
    try:
        first = int(range_file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return _FALLBACK_EPHEMERAL
    return first if first > _LOWEST + 1000 else _FALLBACK_EPHEMERAL


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
