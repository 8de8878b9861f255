"""An Event has its reason's type, and a reason of an ordinary day has none when the condition Ready changes to it."""

import pytest

from kite_operator.model.conditions import READY, Condition
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Status
from kite_operator.record.events import EventWriter, transition
from kite_operator.record.outcome import Note
from support.broker_fakes import FakeClock
from support.facts import credential
from support.memory_cluster import MemoryCluster

WITH_EVENTS = [reason for reason in Reason if reason.event is not None]


def changed_to(reason: Reason, ready: str) -> Note | None:
    return transition(Status(), Status(conditions=(Condition(READY, ready, reason, "why"),)))


@pytest.mark.parametrize("reason", WITH_EVENTS)
async def test_an_event_has_the_type_of_its_reason(reason: Reason) -> None:
    cluster = MemoryCluster()
    await EventWriter(cluster, FakeClock(), "pod-1").write(credential(), Note(reason, "why"))
    [event] = cluster.objects.values()
    assert (reason.event, reason) == (event["type"], event["reason"])


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("ready", ["True", "False"])
def test_a_change_to_a_reason_has_an_event_where_the_reason_has_any(reason: Reason, ready: str) -> None:
    assert (reason.event is not None) == (changed_to(reason, ready) is not None)


@pytest.mark.parametrize("reason", WITH_EVENTS)
def test_a_credential_that_is_ready_all_the_same_is_not_warned_of(reason: Reason) -> None:
    note = changed_to(reason, "True")
    assert note == Note(reason, "why", ready=True)
    assert not note.warning


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.action_required])
def test_a_credential_that_requires_action_and_is_not_ready_is_warned_of(reason: Reason) -> None:
    note = changed_to(reason, "False")
    assert note is not None
    assert note.warning
