"""The outcome of a login in words: each reason has its own, and there is none before the outcome is known."""

from dataclasses import replace

import pytest

from kite_operator.login.outcome import (
    _WORDS,
    LoginResult,
    Severity,
    describe,
    describe_lost,
    describe_unrecorded,
    indian_time,
)
from kite_operator.model.conditions import Condition
from kite_operator.model.reason_facts import ManualLogin
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Credential, LastLogin, Status
from support.facts import NOON, credential, ist

GRANT = "alpha-login-0123"
FLUSH = ist("06:00", day=3)


def now(reason: str = "", *, ready: str = "", grant: str = GRANT, message: str = "why") -> Credential:
    """Return a credential whose last login ended with `reason`, and whose condition Ready has the reason `ready`."""
    last = LastLogin(grant, reason, message, NOON) if reason else None
    good = "True" if ready == "SessionActive" else "False"
    conditions = (Condition("Ready", good, ready, "the operator's words"),) if ready else ()
    status = Status(conditions=conditions, last_login=last, expires_time=FLUSH if good == "True" else None)
    return replace(credential(mode="Manual"), status=status)


def described(
    reason: str = "", *, ready: str = "", grant: str = GRANT, waits: bool = False, message: str = "why"
) -> LoginResult:
    """Return the description for such a credential."""
    return describe(now(reason, ready=ready, grant=grant, message=message), GRANT, waits=waits)


def test_a_proven_token_is_valid_until_the_flush() -> None:
    outcome = described("Refreshed", ready="SessionActive")
    assert (Severity.GOOD, "You are logged in") == (outcome.severity, outcome.heading)
    assert "valid until 06:00 Indian time on Tuesday 3 March 2026" in outcome.text
    assert "'alpha-kite-token'" in outcome.text


@pytest.mark.parametrize(("minted", "may_die"), [("05:59", False), ("06:00", True), ("07:29", True), ("07:30", False)])
def test_a_token_that_the_flush_may_still_end_has_a_warning(minted: str, *, may_die: bool) -> None:
    at = ist(minted)
    proven = now("Refreshed", ready="SessionActive")
    proven = replace(proven, status=replace(proven.status, last_login=LastLogin(GRANT, "Refreshed", "", at)))
    silent = replace(proven, status=replace(proven.status, last_login=None, last_refresh_time=at))
    shown = (describe(proven, GRANT, waits=False), describe_unrecorded(silent, GRANT))
    assert [may_die, may_die] == ["until 07:30 Indian time" in each.detail for each in shown if each is not None]


@pytest.mark.parametrize(
    ("reason", "severity", "heading", "again"),
    [
        (Reason.LOGIN_NOT_REQUIRED, Severity.NOTICE, "A login was not needed", False),
        (Reason.REQUEST_TOKEN_REJECTED, Severity.BAD, "This login was used already", True),
        (Reason.GRANT_LOST, Severity.BAD, "Log in again", True),
        (Reason.GRANT_EXPIRED, Severity.BAD, "Kite did not answer", True),
        (Reason.WRONG_ACCOUNT, Severity.BAD, "That was another account", True),
        (Reason.APP_SECRET_REJECTED, Severity.BAD, "The app's secret is wrong", True),
        (Reason.SUBSCRIPTION_INACTIVE, Severity.BAD, "The subscription has lapsed", True),
        (Reason.TOKEN_DEAD, Severity.BAD, "The session was ended", True),
        (Reason.USER_NOT_ENABLED, Severity.BAD, "This login could not be used", True),
        (Reason.BROKER_UNAVAILABLE, Severity.BAD, "This login could not be used", True),
    ],
)
def test_each_outcome_has_its_own_description(reason: str, severity: Severity, heading: str, *, again: bool) -> None:
    outcome = described(reason, ready="LoginRequired")
    assert (severity, heading, again, True) == (outcome.severity, outcome.heading, outcome.again, outcome.settled)
    assert "why" == outcome.detail


def test_the_description_of_a_wrong_account_names_the_expected_client() -> None:
    assert "AB1234" in described(Reason.WRONG_ACCOUNT).text


@pytest.mark.parametrize("reason", [Reason.LOGIN_REQUIRED, Reason.WAITING_FOR_SCHEDULE, Reason.MARKET_CLOSED])
def test_a_login_without_an_obstacle_is_shown_as_in_progress(reason: str) -> None:
    assert "Logging in…" == described(ready=reason, waits=True).heading


def test_the_page_waits_for_a_new_session_until_it_is_proven() -> None:
    assert Severity.WAITING is described(Reason.SESSION_UNPROVEN, ready="LoginRequired").severity


