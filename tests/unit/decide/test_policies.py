"""Each policy by its situations: the action and the reason."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from kite_operator.decide.claims import Holder
from kite_operator.decide.observed import Observed, Probes, TargetView
from kite_operator.decide.plan import Action, Plan
from kite_operator.decide.policies import decide
from kite_operator.model.account import AttemptOutcome, LoginCount
from kite_operator.model.conditions import Condition
from kite_operator.model.errors import Step
from kite_operator.model.expiry import session_day
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Status
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import AppKeys
from kite_operator.model.sources import Problem
from support.facts import (
    NOON,
    OTHER,
    REF,
    account,
    alive,
    attempt,
    claim,
    credential,
    dead,
    failures,
    grant,
    observed,
    published,
    rejection,
    staged,
    unanswered,
    waited,
)

LOGIN_TIME = NOON - timedelta(hours=4)
TODAY = published(LOGIN_TIME)
STAGED = staged(NOON - timedelta(minutes=1))
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
OTHER_APP = AppKeys(Sensitive("anotherapikey000"), Sensitive("anothersecret000"))
GRANTS = (grant(),)


def dead_now(**changes: Any) -> Observed:
    """Return a state with a token that died in mid-day, and is marked as dead."""
    target = TargetView(exists=True, matches=True, marked_dead=True)
    return replace(observed(held=TODAY, probes=dead(NOON - 2 * MINUTE), target=target), **changes)


def living_token(**changes: Any) -> Observed:
    """Return a state with a living token of a credential with these changes."""
    return observed(credential=credential(**changes), held=TODAY, probes=alive(NOON - MINUTE))


def waiting(minutes: float = 5, **changes: Any) -> dict[str, Any]:
    """Return changes for a credential whose last try failed and is retried later."""
    status = Status(failures=failures(Reason.RATE_LIMITED, last=NOON - MINUTE, retry=NOON + minutes * MINUTE))
    return {"credential": credential(status=status, **changes)}


def decided(facts: Observed) -> tuple[Action, Reason]:
    plan = decide(facts)
    return plan.action, plan.reason


SPEC = Problem(Reason.TARGET_NOT_OWNED, "it is somebody else's")
SITUATIONS: dict[str, tuple[Observed, Action, Reason]] = {
    # User input comes before everything.
    "a spec with problems": (living_token(problems=("spec.x is required",)), Action.WAIT, Reason.INVALID_SPEC),
    "suspended": (living_token(suspended=True), Action.WAIT, Reason.SUSPENDED),
    "suspended with a dead token": (
        dead_now(credential=credential(suspended=True)),
        Action.WAIT,
        Reason.SUSPENDED,
    ),
    "no place for the state": (
        observed(state_problem=Problem(Reason.STATE_SECRET_NOT_OWNED, "x")),
        Action.WAIT,
        Reason.STATE_SECRET_NOT_OWNED,
    ),
    "an unreadable ledger": (
        observed(account_problem=Problem(Reason.ATTEMPT_BUDGET_EXHAUSTED, "x")),
        Action.WAIT,
        Reason.ATTEMPT_BUDGET_EXHAUSTED,
    ),
    "a target that is not ours": (
        observed(target=TargetView(exists=True, problem=SPEC)),
        Action.WAIT,
        Reason.TARGET_NOT_OWNED,
    ),
    "a rival for the target": (observed(rival=OTHER), Action.WAIT, Reason.CONFLICT),
    "another holder of the claim": (
        observed(account=account(claims=(claim(OTHER),))),
        Action.WAIT,
        Reason.CONFLICT,
    ),
    "another holder, who is gone": (
        observed(account=account(claims=(claim(OTHER),)), holder=Holder(OTHER, gone=True)),
        Action.LOGIN,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "the claim of a predecessor": (
        observed(account=account(claims=(claim(replace(REF, uid="before")),))),
        Action.LOGIN,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "another holder of another app": (
        observed(account=account(claims=(claim(OTHER, app="key-v2"),))),
        Action.LOGIN,
        Reason.LOGIN_IN_PROGRESS,
    ),
    # Acknowledgements.
    "an acknowledgement": (living_token(acknowledge="block-1"), Action.ACKNOWLEDGE, Reason.UNBLOCKED),
    "an acknowledgement that was handled": (
        living_token(acknowledge="block-1", status=Status(last_handled_acknowledge="block-1")),
        Action.WAIT,
        Reason.SESSION_ACTIVE,
    ),
    # A staged session.
    "a staged session": (observed(held=STAGED), Action.PROVE, Reason.SESSION_UNPROVEN),
    "a staged session that the broker refuses": (
        observed(held=STAGED, probes=dead(NOON - MINUTE)),
        Action.WAIT,
        Reason.SUBSCRIPTION_INACTIVE,
    ),
    "the same after the probe interval": (
        observed(held=STAGED, probes=dead(NOON - 5 * MINUTE)),
        Action.PROVE,
        Reason.SESSION_UNPROVEN,
    ),
    "the same when a person asks": (
        observed(held=STAGED, probes=dead(NOON - MINUTE), credential=credential(refresh="r1")),
        Action.PROVE,
        Reason.SESSION_UNPROVEN,
    ),
    "the same after the clock was set back": (
        observed(held=STAGED, probes=dead(NOON + 60 * MINUTE)),
        Action.PROVE,
        Reason.SESSION_UNPROVEN,
    ),
    "a staged session when the broker is away": (
        observed(held=STAGED, **waiting()),
        Action.WAIT,
        Reason.RATE_LIMITED,
    ),
    "a staged session of yesterday": (
        observed(held=staged(NOON - timedelta(days=1))),
        Action.DISCARD,
        Reason.TOKEN_EXPIRED,
    ),
    "a staged session of another app": (observed(held=STAGED, app=OTHER_APP), Action.DISCARD, Reason.TOKEN_EXPIRED),
    "a staged session that is refused, and a new login": (
        observed(held=STAGED, probes=dead(NOON - MINUTE), grants=GRANTS),
        Action.EXCHANGE,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "a staged session not yet tried, and a new login": (
        observed(held=STAGED, grants=GRANTS),
        Action.PROVE,
        Reason.SESSION_UNPROVEN,
    ),
    # Manual logins.
    "a first login by a person": (
        observed(credential=credential(mode="Manual"), grants=GRANTS),
        Action.EXCHANGE,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "a person's login in mode TOTP": (observed(grants=GRANTS), Action.EXCHANGE, Reason.LOGIN_IN_PROGRESS),
    "a person's login while the token may live": (
        observed(held=TODAY, probes=alive(NOON - 2 * MINUTE), grants=GRANTS),
        Action.PROBE,
        Reason.SESSION_ACTIVE,
    ),
    "the same when the broker has not answered": (
        observed(held=TODAY, probes=unanswered(NOON - SECOND, alive_at=NOON - 2 * MINUTE), grants=GRANTS),
        Action.WAIT,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "a person's login while the token lives": (
        observed(held=TODAY, probes=alive(NOON - SECOND), grants=GRANTS),
        Action.REFUSE_GRANT,
        Reason.LOGIN_NOT_REQUIRED,
    ),
    "a person's login while the token is dead": (dead_now(grants=GRANTS), Action.EXCHANGE, Reason.LOGIN_IN_PROGRESS),
    "a person's login after a refresh was asked for": (
        replace(living_token(refresh="r1"), grants=GRANTS),
        Action.EXCHANGE,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "a person's login minutes after a refresh was handled": (
        observed(
            held=TODAY,
            probes=replace(alive(NOON - SECOND), refreshed_at=NOON - 9 * MINUTE),
            grants=GRANTS,
        ),
        Action.EXCHANGE,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "a person's login for another app than the token's": (
        observed(held=TODAY, probes=alive(NOON - SECOND), app=OTHER_APP, grants=GRANTS),
        Action.EXCHANGE,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "a grant without a request_token": (
        observed(grants=(grant(request_token=None),)),
        Action.REFUSE_GRANT,
        Reason.GRANT_INVALID,
    ),
    "a person's login without the app's keys": (
        observed(grants=GRANTS, app=Problem(Reason.APP_SECRET_NOT_FOUND, "x")),
        Action.WAIT,
        Reason.APP_SECRET_NOT_FOUND,
    ),
    "a person's login after the app secret was refused": (
        observed(grants=GRANTS, account=account(rejections=(rejection(Reason.APP_SECRET_REJECTED, app="app-v1"),))),
        Action.REFUSE_GRANT,
        Reason.APP_SECRET_REJECTED,
    ),
    "the same with a new app secret": (
        observed(grants=GRANTS, account=account(rejections=(rejection(Reason.APP_SECRET_REJECTED, app="app-v0"),))),
        Action.EXCHANGE,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "a person's login after consent was missing": (
        observed(grants=GRANTS, account=account(rejections=(rejection(Reason.CONSENT_REQUIRED, app="app-v1"),))),
        Action.EXCHANGE,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "a person's login when the broker is away": (
        observed(grants=(grant(taken_at=NOON - MINUTE),), **waiting()),
        Action.WAIT,
        Reason.RATE_LIMITED,
    ),
    "logins by a person one after the other": (
        observed(grants=GRANTS, probes=Probes(exchanged_at=NOON - SECOND)),
        Action.WAIT,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "a person's login after the clock was set back": (
        observed(grants=GRANTS, probes=Probes(exchanged_at=NOON + 60 * MINUTE)),
        Action.EXCHANGE,
        Reason.LOGIN_IN_PROGRESS,
    ),
    # The derived Secret.
    "a missing target": (
        observed(held=TODAY, probes=alive(NOON - MINUTE), target=TargetView()),
        Action.PROVE,
        Reason.TARGET_DRIFTED,
    ),
    "a target changed by hand": (
        observed(held=TODAY, probes=alive(NOON - MINUTE), target=TargetView(exists=True)),
        Action.PROVE,
        Reason.TARGET_DRIFTED,
    ),
    "a target changed again and again": (
        observed(held=TODAY, probes=alive(NOON - MINUTE), target=TargetView(exists=True), drift_heals=3),
        Action.WAIT,
        Reason.TARGET_CONTESTED,
    ),
    "a target of another spec": (
        observed(held=TODAY, probes=alive(NOON - MINUTE), target=TargetView(exists=True, outdated=True)),
        Action.PROVE,
        Reason.REPUBLISHED,
    ),
    "a target of another spec after many changes by others": (
        observed(held=TODAY, probes=alive(NOON - MINUTE), target=TargetView(exists=True, outdated=True), drift_heals=3),
        Action.PROVE,
        Reason.REPUBLISHED,
    ),
    "an old copy of the target that was put back again and again": (
        observed(
            credential=credential(status=Status(observed_generation=1)),
            held=TODAY,
            probes=alive(NOON - MINUTE),
            target=TargetView(exists=True, outdated=True),
            drift_heals=3,
        ),
        Action.WAIT,
        Reason.TARGET_CONTESTED,
    ),
    "a session that only the target holds": (
        observed(held=replace(TODAY, recovered=True)),
        Action.PROVE,
        Reason.REPUBLISHED,
    ),
    "a session that only the target holds when the broker is away": (
        observed(held=replace(TODAY, recovered=True), **waiting()),
        Action.WAIT,
        Reason.RATE_LIMITED,
    ),
    "a dead token in a target of another spec": (
        observed(
            held=TODAY,
            probes=dead(NOON - MINUTE),
            target=TargetView(exists=True, marked_dead=True, outdated=True),
        ),
        Action.MARK_DEAD,
        Reason.TOKEN_DEAD,
    ),
    "a dead token in a target that is put back again and again": (
        observed(
            held=TODAY,
            probes=dead(NOON - MINUTE),
            target=TargetView(exists=True, marked_dead=True, outdated=True),
            drift_heals=3,
        ),
        Action.LOGIN,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "a changed target when the broker is away": (
        observed(held=TODAY, probes=alive(NOON - MINUTE), target=TargetView(exists=True), **waiting()),
        Action.WAIT,
        Reason.RATE_LIMITED,
    ),
    "a changed target with a dead token": (
        observed(held=TODAY, probes=dead(NOON - MINUTE), target=TargetView(exists=True)),
        Action.MARK_DEAD,
        Reason.TOKEN_DEAD,
    ),
    "a dead token that its readers take for alive": (
        observed(held=TODAY, probes=dead(NOON - MINUTE)),
        Action.MARK_DEAD,
        Reason.TOKEN_DEAD,
    ),
    "a mark that a former process left": (
        observed(held=TODAY, target=TargetView(exists=True, matches=True, marked_dead=True)),
        Action.PROBE,
        Reason.SESSION_ACTIVE,
    ),
    "such a mark on a token of the day before": (
        observed(
            held=published(LOGIN_TIME - timedelta(days=1)),
            target=TargetView(exists=True, matches=True, marked_dead=True),
        ),
        Action.LOGIN,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "such a mark, and a broker that does not say": (
        observed(
            held=TODAY, target=TargetView(exists=True, matches=True, marked_dead=True), probes=Probes(asked_at=NOON)
        ),
        Action.LOGIN,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "a living token that somebody called dead": (
        observed(held=TODAY, target=TargetView(exists=True, matches=True, marked_dead=True), probes=alive(NOON)),
        Action.PROVE,
        Reason.TARGET_DRIFTED,
    ),
    "a mark that somebody takes away again and again": (
        observed(
            held=TODAY,
            credential=credential(mode="Manual"),
            target=TargetView(exists=True, matches=True),
            probes=dead(NOON),
            drift_heals=3,
        ),
        Action.WAIT,
        Reason.LOGIN_REQUIRED,
    ),
    # Refreshes.
    "a refresh with a living token": (living_token(refresh="r1"), Action.PROVE, Reason.REPUBLISHED),
    "a refresh that was handled": (
        living_token(refresh="r1", status=Status(last_handled_refresh="r1")),
        Action.WAIT,
        Reason.SESSION_ACTIVE,
    ),
    "a refresh with a token that died long ago": (
        dead_now(credential=credential(refresh="r1"), probes=dead(NOON - 2 * MINUTE)),
        Action.PROVE,
        Reason.REPUBLISHED,
    ),
    "a refresh with a token that has just died": (
        dead_now(credential=credential(refresh="r1"), probes=dead(NOON - SECOND)),
        Action.LOGIN,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "a refresh does not wait for the backoff": (
        dead_now(probes=dead(NOON - SECOND), **waiting(refresh="r1")),
        Action.LOGIN,
        Reason.LOGIN_IN_PROGRESS,
    ),
    # Sources.
    "a living token and no app secret": (
        observed(
            held=TODAY,
            probes=alive(NOON - MINUTE),
            app=Problem(Reason.APP_SECRET_NOT_FOUND, "x"),
        ),
        Action.WAIT,
        Reason.APP_SECRET_NOT_FOUND,
    ),
    "a living token and no login secret": (
        observed(
            held=TODAY,
            probes=alive(NOON - MINUTE),
            factors=Problem(Reason.LOGIN_SECRET_NOT_FOUND, "x"),
        ),
        Action.WAIT,
        Reason.LOGIN_SECRET_NOT_FOUND,
    ),
    "no login without the app secret": (
        observed(app=Problem(Reason.APP_SECRET_INVALID, "x")),
        Action.WAIT,
        Reason.APP_SECRET_INVALID,
    ),
    "no login without the login secret": (
        observed(factors=Problem(Reason.TOTP_SECRET_INVALID, "x")),
        Action.WAIT,
        Reason.TOTP_SECRET_INVALID,
    ),
    "another app than the living token's": (
        observed(held=TODAY, probes=alive(NOON - MINUTE), app=OTHER_APP),
        Action.LOGIN,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "the same in mode Manual": (
        observed(credential=credential(mode="Manual"), held=TODAY, probes=alive(NOON - MINUTE), app=OTHER_APP),
        Action.WAIT,
        Reason.LOGIN_REQUIRED,
    ),
    # Blocks.
    "a wrong password": (observed(account=account(attempt("a"))), Action.WAIT, Reason.PASSWORD_REJECTED),
    "a wrong password of a former version": (
        observed(account=account(attempt("a", version="login-v0"))),
        Action.LOGIN,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "one wrong code": (
        observed(account=account(attempt("a", step=Step.TOTP))),
        Action.LOGIN,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "two wrong codes": (
        observed(account=account(attempt("a", step=Step.TOTP), attempt("b", step=Step.TOTP))),
        Action.WAIT,
        Reason.TOTP_REJECTED,
    ),
    "an unknown outcome": (
        observed(account=account(attempt("a", AttemptOutcome.UNKNOWN))),
        Action.WAIT,
        Reason.ATTEMPT_OUTCOME_UNKNOWN,
    ),
    "the day's forgiven one": (
        observed(account=account(attempt("a", AttemptOutcome.UNKNOWN, forgiven=True))),
        Action.LOGIN,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "a reservation that ran out on a day that was forgiven": (
        observed(
            account=account(attempt("a", AttemptOutcome.PENDING, at=NOON - MINUTE), forgiven_on=session_day(NOON))
        ),
        Action.WAIT,
        Reason.ATTEMPT_OUTCOME_UNKNOWN,
    ),
    "four entries over all versions": (
        observed(account=account(*(attempt(name, version=f"login-{name}") for name in "abcd"))),
        Action.WAIT,
        Reason.ATTEMPT_BUDGET_EXHAUSTED,
    ),
    "three logins in a day": (
        observed(account=account(logins=(LoginCount("key-v1", session_day(NOON), 3),))),
        Action.WAIT,
        Reason.SESSION_CONTESTED,
    ),
    "three logins yesterday": (
        observed(account=account(logins=(LoginCount("key-v1", session_day(NOON - timedelta(days=1)), 3),))),
        Action.LOGIN,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "consent is missing": (
        observed(account=account(rejections=(rejection(Reason.CONSENT_REQUIRED, login="login-v1", app="app-v1"),))),
        Action.WAIT,
        Reason.CONSENT_REQUIRED,
    ),
    "the rejection of another credential": (
        observed(account=account(rejections=(rejection(Reason.CONSENT_REQUIRED, by=OTHER, app="app-v1"),))),
        Action.LOGIN,
        Reason.LOGIN_IN_PROGRESS,
    ),
    # Transient failures.
    "backoff": (observed(**waiting()), Action.WAIT, Reason.RATE_LIMITED),
    "backoff that is over": (observed(**waiting(minutes=0)), Action.LOGIN, Reason.LOGIN_IN_PROGRESS),
    "backoff of a clock that was set back": (
        observed(**waiting(minutes=61)),
        Action.LOGIN,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "a window whose code is spent": (
        observed(account=account(last_window=int(NOON.timestamp()) // 30)),
        Action.WAIT,
        Reason.WAITING_FOR_TOTP_WINDOW,
    ),
    "the window after it": (
        observed(account=account(last_window=int(NOON.timestamp()) // 30 - 1)),
        Action.LOGIN,
        Reason.LOGIN_IN_PROGRESS,
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_each_situation_has_its_answer(name: str) -> None:
    facts, action, reason = SITUATIONS[name]
    assert (action, reason) == decided(facts)


def hindered(facts: Observed) -> Plan:
    """Return the plan for the same state in the early morning, with yesterday's token dead."""
    now = NOON - timedelta(hours=5)
    target = TargetView(exists=True, matches=True, marked_dead=True)
    held = published(NOON - timedelta(days=1))
    return decide(replace(facts, now=now, held=held, target=target, probes=dead(now - MINUTE)))


