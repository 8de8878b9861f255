"""A suspended credential is left alone, and yet not told to be ready once its token's day is over (P7)."""

from support.world import World


def test_a_suspended_credential_is_ready_until_its_token_expires_and_no_longer(world: World) -> None:
    started = world.operator()
    world.alpha()
    world.wait("SessionActive")
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"suspend": True}})
    world.wait("Suspended")
    assert "True" == world.condition()[0]
    calls = sum(world.sandbox.counters("AB1234").calls.values())
    world.clock.move(86400)
    world.until(lambda: world.condition()[0] == "False", "not ready any more")
    sample = f'kite_credential_ready{{name="alpha",namespace="{world.namespace}"}}'
    world.until(lambda: started.metric(sample) == 0.0, "the metric too")
    assert calls == sum(world.sandbox.counters("AB1234").calls.values())
