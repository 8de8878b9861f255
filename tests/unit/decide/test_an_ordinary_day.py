"""Decisions at every hour of an ordinary day, for a token in every state, in both modes (P2, P6).

The credential's share of the jitter is 0.5: its refresh is at 07:40 (07:35 plus half of 10 minutes), its last call at
08:15 (30 minutes before readyBy 08:45). Yesterday is 1 March 2026, today the 2nd.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from kite_operator.decide.observed import Observed, Probes, TargetView
from kite_operator.decide.plan import Action, Wait
from kite_operator.decide.policies import decide
from kite_operator.model.expiry import IST
from kite_operator.model.reasons import Reason
from support.facts import alive, credential, dead, ist, observed, published, unanswered, waited

YESTERDAY = published(ist("07:40", day=1))
TODAY = published(ist("07:40"))
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Row:
    """A time of day, a mode, the token's state, and the expected action and reason."""

    at: str
    mode: str
    token: str
    action: Action
    reason: Reason

    def __str__(self) -> str:
        return f"{self.at} {self.mode} {self.token}"


def situation(row: Row) -> Observed:
    """Return the state of a row: the last probe was a minute ago or, for UNKNOWN, at the last refresh or flush."""
    now = ist(row.at)
    held = {"no token": None, "today": TODAY}.get(row.token.rsplit(" ", 1)[0], YESTERDAY)
    if row.token == "no token":
        return observed(now, credential=credential(mode=row.mode))
    state = row.token.split()[-1]
    probes = {
        "alive": alive(now - MINUTE),
        "dead": dead(now - MINUTE),
        "unknown": unanswered(now - MINUTE, alive_at=ist("05:58")),
    }[state]
    facts = observed(now, credential=credential(mode=row.mode), held=held, probes=probes)
    return facts if state != "dead" else replace(facts, target=replace(facts.target, marked_dead=True))


WAIT, LOGIN = Action.WAIT, Action.LOGIN
ACTIVE, WAITING = Reason.SESSION_ACTIVE, Reason.WAITING_FOR_SCHEDULE
ASK, GONE, NOW = Reason.LOGIN_REQUIRED, Reason.TOKEN_EXPIRED, Reason.LOGIN_IN_PROGRESS

DAY = [
    # Before the flush the token of the day before is the token of the day.
    Row("05:59", "TOTP", "yesterday alive", WAIT, ACTIVE),
    Row("05:59", "Manual", "yesterday alive", WAIT, ACTIVE),
    Row("05:59", "TOTP", "yesterday dead", LOGIN, NOW),
    Row("05:59", "Manual", "yesterday dead", WAIT, ASK),
    # The flush: a living token is kept, a dead one waits for the schedule, a manual login is requested at once.
    *(
        row
        for at in ("06:02", "06:30", "07:29", "07:36", "07:39")
        for row in (
            Row(at, "TOTP", "yesterday alive", WAIT, WAITING),
            Row(at, "TOTP", "yesterday unknown", WAIT, WAITING),
            Row(at, "TOTP", "yesterday dead", WAIT, GONE),
            Row(at, "TOTP", "no token", LOGIN, NOW),
            Row(at, "Manual", "yesterday alive", WAIT, WAITING),
            Row(at, "Manual", "yesterday unknown", WAIT, WAITING),
            Row(at, "Manual", "yesterday dead", WAIT, ASK),
            Row(at, "Manual", "no token", WAIT, ASK),
        )
    ),
    # From the scheduled refresh on: a dead token is replaced, a living one is probed up to the last call.
    *(
        row
        for at in ("07:42", "08:00", "08:14")
        for row in (
            Row(at, "TOTP", "yesterday alive", WAIT, WAITING),
            Row(at, "TOTP", "yesterday unknown", WAIT, WAITING),
            Row(at, "TOTP", "yesterday dead", LOGIN, NOW),
            Row(at, "TOTP", "today alive", WAIT, ACTIVE),
            Row(at, "Manual", "yesterday alive", WAIT, WAITING),
            Row(at, "Manual", "yesterday dead", WAIT, ASK),
            Row(at, "Manual", "today alive", WAIT, ACTIVE),
        )
    ),
    # From the last call on only a token of today is kept.
    *(
        row
        for at in ("08:15", "08:16", "09:00", "13:00", "23:59")
        for row in (
            Row(at, "TOTP", "yesterday alive", LOGIN, NOW),
            Row(at, "TOTP", "yesterday unknown", LOGIN, NOW),
            Row(at, "TOTP", "yesterday dead", LOGIN, NOW),
            Row(at, "TOTP", "no token", LOGIN, NOW),
            Row(at, "TOTP", "today alive", WAIT, ACTIVE),
            Row(at, "TOTP", "today dead", LOGIN, NOW),
            Row(at, "Manual", "yesterday alive", WAIT, ASK),
            Row(at, "Manual", "today alive", WAIT, ACTIVE),
            Row(at, "Manual", "today dead", WAIT, ASK),
        )
    ),
]


@pytest.mark.parametrize("row", DAY, ids=str)
def test_at_every_hour_a_token_is_kept_or_replaced_as_promised(row: Row) -> None:
    plan = decide(situation(row))
    assert (row.action, row.reason) == (plan.action, plan.reason)


@pytest.mark.parametrize("row", [row for row in DAY if row.mode == "Manual"], ids=str)
def test_a_manual_login_is_requested_from_the_flush_on_and_never_before(row: Row) -> None:
    plan = decide(situation(row))
    due = row.reason is ASK or (row.at >= "06:00" and row.token.startswith("yesterday"))
    assert due is (isinstance(plan, Wait) and plan.login_required)