@pytest.mark.parametrize(
    "name", ["a wrong password", "consent is missing", "no login without the app secret", "two wrong codes"]
)
def test_a_problem_that_a_user_has_to_fix_is_reported_before_the_scheduled_login(name: str) -> None:
    facts, _, reason = SITUATIONS[name]
    assert reason is hindered(facts).reason


def test_without_such_a_problem_a_dead_token_waits_for_the_schedule() -> None:
    assert Reason.TOKEN_EXPIRED is hindered(observed()).reason


@pytest.mark.parametrize(
    "name",
    [
        "a target that is not ours",
        "no place for the state",
        "an unreadable ledger",
        "a changed target when the broker is away",
        "a target changed again and again",
        "a person's login when the broker is away",
    ],
)
def test_the_published_token_is_probed_during_every_other_wait(name: str) -> None:
    facts = replace(SITUATIONS[name][0], held=TODAY, probes=alive(NOON - 6 * MINUTE))
    assert Action.PROBE is decide(facts).action
    plan = waited(replace(facts, probes=unanswered(NOON, alive_at=NOON - 6 * MINUTE)))
    assert (Action.WAIT, True) == (plan.action, plan.wake_at is not None and plan.wake_at > NOON)


@pytest.mark.parametrize("name", ["a spec with problems", "suspended", "a rival for the target"])
def test_some_waits_never_call_the_broker(name: str) -> None:
    facts = replace(SITUATIONS[name][0], held=TODAY, probes=alive(NOON - 60 * MINUTE))
    assert Action.WAIT is decide(facts).action


