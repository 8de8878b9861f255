"""Status is derived from facts, equal facts give an equal status, and absent values are removed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kite_operator.cluster.api import credentials_path
from kite_operator.decide.observed import Observed, TargetView
from kite_operator.decide.plan import Wait
from kite_operator.model.errors import Conflict
from kite_operator.model.expiry import rfc3339
from kite_operator.model.parse import parse_credential
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Credential, Failures, LastLogin, Reminder, ReminderMark, Status
from kite_operator.record.events import reminder_event, transition
from kite_operator.record.status import StatusWriter, derive, manifest_of
from support.facts import (
    NOON,
    account,
    alive,
    attempt,
    body,
    credential,
    dead,
    failures,
    ist,
    leaks,
    observed,
    published,
    rejection,
    unanswered,
    waited,
)
from support.memory_cluster import MemoryCluster

MINUTE = timedelta(minutes=1)
LOGIN_TIME = NOON - timedelta(hours=4)
TODAY = published(LOGIN_TIME)
YESTERDAY = published(NOON - timedelta(days=1))
EARLY = NOON - timedelta(hours=5)
MARKED = TargetView(exists=True, matches=True, marked_dead=True)

WORKING = observed(held=TODAY, probes=alive(NOON - MINUTE))
BLOCKED = observed(account=account(attempt("block-1")))
CASES: dict[str, tuple[Observed, str]] = {
    # Ready, Authenticated, LoginRequired, Blocked
    "a working token": (WORKING, "True True False False"),
    "a token of yesterday in the flush": (
        observed(EARLY, held=YESTERDAY, probes=alive(EARLY - MINUTE)),
        "True True False False",
    ),
    "one that nobody knows about": (
        observed(EARLY, held=YESTERDAY, probes=unanswered(EARLY - MINUTE, alive_at=EARLY - 120 * MINUTE)),
        "False Unknown False False",
    ),
    "one that died in the flush": (
        observed(EARLY, held=YESTERDAY, probes=dead(EARLY - MINUTE), target=MARKED),
        "False False False False",
    ),
    "nothing yet, by hand": (observed(credential=credential(mode="Manual")), "False False True False"),
    "blocked": (BLOCKED, "False False False True"),
    "by hand, and a person has something to mend": (
        observed(
            credential=credential(mode="Manual"),
            account=account(rejections=(rejection(Reason.APP_SECRET_REJECTED, app="app-v1"),)),
        ),
        "False False True True",
    ),
    "suspended with a working token": (
        replace(WORKING, credential=credential(suspended=True)),
        "True True False False",
    ),
    "an unusable spec": (replace(WORKING, credential=credential(problems=("x",))), "False True False False"),
    "another came first": (replace(WORKING, rival=attempt("x").by), "False True False False"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_conditions_of_each_situation(name: str) -> None:
    facts, expected = CASES[name]
    status = derive(facts, waited(facts))
    assert ["Ready", "Authenticated", "LoginRequired", "Blocked"] == [each.type for each in status.conditions]
    assert expected == " ".join(each.status for each in status.conditions)
    assert all(each.since == rfc3339(facts.now) for each in status.conditions)
    assert all(each.reason for each in status.conditions)


@pytest.mark.parametrize("name", CASES)
def test_unchanged_facts_give_an_equal_status_even_after_a_round_trip(name: str) -> None:
    facts, _ = CASES[name]
    first = derive(facts, waited(facts))
    stored = parse_credential(body(facts.credential.mode) | {"status": manifest_of(first)}).status
    assert first == stored
    again = replace(facts, credential=replace(facts.credential, status=stored))
    assert stored == derive(again, waited(again))
    assert transition(stored, derive(again, waited(again))) is None


@pytest.mark.parametrize("name", CASES)
def test_no_secret_is_ever_in_a_status(name: str) -> None:
    facts, _ = CASES[name]
    assert [] == list(leaks(str(manifest_of(derive(facts, waited(facts))))))


def test_the_status_has_the_facts_of_a_working_token() -> None:
    status = derive(WORKING, waited(WORKING))
    assert ("AB1234", "alpha-kite-token", "") == (status.user_id, status.secret_name, status.block_id)
    assert TODAY.session.expires_at == status.expires_time
    assert "2026-03-03T07:40:00+05:30" == manifest_of(status)["nextRefreshTime"]


def test_a_block_says_how_to_acknowledge_it() -> None:
    status = derive(BLOCKED, waited(BLOCKED))
    blocked = status.condition("Blocked")
    assert blocked is not None
    assert ("block-1", "PasswordRejected") == (status.block_id, blocked.reason)
    assert "kite-operator.dev/acknowledge=block-1" in blocked.message


def test_a_dead_token_has_no_expiry_and_keeps_its_secret() -> None:
    facts = observed(held=TODAY, probes=dead(NOON - MINUTE), target=MARKED, account=BLOCKED.account)
    status = derive(facts, waited(facts))
    assert (None, "alpha-kite-token") == (status.expires_time, status.secret_name)


def test_the_next_try_of_a_failing_credential_is_its_next_refresh() -> None:
    old = Status(failures=failures(Reason.RATE_LIMITED, last=NOON, retry=NOON + MINUTE))
    facts = observed(credential=credential(status=old))
    assert NOON + MINUTE == derive(facts, waited(facts)).next_refresh_time


def stored(status: Status) -> tuple[MemoryCluster, Credential]:
    cluster = MemoryCluster()
    path = credentials_path("desk", "alpha")
    written = cluster.put(path, body() | {"status": manifest_of(status)})
    cluster.objects[f"{path}/status"] = cluster.objects[path]
    return cluster, parse_credential(written)


async def test_an_equal_status_is_not_written() -> None:
    cluster, found = stored(derive(WORKING, waited(WORKING)))
    await StatusWriter(cluster).write(found, found.status)
    assert [] == cluster.journal


async def test_absent_values_are_removed() -> None:
    old = Status(block_id="b", user_id="AB1234", failures=Failures(3, "RateLimited", NOON, NOON + MINUTE))
    cluster, found = stored(old)
    new = Status(user_id="AB1234", failures=Failures(4, "PasswordRejected", NOON, None))
    written = await StatusWriter(cluster).write(found, new)
    assert new == written.status
    path = f"{credentials_path('desk', 'alpha')}/status"
    assert (
        manifest_of(new) | {"failures": {"count": 4, "reason": "PasswordRejected", "lastTime": rfc3339(NOON)}}
        == (cluster.objects[path]["status"])
    )
    await StatusWriter(cluster).write(written, Status(user_id="AB1234"))
    assert {"observedGeneration": 0, "userID": "AB1234"} == cluster.objects[path]["status"]


PAGE = "https://kite-login.example.com/login/desk/alpha"


@pytest.mark.parametrize("name", CASES)
def test_the_login_page_is_named_only_while_a_login_can_help(name: str) -> None:
    facts, conditions = CASES[name]
    _, _, login_required, blocked = conditions.split()
    facts = replace(facts, login_url=PAGE)
    status = derive(facts, waited(facts))
    assert (PAGE if "True" in (login_required, blocked) else "") == status.login_url


def test_the_message_names_the_login_page_where_there_is_one() -> None:
    facts = observed(credential=credential(mode="Manual"), login_url=PAGE)
    ready = derive(facts, waited(facts)).condition("LoginRequired")
    assert ready is not None
    assert f"log in at {PAGE}." == ready.message


async def test_a_login_outcome_survives_a_round_trip_and_loses_an_old_message() -> None:
    old = Status(last_login=LastLogin("login-1", "WrongAccount", "another client", NOON))
    cluster, found = stored(old)
    assert old == found.status
    await StatusWriter(cluster).write(found, Status(last_login=LastLogin("login-2", "Refreshed", "", NOON)))
    written = cluster.objects[f"{credentials_path('desk', 'alpha')}/status"]["status"]["lastLogin"]
    assert {"grant": "login-2", "reason": "Refreshed", "time": rfc3339(NOON)} == written


REMINDER = Reminder(ist("08:45"), ReminderMark.EARLY, ist("08:15:03"))


def test_a_reminder_is_written_and_read_back_as_it_was() -> None:
    written = manifest_of(Status(last_reminder=REMINDER))["lastReminder"]
    assert {
        "deadline": "2026-03-02T08:45:00+05:30",
        "mark": "Early",
        "time": "2026-03-02T08:15:03+05:30",
    } == written
    assert REMINDER == parse_credential({"status": {"lastReminder": written}}).status.last_reminder


@pytest.mark.parametrize(
    "change", [{"mark": "Late"}, {"mark": None}, {"mark": []}, {"mark": {}}, {"deadline": "soon"}, {"time": 7}]
)
def test_an_invalid_reminder_counts_as_none(change: dict[str, object]) -> None:
    written = manifest_of(Status(last_reminder=REMINDER))["lastReminder"]
    assert parse_credential({"status": {"lastReminder": written | change}}).status.last_reminder is None


async def test_the_second_of_two_concurrent_reminders_is_refused() -> None:
    cluster = MemoryCluster()
    path = credentials_path("desk", "alpha")
    cluster.put(f"{path}/status", body("Manual"))
    seen = parse_credential(cluster.objects[f"{path}/status"])
    reminded = replace(seen.status, last_reminder=REMINDER)
    await StatusWriter(cluster).write(seen, reminded, only_if_unchanged=True)
    with pytest.raises(Conflict):
        await StatusWriter(cluster).write(seen, reminded, only_if_unchanged=True)


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        (ReminderMark.EARLY, "will not be ready by 08:45 IST without a person: LoginRequired: log in"),
        (ReminderMark.READY_BY, "cannot become ready (08:45 IST has come) without a person: LoginRequired: log in"),
    ],
)
def test_the_event_of_a_reminder_names_the_deadline_and_the_reason(mark: ReminderMark, message: str) -> None:
    plan = Wait(Reason.LOGIN_REQUIRED, "log in", login_required=True)
    note = reminder_event(plan, replace(REMINDER, mark=mark))
    assert (Reason.PERSON_NEEDED, message, True) == (note.reason, note.message, note.warning)
