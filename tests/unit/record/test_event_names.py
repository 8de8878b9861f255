"""An Event's name begins with its credential's name, and is valid even if that name is cut."""

import re

import pytest

from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Key
from kite_operator.record.events import EventWriter
from kite_operator.record.outcome import Note
from support.broker_fakes import FakeClock
from support.facts import credential
from support.memory_cluster import MemoryCluster

SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


@pytest.mark.parametrize("name", ["alpha", "a" * 63, "a" * 49 + "-" + "b" * 13, "a" * 48 + ".-" + "b", "a" * 49 + "."])
async def test_a_generated_name_is_a_dns_subdomain(name: str) -> None:
    cluster = MemoryCluster()
    writer = EventWriter(cluster, FakeClock(), "pod-1")
    await writer.write(credential(key=Key("desk", name)), Note(Reason.REFRESHED, "told"))
    [event] = cluster.objects.values()
    assert SUBDOMAIN.fullmatch(event["metadata"]["generateName"] + "x7k2p")
