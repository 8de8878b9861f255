"""Loopback ports that stay free until the test's server takes them.

They lie below the ports of the kernel's outgoing connections and below those of devcluster. Each worker of pytest-xdist
has a range of its own and goes through it in turn, so that no two tests are given one port at the same time.
"""

import itertools
import os
import random

from devcluster.ports import is_free

_LOWEST, _WORKERS, _EACH = 10000, 10, 1000


def _own(worker: str) -> range:
    """The range of a worker, which is named gw0, gw1, …; without workers the name is empty."""
    first = _LOWEST + int(worker.removeprefix("gw") or "0") % _WORKERS * _EACH
    return range(first, first + _EACH)


def _in_turn(own: range) -> "itertools.cycle[int]":
    """The range from anywhere in it: another run of tests on this machine is then elsewhere."""
    begin = random.SystemRandom().randrange(len(own))
    return itertools.cycle([*own[begin:], *own[:begin]])


_ports = _in_turn(_own(os.environ.get("PYTEST_XDIST_WORKER", "")))


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on; RuntimeError when there is none."""
    for port in itertools.islice(_ports, _EACH):
        if is_free(port):
            return port
    raise RuntimeError("no free port")
