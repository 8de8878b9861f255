"""Replicas of one operator as their tests see them."""

import time
from collections.abc import Callable

from support.operators import OperatorProcess
from support.world import World

REPLICA = ("--leader-lease", "kite-operator")
TAKEN_OVER_WITHIN = 15.0


def leads(each: OperatorProcess) -> bool:
    return each.metric("kite_operator_leader") == 1


def shown(each: OperatorProcess) -> bool:
    """Whether it tells of credentials: only the one that leads does."""
    return "kite_credential_ready{" in each.get("/metrics")[1]


def has_looked(each: OperatorProcess) -> bool:
    """Whether a look of its own has ended: until then it tells what status says, and nothing of wrong entries."""
    return "kite_credential_wrong_entries{" in each.get("/metrics")[1]


def logins(world: World) -> int:
    return int(world.sandbox.counters("AB1234").count("login"))


def seconds_until(holds: Callable[[], bool], world: World, what: str) -> float:
    started = time.monotonic()
    world.until(holds, what, within=TAKEN_OVER_WITHIN + 10)
    return time.monotonic() - started