@pytest.mark.parametrize("row", [row for row in DAY if row.action is WAIT], ids=str)
def test_a_wait_is_healthy_exactly_while_the_broker_accepts_the_token(row: Row) -> None:
    assert (row.token.endswith("alive") and row.reason is not ASK) is waited(situation(row)).healthy


def asked_at(*clock_times: str, held: str = "07:40", day: int = 1, answer: bool = True) -> list[str]:
    """Return the times of the probes from 05:58 to the end of the list, without any other trigger."""
    asked: list[str] = []
    now, probes = ist("05:58"), alive(ist("05:58"))
    end = ist(clock_times[-1])
    while now < end:
        plan = decide(observed(now, held=published(ist(held, day=day)), probes=probes))
        if plan.action is Action.PROBE:
            asked.append(f"{now.astimezone(IST):%H:%M}")
            probes = replace(probes, asked_at=now, alive_at=now if answer else probes.alive_at)
        elif plan.action is Action.LOGIN:
            asked.append("login")
            break
        else:
            assert isinstance(plan, Wait)
            assert plan.wake_at is not None
            assert plan.wake_at > now
            now = plan.wake_at
    return asked


def test_a_token_of_the_day_before_is_probed_after_the_flush_at_the_schedule_and_every_five_minutes() -> None:
    asked = asked_at("09:00")
    assert ["06:02", "06:07"] == asked[:2]
    assert ["07:37", "07:40", "07:45"] == asked[-10:-7]
    assert "login" == asked[-1]


def test_a_broker_that_does_not_answer_is_probed_at_the_same_times() -> None:
    assert asked_at("09:00") == asked_at("09:00", answer=False)


def test_the_login_at_the_last_call_is_half_an_hour_before_the_deadline() -> None:
    facts = observed(ist("08:14:59"), held=YESTERDAY, probes=alive(ist("08:14")))
    assert ist("08:15") == waited(facts).wake_at


def test_a_token_minted_in_the_flush_is_probed_once_more_after_it() -> None:
    minted = published(ist("07:28"))
    probes = alive(ist("07:28"))
    assert ist("07:31:30") == waited(observed(ist("07:29"), held=minted, probes=probes)).wake_at
    assert Action.PROBE is decide(observed(ist("07:31:30"), held=minted, probes=probes)).action
    afterwards = waited(observed(ist("07:32"), held=minted, probes=alive(ist("07:31:30"))))
    assert (Action.WAIT, ist("07:36:30")) == (afterwards.action, afterwards.wake_at)


def test_the_probe_after_the_flush_is_not_repeated_at_once_when_the_broker_does_not_answer() -> None:
    probes = unanswered(ist("07:31:30"), alive_at=ist("07:28"))
    plan = waited(observed(ist("07:31:31"), held=published(ist("07:28")), probes=probes))
    assert (Action.WAIT, ist("07:36:30")) == (plan.action, plan.wake_at)


def test_after_a_restart_the_token_of_today_counts_as_alive_and_is_probed_at_the_credentials_own_time() -> None:
    known = Probes(known_since=ist("12:00"))
    plan = waited(observed(ist("12:00"), held=TODAY, probes=known))
    assert (Action.WAIT, Reason.SESSION_ACTIVE, ist("12:02:30")) == (plan.action, plan.reason, plan.wake_at)
    assert Action.PROBE is decide(observed(ist("12:02:30"), held=TODAY, probes=known)).action


def test_after_a_restart_a_flush_that_is_long_over_causes_no_probe_at_once() -> None:
    plan = waited(observed(ist("12:00"), held=published(ist("06:10")), probes=Probes(known_since=ist("12:00"))))
    assert (Action.WAIT, ist("12:02:30")) == (plan.action, plan.wake_at)


def test_an_operator_that_was_down_at_the_scheduled_minute_probes_first_and_then_logs_in() -> None:
    facts = observed(ist("08:40"), held=YESTERDAY, probes=Probes(known_since=ist("08:40")))
    assert Action.PROBE is decide(facts).action
    assert Action.LOGIN is decide(replace(facts, probes=dead(ist("08:40")), target=replace_marked(facts))).action


def replace_marked(facts: Observed) -> TargetView:
    return replace(facts.target, marked_dead=True)


@pytest.mark.parametrize("back", [timedelta(minutes=2), timedelta(hours=3), timedelta(days=40)])
def test_a_clock_that_was_set_back_does_not_stop_the_probes(back: timedelta) -> None:
    now = ist("12:00")
    facts = observed(now, held=TODAY, probes=alive(now + back))
    assert Action.PROBE is decide(facts).action
    asked = replace(facts, probes=replace(facts.probes, asked_at=now))
    plan = waited(asked)
    assert (Action.WAIT, now + timedelta(minutes=5)) == (plan.action, plan.wake_at)


@pytest.mark.parametrize("day", [28, 29])
def test_a_leap_day_is_like_any_other_day(day: int) -> None:
    login = datetime(2028, 2, day, 7, 40, tzinfo=IST)
    next_morning = login.replace(hour=6, minute=1) + timedelta(days=1)
    plan = decide(observed(next_morning, held=published(login), probes=alive(next_morning - timedelta(seconds=30))))
    assert Reason.WAITING_FOR_SCHEDULE is plan.reason
