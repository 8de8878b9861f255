"""Replicas of one operator as their tests see them."""

from support.operators import OperatorProcess
from support.world import World

REPLICA = ("--leader-lease", "kite-operator")
TAKEN_OVER_WITHIN = 45.0
"""Three times of what it may take: a busy machine decides no test. How long it takes is measured by tests/e2e."""


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


def taken_over(by: OperatorProcess, world: World) -> None:
    """Wait until it leads."""
    world.until(lambda: leads(by), "taken over", within=TAKEN_OVER_WITHIN)


def holder(world: World) -> str:
    """The replica that the Lease names; empty when it was given back."""
    lease = world.api.get(world.path("leases", REPLICA[1]))
    return str(lease["spec"].get("holderIdentity") or "")
