"""Which replica does the work: by one Lease, by each one's own boot-time, and given up before it has run out."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from kite_operator.cluster.api import Manifest, leases_path
from kite_operator.leader import Leadership, Terms
from kite_operator.model.errors import ClusterUnavailable
from support.broker_fakes import FakeClock
from support.memory_cluster import MemoryCluster

LEASE = leases_path("kite", "kite-operator")
TERMS = Terms()


@dataclass
class Replicas:
    """Candidates for one Lease; `cut_off` is the one whose requests do not arrive."""

    clock: FakeClock = field(default_factory=FakeClock)
    cluster: MemoryCluster = field(default_factory=MemoryCluster)
    turns: int = 0
    unreachable: bool = False

    def __post_init__(self) -> None:
        self.cluster.before = self._before

    def _before(self, verb: str, path: str) -> None:
        if self.unreachable:
            raise ClusterUnavailable(f"{verb} {path}", status=0)

    def candidate(self, name: str) -> Leadership:
        return Leadership(self.cluster, self.clock, ("kite", "kite-operator"), name)

    def turn(self) -> None:
        self.turns += 1

    @property
    def spec(self) -> dict[str, Any]:
        return dict(self.cluster.objects[LEASE]["spec"])


async def within(seconds: float, clock: FakeClock, what: Callable[[], Awaitable[None]]) -> float | None:
    """After how many seconds of the clock it ended; None when it had not after `seconds`."""
    started = clock.boottime()
    task = asyncio.ensure_future(what())
    while not task.done() and clock.boottime() - started <= seconds:  # noqa: ASYNC110 - the fake clock moves by its sleepers
        await asyncio.sleep(0)
    if not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return None
    task.result()
    return clock.boottime() - started


async def test_the_first_one_leads_at_once() -> None:
    replicas = Replicas()
    await replicas.candidate("a").campaign(replicas.turn)
    assert ("a", 10, 1) == tuple(
        replicas.spec[name] for name in ("holderIdentity", "leaseDurationSeconds", "leaseTransitions")
    )


async def test_without_a_lease_this_process_leads_for_ever() -> None:
    replicas = Replicas()
    alone = Leadership(replicas.cluster, replicas.clock, ("kite", ""), "a")
    await alone.campaign(replicas.turn)
    assert None is await within(60, replicas.clock, alone.hold)
    await alone.resign()
    assert [] == replicas.cluster.journal


async def test_a_lease_that_is_renewed_is_never_taken() -> None:
    replicas = Replicas()
    leader, standby = replicas.candidate("a"), replicas.candidate("b")
    await leader.campaign(replicas.turn)
    holding = asyncio.ensure_future(leader.hold())
    assert None is await within(60, replicas.clock, lambda: standby.campaign(replicas.turn))
    assert ("a", False) == (replicas.spec["holderIdentity"], holding.done())
    assert replicas.turns > 10
    holding.cancel()


async def test_a_leader_that_is_gone_is_followed_when_its_lease_has_run_out_and_not_before() -> None:
    replicas = Replicas()
    await replicas.candidate("a").campaign(replicas.turn)
    standby = replicas.candidate("b")
    took = await within(60, replicas.clock, lambda: standby.campaign(replicas.turn))
    assert took is not None
    assert TERMS.lease <= took <= TERMS.lease + TERMS.look
    assert ("b", 2) == (replicas.spec["holderIdentity"], replicas.spec["leaseTransitions"])


async def test_a_lease_that_is_given_back_is_taken_at_the_next_look() -> None:
    replicas = Replicas()
    leader = replicas.candidate("a")
    await leader.campaign(replicas.turn)
    await leader.resign()
    took = await within(60, replicas.clock, lambda: replicas.candidate("b").campaign(replicas.turn))
    assert took is not None
    assert took <= TERMS.look


async def test_a_clock_that_was_set_differently_changes_nothing() -> None:
    replicas = Replicas()
    leader = replicas.candidate("a")
    await leader.campaign(replicas.turn)
    replicas.cluster.objects[LEASE]["spec"]["renewTime"] = "2001-01-01T00:00:00.000000Z"
    assert None is await within(
        TERMS.lease - 2, replicas.clock, lambda: replicas.candidate("b").campaign(replicas.turn)
    )


async def test_a_leader_that_is_cut_off_gives_up_before_its_lease_has_run_out() -> None:
    replicas = Replicas()
    leader = replicas.candidate("a")
    await leader.campaign(replicas.turn)
    replicas.unreachable = True
    took = await within(60, replicas.clock, leader.hold)
    assert took is not None
    assert took < TERMS.lease - 1


async def test_a_leader_whose_lease_was_taken_stops_at_its_next_renewal() -> None:
    replicas = Replicas()
    leader = replicas.candidate("a")
    await leader.campaign(replicas.turn)
    replicas.cluster.put(LEASE, {**replicas.cluster.objects[LEASE], "spec": {"holderIdentity": "b"}})
    took = await within(60, replicas.clock, leader.hold)
    assert took is not None
    assert took <= TERMS.renew


async def test_a_renewal_whose_answer_was_lost_was_its_own_and_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    replicas = Replicas()
    leader = replicas.candidate("a")
    await leader.campaign(replicas.turn)
    write = replicas.cluster.replace

    async def lose(path: str, manifest: Manifest) -> Manifest:
        monkeypatch.setattr(replicas.cluster, "replace", write)
        await write(path, manifest)
        raise ClusterUnavailable(f"PUT {path}", status=0)

    monkeypatch.setattr(replicas.cluster, "replace", lose)
    assert None is await within(60, replicas.clock, leader.hold)
    assert ("a", 1) == (replicas.spec["holderIdentity"], replicas.spec["leaseTransitions"])


async def test_a_leader_that_was_frozen_past_its_terms_does_not_renew() -> None:
    replicas = Replicas()
    leader = replicas.candidate("a")
    await leader.campaign(replicas.turn)
    await replicas.clock.sleep(TERMS.give_up)
    writes = len(replicas.cluster.journal)
    assert 0 == await within(60, replicas.clock, leader.hold)
    assert writes == len(replicas.cluster.journal)


async def test_a_standby_that_cannot_look_goes_on_looking() -> None:
    replicas = Replicas()
    replicas.unreachable = True
    assert None is await within(30, replicas.clock, lambda: replicas.candidate("b").campaign(replicas.turn))
    assert replicas.turns > 5


async def test_who_lost_the_answer_to_its_own_claim_leads_at_once() -> None:
    replicas = Replicas()
    await replicas.candidate("a").campaign(replicas.turn)
    again = replicas.candidate("a")
    assert 0 == await within(60, replicas.clock, lambda: again.campaign(replicas.turn))


async def test_of_two_that_see_a_free_lease_one_leads() -> None:
    replicas = Replicas()
    first, second = replicas.candidate("a"), replicas.candidate("b")
    await first.campaign(replicas.turn)
    await first.resign()

    def snatch(verb: str, path: str) -> None:
        if verb == "PUT":
            replicas.cluster.before = lambda _verb, _path: None
            replicas.cluster.put(path, {**replicas.cluster.objects[path], "spec": {"holderIdentity": "c"}})

    replicas.cluster.before = snatch
    took = await within(60, replicas.clock, lambda: second.campaign(replicas.turn))
    assert took is not None
    assert took >= TERMS.lease


@pytest.mark.parametrize("holder", [None, ""])
async def test_a_lease_without_a_holder_is_free(holder: str | None) -> None:
    replicas = Replicas()
    replicas.cluster.put(LEASE, {"metadata": {"name": "kite-operator", "uid": "u"}, "spec": {"holderIdentity": holder}})
    assert 0 == await within(60, replicas.clock, lambda: replicas.candidate("a").campaign(replicas.turn))


def test_a_leader_gives_up_before_anybody_else_may_take_over() -> None:
    assert TERMS.renew < TERMS.give_up < TERMS.lease
