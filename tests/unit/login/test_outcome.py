"""What became of a login, in words: each reason its own, and nothing before it is known."""

from dataclasses import replace

import pytest

from kite_operator.login.outcome import LoginResult, Severity, indian_time, lost, tell, untold
from kite_operator.model.conditions import Condition
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Credential, LastLogin, Status
from support.facts import NOON, credential, ist

GRANT = "alpha-login-0123"
FLUSH = ist("06:00", day=3)


def now(reason: str = "", *, ready: str = "", grant: str = GRANT, message: str = "why") -> Credential:
    """A credential whose last login became `reason`, and whose condition Ready has the reason `ready`."""
    last = LastLogin(grant, reason, message, NOON) if reason else None
    good = "True" if ready == "SessionActive" else "False"
    conditions = (Condition("Ready", good, ready, "the operator's words"),) if ready else ()
    status = Status(conditions=conditions, last_login=last, expires_time=FLUSH if good == "True" else None)
    return replace(credential(mode="Manual"), status=status)


def told(
    reason: str = "", *, ready: str = "", grant: str = GRANT, waits: bool = False, message: str = "why"
) -> LoginResult:
    """What is told of such a credential."""
    return tell(now(reason, ready=ready, grant=grant, message=message), GRANT, waits=waits)


def test_a_proven_token_is_valid_until_the_flush() -> None:
    outcome = told("Refreshed", ready="SessionActive")
    assert (Severity.GOOD, "You are logged in") == (outcome.severity, outcome.heading)
    assert "valid until 06:00 Indian time on Tuesday 3 March 2026" in outcome.text
    assert "'alpha-kite-token'" in outcome.text


@pytest.mark.parametrize(("minted", "may_die"), [("05:59", False), ("06:00", True), ("07:29", True), ("07:30", False)])
def test_of_a_token_that_kites_flush_may_still_end_it_is_said(minted: str, *, may_die: bool) -> None:
    at = ist(minted)
    proven = now("Refreshed", ready="SessionActive")
    proven = replace(proven, status=replace(proven.status, last_login=LastLogin(GRANT, "Refreshed", "", at)))
    silent = replace(proven, status=replace(proven.status, last_login=None, last_refresh_time=at))
    shown = (tell(proven, GRANT, waits=False), untold(silent, GRANT))
    assert [may_die, may_die] == ["until 07:30 Indian time" in each.detail for each in shown if each is not None]


@pytest.mark.parametrize(
    ("reason", "severity", "heading", "again"),
    [
        (Reason.LOGIN_NOT_REQUIRED, Severity.NOTICE, "A login was not needed", False),
        (Reason.REQUEST_TOKEN_REJECTED, Severity.BAD, "This login was used already", True),
        (Reason.GRANT_LOST, Severity.BAD, "Log in once more", True),
        (Reason.GRANT_EXPIRED, Severity.BAD, "Kite was out of order", True),
        (Reason.WRONG_ACCOUNT, Severity.BAD, "That was another account", True),
        (Reason.APP_SECRET_REJECTED, Severity.BAD, "The app's secret is wrong", True),
        (Reason.SUBSCRIPTION_INACTIVE, Severity.BAD, "The subscription has lapsed", True),
        (Reason.TOKEN_DEAD, Severity.BAD, "The session was ended", True),
        (Reason.USER_NOT_ENABLED, Severity.BAD, "This login was not usable", True),
        (Reason.BROKER_UNAVAILABLE, Severity.BAD, "This login was not usable", True),
    ],
)
def test_each_end_has_its_words(reason: str, severity: Severity, heading: str, *, again: bool) -> None:
    outcome = told(reason, ready="LoginRequired")
    assert (severity, heading, again, True) == (outcome.severity, outcome.heading, outcome.again, outcome.settled)
    assert "why" == outcome.detail


def test_the_wrong_account_is_told_by_the_client_that_was_meant() -> None:
    assert "AB1234" in told(Reason.WRONG_ACCOUNT).text


@pytest.mark.parametrize("reason", [Reason.LOGIN_REQUIRED, Reason.WAITING_FOR_SCHEDULE, Reason.MARKET_CLOSED])
def test_a_login_that_nothing_stands_in_the_way_of_is_being_tried(reason: str) -> None:
    assert "Logging in…" == told(ready=reason, waits=True).heading


def test_a_new_session_is_waited_for_until_it_is_proven() -> None:
    assert Severity.WAITING is told(Reason.SESSION_UNPROVEN, ready="LoginRequired").severity


def test_a_session_that_is_refused_on_its_first_call_is_a_lapsed_subscription() -> None:
    outcome = told(Reason.SESSION_UNPROVEN, ready="SubscriptionInactive")
    assert (Severity.BAD, "The subscription has lapsed", True) == (outcome.severity, outcome.heading, outcome.again)


@pytest.mark.parametrize("ready", ["", "LoginRequired", "LoginInProgress", "WaitingForSchedule", "SessionActive"])
def test_a_grant_that_nobody_has_looked_at_yet_is_waited_for(ready: str) -> None:
    assert (Severity.WAITING, "Logging in…") == (
        told(ready=ready, waits=True).severity,
        told(ready=ready, waits=True).heading,
    )


@pytest.mark.parametrize("ready", ["AppSecretNotFound", "Suspended", "Conflict", "InvalidSpec", "SessionContested"])
def test_what_stands_in_the_way_of_a_grant_is_told_while_it_waits(ready: str) -> None:
    outcome = told(ready=ready, waits=True)
    assert (Severity.WAITING, "Not used yet", "the operator's words") == (
        outcome.severity,
        outcome.heading,
        outcome.detail,
    )


@pytest.mark.parametrize("last", ["", "BrokerUnavailable"])
def test_a_broker_out_of_order_is_waited_for(last: str) -> None:
    assert "Kite is not answering" == told(last, ready="BrokerUnavailable", waits=True).heading


def test_what_became_of_another_login_is_not_told_as_this_ones() -> None:
    assert Severity.WAITING is told(Reason.WRONG_ACCOUNT, grant="alpha-login-9999", ready="LoginRequired").severity


def test_a_login_whose_end_is_not_written_yet_is_waited_for_though_the_former_token_works() -> None:
    assert Severity.WAITING is told(ready="SessionActive").severity


@pytest.mark.parametrize("other", ["", "Refreshed"])
def test_a_login_whose_end_was_never_written_down_is_told_by_the_token_that_works(other: str) -> None:
    outcome = untold(now(other, ready="SessionActive", grant="alpha-login-9999"), GRANT)
    assert outcome is not None
    assert (Severity.GOOD, "You are logged in") == (outcome.severity, outcome.heading)


@pytest.mark.parametrize(("reason", "ready"), [("", ""), ("", "LoginRequired"), ("SessionUnproven", "SessionActive")])
def test_a_session_under_way_and_a_token_that_does_not_work_tell_nothing(reason: str, ready: str) -> None:
    assert untold(now(reason, ready=ready), GRANT) is None


def test_after_a_long_silence_it_says_that_it_does_not_know() -> None:
    assert (Severity.BAD, True) == (lost(credential()).severity, lost(credential()).again)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_ends_in_words_or_in_waiting(reason: Reason) -> None:
    outcome = told(reason)
    assert outcome.heading
    assert outcome.text


def test_times_are_indian_and_in_words() -> None:
    assert "06:00 Indian time on Tuesday 3 March 2026" == indian_time(FLUSH)
    assert "" == indian_time(None)
