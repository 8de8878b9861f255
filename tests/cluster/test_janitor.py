"""Account Leases are collected when they protect nobody any more, and not a day before."""

from pathlib import Path

import pytest

from kite_operator.cluster.api import connect
from kite_operator.janitor import Janitor
from support.movable import MovableClock
from support.world import World

DAY = 86400.0


async def sweep(world: World, in_use: frozenset[str] = frozenset()) -> int:
    cluster = await connect(str(world.kubeconfig), timeout_seconds=10, connections=4)
    async with cluster:
        clock = MovableClock(Path(world.clock.file))
        return await Janitor(cluster, clock, world.namespace, in_use.__contains__).sweep()


@pytest.fixture
def left_behind(world: World) -> World:
    """A credential that logged in and was deleted; its claim was given back."""
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    world.api.delete(world.path("kitecredentials", "alpha"))
    lease = world.path("leases", "kite-account-ab1234")
    world.until(
        lambda: '"claims":[]' in str(world.api.get(lease)["metadata"]["annotations"]), "the claim is given back"
    )
    world.operators[-1].kill()
    return world


async def test_a_clean_lease_goes_after_thirty_days(left_behind: World) -> None:
    assert 0 == await sweep(left_behind)
    left_behind.clock.move(30 * DAY + 60)
    assert 1 == await sweep(left_behind)
    assert left_behind.api.find(left_behind.path("leases", "kite-account-ab1234")) is None


async def test_a_lease_of_a_client_that_has_a_credential_stays(left_behind: World) -> None:
    left_behind.clock.move(31 * DAY)
    assert 0 == await sweep(left_behind, frozenset({"AB1234"}))


async def test_a_lease_with_wrong_entries_stays(world: World) -> None:
    world.operator()
    app, account = world.broker()
    world.sources(app, account, password="wrong")
    world.credential()
    world.wait("PasswordRejected")
    world.operators[-1].kill()
    world.clock.move(31 * DAY)
    assert 0 == await sweep(world)