@pytest.mark.parametrize("name", ["a wrong password", "two wrong codes", "an unknown outcome", "consent is missing"])
def test_a_block_names_itself_and_is_checked_again_in_half_a_minute(name: str) -> None:
    plan = waited(SITUATIONS[name][0])
    assert plan.block_id in plan.message
    assert bool(plan.block_id)
    assert NOON + timedelta(seconds=30) == plan.wake_at


def test_the_window_that_is_awaited_is_the_next_one() -> None:
    plan = waited(SITUATIONS["a window whose code is spent"][0])
    assert NOON + timedelta(seconds=30) == plan.wake_at


def test_a_failing_credential_says_why_until_the_next_try() -> None:
    ready = Condition("Ready", "False", Reason.RATE_LIMITED, "the broker asked for patience")
    status = Status(conditions=(ready,), failures=failures(Reason.RATE_LIMITED, last=NOON, retry=NOON + MINUTE))
    plan = waited(observed(credential=credential(status=status)))
    assert ("the broker asked for patience", NOON + MINUTE) == (plan.message, plan.wake_at)


@pytest.mark.parametrize(
    ("mode", "login_required", "way_out"),
    [("TOTP", False, "kite-operator.dev/refresh"), ("Manual", True, "https://desk.example/login/alpha")],
)
def test_a_new_session_that_is_refused_is_reported_as_a_lapse_with_the_remedy_if_it_was_ended(
    mode: str, way_out: str, *, login_required: bool
) -> None:
    facts = observed(credential=credential(mode=mode), held=STAGED, probes=dead(NOON - MINUTE))
    plan = waited(replace(facts, login_url="https://desk.example/login/alpha"))
    assert (Reason.SUBSCRIPTION_INACTIVE, login_required) == (plan.reason, plan.login_required)
    assert "If it has not lapsed" in plan.message
    assert way_out in plan.message


