"""An Event that is repeated within the hour is counted on the existing one, as kubectl shows it: `x3 over 10m`."""

from typing import Any

from kite_operator.model.errors import ClusterUnavailable
from kite_operator.model.reasons import Reason
from kite_operator.record.events import SAME_FOR_SECONDS, EventWriter
from kite_operator.record.outcome import Note
from support.broker_fakes import FakeClock
from support.facts import credential
from support.memory_cluster import MemoryCluster

DRIFTED = Note(Reason.TARGET_DRIFTED, "was missing")
ALPHA = credential()


def counts(cluster: MemoryCluster) -> list[tuple[str, int]]:
    return [(event["message"], event["count"]) for event in cluster.objects.values()]


async def test_a_repeated_event_is_counted() -> None:
    cluster, clock = MemoryCluster(), FakeClock()
    writer = EventWriter(cluster, clock, "pod-1")
    for _ in range(3):
        await writer.write(ALPHA, DRIFTED)
        await clock.sleep(60)
    [event] = cluster.objects.values()
    assert ("was missing", 3) == (event["message"], event["count"])
    assert event["firstTimestamp"] < event["lastTimestamp"]


async def test_a_different_event_is_written_and_so_is_a_repetition_after_it() -> None:
    cluster = MemoryCluster()
    writer = EventWriter(cluster, FakeClock(), "pod-1")
    for message in ("was missing", "was changed", "was missing", "was missing"):
        await writer.write(ALPHA, Note(Reason.TARGET_DRIFTED, message))
        await writer.write(credential(uid="another"), DRIFTED)
    assert [("was missing", 1), ("was missing", 4), ("was changed", 1), ("was missing", 2)] == counts(cluster)


async def test_an_event_is_written_again_after_an_hour() -> None:
    cluster, clock = MemoryCluster(), FakeClock()
    writer = EventWriter(cluster, clock, "pod-1")
    await writer.write(ALPHA, DRIFTED)
    await clock.sleep(SAME_FOR_SECONDS)
    await writer.write(ALPHA, DRIFTED)
    assert [("was missing", 1), ("was missing", 1)] == counts(cluster)


async def test_an_event_that_the_api_server_has_deleted_is_written_again() -> None:
    cluster = MemoryCluster()
    writer = EventWriter(cluster, FakeClock(), "pod-1")
    await writer.write(ALPHA, DRIFTED)
    cluster.objects.clear()
    await writer.write(ALPHA, DRIFTED)
    assert [("was missing", 1)] == counts(cluster)


async def test_an_event_that_could_not_be_written_is_not_counted_on() -> None:
    cluster = MemoryCluster()
    writer = EventWriter(cluster, FakeClock(), "pod-1")

    def fail(verb: str, path: str) -> None:
        raise ClusterUnavailable(f"{verb} {path}", status=0)

    goes_through: Any = cluster.before
    cluster.before = fail
    await writer.write(ALPHA, DRIFTED)
    cluster.before = goes_through
    await writer.write(ALPHA, DRIFTED)
    assert [("was missing", 1)] == counts(cluster)