def test_a_session_that_is_refused_on_its_first_call_means_a_lapsed_subscription() -> None:
    outcome = described(Reason.SESSION_UNPROVEN, ready="SubscriptionInactive")
    assert (Severity.BAD, "The subscription has lapsed", True) == (outcome.severity, outcome.heading, outcome.again)


@pytest.mark.parametrize("ready", ["", "LoginRequired", "LoginInProgress", "WaitingForSchedule", "SessionActive"])
def test_the_page_waits_for_a_grant_that_was_not_reconciled_yet(ready: str) -> None:
    assert (Severity.WAITING, "Logging in…") == (
        described(ready=ready, waits=True).severity,
        described(ready=ready, waits=True).heading,
    )


@pytest.mark.parametrize("ready", ["AppSecretNotFound", "Suspended", "Conflict", "InvalidSpec", "SessionContested"])
def test_an_obstacle_to_a_waiting_grant_is_shown(ready: str) -> None:
    outcome = described(ready=ready, waits=True)
    assert (Severity.WAITING, "Not used yet", "the operator's words") == (
        outcome.severity,
        outcome.heading,
        outcome.detail,
    )


@pytest.mark.parametrize("last", ["", "BrokerUnavailable"])
def test_the_page_waits_for_a_broker_that_is_out_of_order(last: str) -> None:
    assert "Kite is not answering" == described(last, ready="BrokerUnavailable", waits=True).heading


def test_the_outcome_of_another_login_is_not_shown() -> None:
    assert Severity.WAITING is described(Reason.WRONG_ACCOUNT, grant="alpha-login-9999", ready="LoginRequired").severity


def test_the_page_waits_for_an_unwritten_outcome_while_the_previous_token_works() -> None:
    assert Severity.WAITING is described(ready="SessionActive").severity


@pytest.mark.parametrize("other", ["", "Refreshed"])
def test_a_login_without_a_recorded_outcome_is_described_by_the_working_token(other: str) -> None:
    outcome = describe_unrecorded(now(other, ready="SessionActive", grant="alpha-login-9999"), GRANT)
    assert outcome is not None
    assert (Severity.GOOD, "You are logged in") == (outcome.severity, outcome.heading)


@pytest.mark.parametrize(("reason", "ready"), [("", ""), ("", "LoginRequired"), ("SessionUnproven", "SessionActive")])
def test_a_staged_session_or_a_token_that_does_not_work_gives_no_description(reason: str, ready: str) -> None:
    assert describe_unrecorded(now(reason, ready=ready), GRANT) is None


def test_a_login_without_an_outcome_for_long_is_described_as_lost() -> None:
    assert (Severity.BAD, True) == (describe_lost(credential()).severity, describe_lost(credential()).again)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_heading_and_a_text(reason: Reason) -> None:
    outcome = described(reason)
    assert outcome.heading
    assert outcome.text


def test_times_are_indian_times_in_words() -> None:
    assert "06:00 Indian time on Tuesday 3 March 2026" == indian_time(FLUSH)
    assert "" == indian_time(None)


@pytest.mark.parametrize("reason", list(Reason))
def test_every_outcome_that_is_recorded_has_a_text(reason: Reason) -> None:
    outcome = described(reason, ready="LoginRequired")
    assert outcome.heading
    assert outcome.text


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.manual_login is ManualLogin.CORRECTS])
def test_another_login_is_offered_where_it_corrects_the_rejection(reason: Reason) -> None:
    outcome = described(reason, ready="LoginRequired")
    assert (Severity.BAD, True) == (outcome.severity, outcome.again)


def test_only_reasons_that_a_login_can_end_with_have_a_text_of_their_own() -> None:
    """A wait is no outcome."""
    assert [] == [reason for reason in Reason if reason in _WORDS and (reason.brief or reason.passes)]


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.passes])
def test_a_login_that_waits_for_the_broker_is_tried_again(reason: Reason) -> None:
    assert "Kite is not answering" == described(reason, waits=True).heading
    assert "Kite is not answering" == described(ready=reason).heading


@pytest.mark.parametrize("reason", list(Reason))
def test_a_login_is_shown_as_not_used_yet_while_something_hinders_it(reason: Reason) -> None:
    hindered = reason.manual_login is not ManualLogin.PROCEEDS and not reason.passes
    assert hindered == ("Not used yet" == described(ready=reason, waits=True).heading)


def test_a_reason_of_another_version_hinders_a_login() -> None:
    assert "Not used yet" == described(ready="OfTomorrow", waits=True).heading
    assert "Logging in…" == described(ready="OfTomorrow").heading
