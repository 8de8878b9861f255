"""In-memory state of a session is dropped with the session."""

from datetime import timedelta

from kite_operator.decide.observed import Probes
from kite_operator.in_memory import InMemoryState, InMemoryStates, PendingWrite
from kite_operator.model.resource import Key
from support.facts import NOON

LATER = NOON + timedelta(minutes=5)


def test_a_session_is_known_from_its_first_reconcile() -> None:
    recollection = InMemoryState()
    assert Probes() == recollection.about("", NOON)
    assert Probes(known_since=NOON) == recollection.about("session-1", NOON)
    assert Probes(known_since=NOON) == recollection.about("session-1", LATER)


def test_answers_about_one_session_say_nothing_about_the_next() -> None:
    recollection = InMemoryState()
    recollection.about("session-1", NOON)
    recollection.learn(alive_at=NOON, dead_at=NOON, asked_at=NOON, refreshed_at=NOON, exchanged_at=NOON)
    assert Probes(known_since=LATER, refreshed_at=NOON, exchanged_at=NOON) == recollection.about("session-2", LATER)


def test_a_report_is_new_until_the_broker_has_been_asked() -> None:
    recollection = InMemoryState()
    assert recollection.report_dead(NOON)
    assert not recollection.report_dead(LATER)
    recollection.learn(asked_at=LATER, reported_at=None)
    assert recollection.report_dead(LATER)


def test_a_report_from_before_the_first_reconcile_is_not_forgotten() -> None:
    recollection = InMemoryState()
    recollection.report_dead(NOON)
    assert Probes(known_since=LATER, reported_at=NOON) == recollection.about("session-1", LATER)


def test_heals_are_counted_for_an_hour() -> None:
    recollection = InMemoryState(heals=(NOON - timedelta(minutes=60), NOON - timedelta(minutes=59), NOON))
    assert 2 == recollection.heals_within_hour(NOON)


def test_a_standby_forgets_all_state_that_other_processes_have_too() -> None:
    memory, owing, idle = InMemoryStates(), Key("desk", "alpha"), Key("desk", "beta")
    pending_writes = (PendingWrite("lock-1"),)
    memory.of(owing).pending_writes = pending_writes
    for key in (owing, idle):
        memory.of(key).target_version = "7"
        memory.use_app(key, "app-1")
    memory.clear()
    assert (InMemoryState(pending_writes=pending_writes), InMemoryState()) == (memory.of(owing), memory.of(idle))
    assert 1 == memory.use_app(idle, "app-1")


def test_each_credential_has_its_own_state_until_it_is_forgotten() -> None:
    memory, key = InMemoryStates(), Key("desk", "alpha")
    memory.of(key).target_version = "7"
    assert ("7", "") == (memory.of(key).target_version, memory.of(Key("desk", "beta")).target_version)
    memory.forget(key)
    memory.forget(key)
    assert "" == memory.of(key).target_version
