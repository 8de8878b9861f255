"""A reminder is short, names the missing action and the place to go to, and holds no secret."""

from dataclasses import replace

import pytest

from kite_operator.decide.plan import Wait
from kite_operator.model.reason_facts import Alert
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Reminder, ReminderMark
from kite_operator.notify.message import _WORDS, LONGEST_PROBLEM, compose
from support.facts import credential, ist, leaks

EARLY = Reminder(ist("08:45"), ReminderMark.EARLY, ist("08:15"))
LOGIN = Wait(Reason.LOGIN_REQUIRED, "log in at length", login_required=True)
MANUAL = credential(mode="Manual")
PAGE = "https://kite-login.example.com/login/desk/alpha"


def test_a_reminder_before_the_deadline_asks_for_a_login() -> None:
    message = compose(MANUAL, LOGIN, EARLY, PAGE)
    assert "Kite: desk/alpha needs you before 08:45 IST" == message.title
    assert [
        "AB1234: Somebody has to log in to Kite.",
        "Due Mon 02 Mar, 08:45 IST. Reason: LoginRequired.",
        f"Log in: {PAGE}",
    ] == message.body.splitlines()


def test_a_reminder_at_the_deadline_says_not_ready() -> None:
    message = compose(MANUAL, LOGIN, replace(EARLY, mark=ReminderMark.READY_BY), PAGE)
    assert "Kite: desk/alpha is not ready" == message.title
    assert "Was due Mon 02 Mar, 08:45 IST." in message.body


def test_a_reminder_without_a_login_page_names_a_kubectl_command() -> None:
    assert "See: kubectl describe kitecred alpha -n desk" == compose(MANUAL, LOGIN, EARLY, "").body.splitlines()[-1]


def test_a_reason_without_a_text_of_its_own_uses_the_cut_message_of_the_condition() -> None:
    plan = Wait(Reason.APP_SECRET_NOT_FOUND, "x" * 2000)
    message = compose(MANUAL, plan, EARLY, "")
    assert f"AB1234: {'x' * LONGEST_PROBLEM}…" == message.body.splitlines()[0]


@pytest.mark.parametrize("reason", list(Reason))
def test_it_fits_on_a_phone_and_leaks_nothing(reason: Reason) -> None:
    message = compose(MANUAL, Wait(reason, "x" * 2000), EARLY, PAGE)
    assert len(message.title) < 100
    assert len(message.body) < 500
    assert [] == list(leaks(message.title + message.body))


def test_a_text_of_its_own_has_only_what_a_reminder_can_be_about() -> None:
    """A login is asked for in a wait for the schedule too, in mode Manual."""
    texts = {reason for reason in Reason if reason in _WORDS}
    assert texts == set(_WORDS)
    assert [] == [reason for reason in texts if not (reason.action_required or reason.alert is Alert.LOGIN_REQUIRED)]


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.counts_as is not None])
def test_a_block_by_the_attempt_ledger_has_a_text_of_its_own(reason: Reason) -> None:
    message = compose(MANUAL, replace(LOGIN, reason=reason, message="the condition"), EARLY, PAGE)
    assert "the condition" not in message.body


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.action_required])
def test_the_missing_action_is_named_in_the_first_line(reason: Reason) -> None:
    plan = replace(LOGIN, reason=reason, message="the condition")
    expected = _WORDS.get(reason, "the condition")
    assert f"AB1234: {expected}" == compose(MANUAL, plan, EARLY, PAGE).body.splitlines()[0]
