"""A reminder is short, says what is missing and where to go, and holds no secret."""

from dataclasses import replace

import pytest

from kite_operator.decide.plan import Action, Plan
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Reminder, ReminderMark
from kite_operator.notify.message import LONGEST_PROBLEM, compose
from support.facts import credential, ist, leaks

EARLY = Reminder(ist("08:45"), ReminderMark.EARLY, ist("08:15"))
LOGIN = Plan(Action.REST, Reason.LOGIN_REQUIRED, "log in at length", person=True)
MANUAL = credential(mode="Manual")
PAGE = "https://kite-login.example.com/login/desk/alpha"


def test_before_the_deadline_it_asks() -> None:
    letter = compose(MANUAL, LOGIN, EARLY, PAGE)
    assert "Kite: desk/alpha needs you before 08:45 IST" == letter.title
    assert [
        "AB1234: Somebody has to log in to Kite.",
        "Due Mon 02 Mar, 08:45 IST. Reason: LoginRequired.",
        f"Log in: {PAGE}",
    ] == letter.body.splitlines()


def test_at_the_deadline_it_says_so() -> None:
    letter = compose(MANUAL, LOGIN, replace(EARLY, mark=ReminderMark.READY_BY), PAGE)
    assert "Kite: desk/alpha is not ready" == letter.title
    assert "Was due Mon 02 Mar, 08:45 IST." in letter.body


def test_without_a_login_page_it_says_what_to_type() -> None:
    assert "See: kubectl describe kitecred alpha -n desk" == compose(MANUAL, LOGIN, EARLY, "").body.splitlines()[-1]


def test_what_has_no_words_of_its_own_is_told_in_those_of_the_condition_cut() -> None:
    plan = Plan(Action.REST, Reason.APP_SECRET_NOT_FOUND, "x" * 2000)
    letter = compose(MANUAL, plan, EARLY, "")
    assert f"AB1234: {'x' * LONGEST_PROBLEM}…" == letter.body.splitlines()[0]


@pytest.mark.parametrize("reason", list(Reason))
def test_it_fits_on_a_phone_and_leaks_nothing(reason: Reason) -> None:
    letter = compose(MANUAL, Plan(Action.REST, reason, "x" * 2000), EARLY, PAGE)
    assert len(letter.title) < 100
    assert len(letter.body) < 500
    assert [] == list(leaks(letter.title + letter.body))
