"""Classes: two operators share a cluster, each with its own credentials, and one is handed over to the other."""

from support.replicas import has_looked
from support.world import World


def test_each_operator_handles_its_own_class_only(world: World) -> None:
    world.operator()
    world.alpha(className="desk")
    world.alpha("beta", "CD5678")
    world.wait("SessionActive", name="beta")
    world.settle()
    assert {} == world.status("alpha")
    assert 0 == sum(world.sandbox.counters("AB1234").calls.values())
    world.operator("--class-name", "desk")
    world.wait("SessionActive")
    assert 1 == world.sandbox.counters("CD5678").count("login")


def test_a_credential_that_is_handed_over_keeps_its_token_and_its_claim(world: World) -> None:
    here, there = world.operator(), world.operator("--class-name", "desk")
    world.alpha()
    world.wait("SessionActive")
    token = world.token()
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"className": "desk"}})
    sample = f'kite_credential_ready{{name="alpha",namespace="{world.namespace}"}}'
    world.until(lambda: has_looked(there) and here.metric(sample) is None, "handed over")
    assert 1 == there.metric(sample)
    lease = world.api.get(world.path("leases", "kite-account-ab1234"))
    assert '"name":"alpha"' in lease["metadata"]["annotations"]["kite-operator.dev/account"]
    world.sandbox.master_logout("AB1234")
    world.clock.move(301)
    world.until(lambda: world.token() not in ("", token), "healed by the other")
    assert 2 == world.sandbox.counters("AB1234").count("login")