def test_the_message_says_how_to_log_in_and_what_prevents_it() -> None:
    ledger = account(rejections=(rejection(Reason.APP_SECRET_REJECTED, app="app-v1"),))
    plan = waited(observed(credential=credential(mode="Manual"), account=ledger))
    assert (True, Reason.APP_SECRET_REJECTED) == (plan.login_required, plan.reason)
    assert "kite-operator.dev/credential=alpha" in plan.message
    assert "Before that: the broker refused it." in plan.message
    assert "rejected-AppSecretRejected" == plan.block_id
    assert NOON + timedelta(seconds=30) == plan.wake_at


def test_the_message_says_why_the_last_login_was_not_usable() -> None:
    status = Status(failures=failures(Reason.GRANT_LOST, last=NOON))
    plan = decide(observed(credential=credential(mode="Manual", status=status)))
    assert "The last login was not usable (GrantLost)." in plan.message


@pytest.mark.parametrize(
    ("failed", "action"),
    [(NOON - MINUTE, Action.PROVE), (NOON - timedelta(seconds=1), Action.PROVE), (NOON, Action.WAIT)],
    ids=["a minute before", "a second before", "at the same moment"],
)
def test_a_staged_session_waits_for_the_backoff_of_its_own_proof_only(failed: datetime, action: Action) -> None:
    status = Status(failures=failures(Reason.SUBSCRIPTION_INACTIVE, last=failed, retry=NOON + 10 * MINUTE))
    plan = decide(observed(NOON + MINUTE, credential=credential(status=status), held=staged(NOON)))
    assert action is plan.action
