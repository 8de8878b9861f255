"""Properties of every decision, in any observed state that can be built from the facts (P1, P2)."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kite_operator.decide import budget, timing
from kite_operator.decide.claims import Holder
from kite_operator.decide.liveness import next_probe
from kite_operator.decide.observed import Held, Observed, Probes, TargetView, UsableApp, Versions
from kite_operator.decide.phase import Liveness, is_due, is_of_other_app, liveness
from kite_operator.decide.plan import Action, DropGrant, Exchange, RefuseGrant, Wait
from kite_operator.decide.policies import decide
from kite_operator.decide.standing import standing_block
from kite_operator.model.account import Attempt, AttemptLedger, AttemptOutcome, Claim, LoginCount, Ref, Rejection
from kite_operator.model.conditions import Condition
from kite_operator.model.errors import Step
from kite_operator.model.expiry import session_day
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import DAILY, TRADING_DAYS, Credential, Failures, Status, Timing
from kite_operator.model.rollout import Rollout, RolloutStatus, Workload
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import AppKeys, LoginFactors
from kite_operator.model.sources import Problem
from kite_operator.model.trading_days import TradingCalendar
from support.facts import APP, CLIENT_ID, FACTORS, NOON, OTHER, REF, VERSIONS, credential, grant, leaks, session

OTHER_APP = AppKeys(Sensitive("anotherapikey000"), Sensitive("anothersecret000"))
SECONDS = st.one_of(st.integers(-120, 120), st.integers(-90_000, 90_000), st.integers(-(10**7), 10**7))
refs = st.sampled_from([REF, OTHER, Ref("desk", "alpha", "uid-before")])
TOKEN_VERSIONS = st.sampled_from(["aaaaaaaa.11", "aaaaaaaa.22"])
problems = st.builds(Problem, st.sampled_from([Reason.APP_SECRET_INVALID, Reason.TARGET_NOT_OWNED]), st.just("why"))


def near(now: datetime) -> st.SearchStrategy[datetime]:
    return SECONDS.map(lambda seconds: now + timedelta(seconds=seconds))


@st.composite
def ledgers(draw: st.DrawFn, now: datetime) -> AttemptLedger:
    versions = st.sampled_from(["login-v1", "login-v2"])
    attempts = st.builds(
        Attempt,
        id=st.uuids().map(str),
        step=st.sampled_from([Step.PASSWORD, Step.TOTP]),
        version=versions,
        by=refs,
        at=near(now),
        deadline=near(now),
        outcome=st.sampled_from([o for o in AttemptOutcome if o is not AttemptOutcome.ACCEPTED]),
        acknowledged=st.booleans(),
        forgiven=st.booleans(),
    )
    rejected = st.builds(
        Rejection,
        id=st.just("rejection"),
        reason=st.sampled_from([Reason.CONSENT_REQUIRED, Reason.APP_SECRET_REJECTED]),
        message=st.just("refused"),
        by=refs,
        at=near(now),
        inputs=st.dictionaries(st.sampled_from(["login", "app", "other"]), st.sampled_from(["login-v1", "app-v1"])),
    )
    claims = st.builds(Claim, st.sampled_from(["key-v1", "key-v2"]), refs, st.booleans(), near(now))
    logins = st.builds(LoginCount, st.just("key-v1"), near(now).map(session_day), st.integers(0, 5), st.integers(0, 2))
    return AttemptLedger(
        CLIENT_ID,
        claims=tuple(draw(st.lists(claims, max_size=1))),
        attempts=tuple(draw(st.lists(attempts, max_size=5))),
        rejections=tuple(draw(st.lists(rejected, max_size=2))),
        logins=tuple(draw(st.lists(logins, max_size=2))),
        forgiven_on=draw(st.none() | near(now).map(session_day)),
        last_window=draw(st.none() | near(now).map(lambda at: int(at.timestamp()) // 30)),
        allowed_more=draw(st.integers(0, 2)),
    )


@st.composite
def timings(draw: st.DrawFn, now: datetime) -> Timing:
    """Draw daily timing, or trading days of a calendar in which each near day may be closed, open, or not known."""
    around = st.frozensets(st.integers(-3, 3).map(lambda days: session_day(now) + timedelta(days=days)))
    years = draw(st.sampled_from([(), (2026,)]))
    calendar = TradingCalendar(years, draw(around), draw(around), draw(around), draw(around))
    interval = timedelta(seconds=draw(st.integers(60, 3600)))
    return Timing(probe_interval=interval, days=draw(st.sampled_from([DAILY, TRADING_DAYS])), calendar=calendar)


@st.composite
def credentials(draw: st.DrawFn, now: datetime) -> Credential:
    failures = st.builds(
        Failures,
        st.integers(0, 50),
        st.sampled_from([*Reason, "NotOurs", ""]).map(str),
        st.none() | near(now),
        st.none() | near(now),
    )
    ready = Condition("Ready", "False", draw(st.sampled_from(["RateLimited", "Suspended"])), "told before")
    status = Status(
        conditions=(ready,) if draw(st.booleans()) else (),
        failures=draw(st.none() | failures),
        last_handled_refresh=draw(st.sampled_from(["", "r1"])),
        last_handled_acknowledge=draw(st.sampled_from(["", "a1"])),
        rollout=draw(st.none() | st.builds(RolloutStatus, st.just(1), TOKEN_VERSIONS, next_time=st.none() | near(now))),
    )
    return credential(
        rollout=Rollout((Workload("Deployment", "trader"),)) if draw(st.booleans()) else None,
        mode=draw(st.sampled_from(["TOTP", "TOTP", "Manual"])),
        suspended=draw(st.integers(0, 9)) == 0,
        refresh=draw(st.sampled_from(["", "", "r1", "r2"])),
        acknowledge=draw(st.sampled_from(["", "", "", "a1"])),
        problems=("bad",) if draw(st.integers(0, 19)) == 0 else (),
        timing=draw(timings(now)),
        status=status,
    )


@st.composite
def situations(draw: st.DrawFn) -> Observed:
    zone = draw(st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours))))
    now = draw(st.integers(0, 86_400 * 3).map(lambda seconds: NOON + timedelta(seconds=seconds))).astimezone(zone)
    subject = draw(credentials(now))
    app: Any = draw(st.sampled_from([APP, APP, APP, OTHER_APP]) | problems)
    factors: Any = draw(st.sampled_from([FACTORS, FACTORS]) | problems) if subject.mode == "TOTP" else None
    login = VERSIONS.login if isinstance(factors, LoginFactors) else ""
    held = st.builds(Held, near(now).map(session), st.booleans(), near(now))
    moments = st.none() | near(now)
    target = st.builds(TargetView, st.booleans(), st.none(), st.none(), st.booleans(), st.booleans())
    return Observed(
        now=now,
        jitter=draw(st.floats(0, 1, exclude_max=True)),
        credential=subject,
        app=app if isinstance(app, Problem) else UsableApp(app, Versions(login, "app-v1", "key-v1", "redirect-v1")),
        factors=factors,
        target=draw(target) if draw(st.integers(0, 9)) else TargetView(exists=True, problem=draw(problems)),
        held=draw(st.none() | held),
        state_problem=draw(problems) if draw(st.integers(0, 19)) == 0 else None,
        grants=draw(st.sampled_from([(), (), (grant(),), (grant(request_token=None),)])),
        account=draw(st.none() | ledgers(now)),
        account_problem=None,
        holder=draw(st.none() | st.builds(Holder, refs, st.sampled_from(["", "2026-03-01T00:00:00Z"]), st.booleans())),
        rival=OTHER if draw(st.integers(0, 19)) == 0 else None,
        probes=draw(st.builds(Probes, moments, moments, moments, near(now), moments, moments, moments)),
        drift_heals=draw(st.integers(0, 4)),
        token_version=draw(TOKEN_VERSIONS),
        rollout_allowed=draw(st.booleans()),
    )


many = settings(max_examples=40, deadline=None)


@many
@given(situations())
def test_a_working_token_of_today_is_never_replaced_by_a_login(facts: Observed) -> None:
    if decide(facts).action is Action.LOGIN and liveness(facts) is not Liveness.DEAD:
        assert liveness(facts) is Liveness.NONE or is_due(facts) or is_of_other_app(facts)


@many
@given(situations())
def test_on_a_day_without_trading_no_session_is_made_without_a_request_and_no_login_is_requested(
    facts: Observed,
) -> None:
    closed = not timing.is_refreshed_on(facts.credential.timing, session_day(facts.now))
    failures = facts.credential.status.failures
    asked = facts.refresh_asked or (failures is not None and failures.next_retry_time is not None)
    if closed and not asked and liveness(facts) is not Liveness.NONE and not is_of_other_app(facts):
        plan = decide(facts)
        assert plan.action not in (Action.LOGIN, Action.RENEW)
        assert not (isinstance(plan, Wait) and plan.login_required)


@many
@given(situations())
def test_with_trading_days_a_wait_ends_with_the_day(facts: Observed) -> None:
    plan = decide(facts)
    if isinstance(plan, Wait) and facts.credential.timing.days == TRADING_DAYS:
        assert plan.wake_at is not None
        assert plan.wake_at <= timing.day_end(facts.now)


@many
@given(situations())
def test_nothing_is_submitted_while_a_block_stands(facts: Observed) -> None:
    if decide(facts).action is not Action.LOGIN:
        return
    assert standing_block(facts) is None
    assert facts.credential.mode == "TOTP"
    assert not facts.credential.suspended
    assert not facts.credential.problems
    if facts.account is not None and facts.versions is not None:
        settled = budget.settle_expired(facts.account, facts.now)
        assert budget.block_for(settled, facts.versions.login, facts.credential.ref) is None


@many
@given(situations())
def test_a_wait_ends_in_the_future_and_at_the_latest_with_the_next_probe(facts: Observed) -> None:
    plan = decide(facts)
    if not isinstance(plan, Wait):
        return
    assert plan.wake_at is None or plan.wake_at > facts.now
    probe_at = next_probe(facts)
    if probe_at is not None and plan.reason.calls_broker:
        assert plan.wake_at is not None
        assert plan.wake_at <= probe_at


@many
@given(situations())
def test_a_wait_without_an_end_is_one_that_only_a_user_ends(facts: Observed) -> None:
    plan = decide(facts)
    if isinstance(plan, Wait) and plan.wake_at is None:
        assert plan.reason in (Reason.INVALID_SPEC, Reason.SUSPENDED)


@many
@given(situations())
def test_a_probe_is_followed_by_something_else_even_when_it_is_not_answered(facts: Observed) -> None:
    """Decide on another action after a probe: otherwise one reconcile would probe again and again."""
    if decide(facts).action is Action.PROBE:
        asked = _replace(facts, asked_at=facts.now)
        assert decide(asked).action is not Action.PROBE


def _replace(facts: Observed, **changes: datetime) -> Observed:
    return replace(facts, probes=replace(facts.probes, **changes))


@many
@given(situations())
def test_a_grant_is_touched_only_when_there_is_one(facts: Observed) -> None:
    plan = decide(facts)
    if isinstance(plan, Exchange | RefuseGrant | DropGrant):
        assert plan.grant in facts.grants


@many
@given(situations())
def test_a_probe_or_proof_has_a_session(facts: Observed) -> None:
    plan = decide(facts)
    if plan.action in (Action.PROBE, Action.PROVE, Action.DISCARD):
        assert facts.held is not None
    if plan.action is Action.MARK_DEAD:
        assert facts.target.exists


@many
@given(situations())
def test_only_a_working_token_is_healthy(facts: Observed) -> None:
    plan = decide(facts)
    if isinstance(plan, Wait) and plan.healthy:
        assert Liveness.ALIVE is liveness(facts)


@many
@given(situations())
def test_no_message_shows_a_secret(facts: Observed) -> None:
    assert [] == list(leaks(decide(facts).message))


@many
@given(situations())
def test_no_plan_shows_a_secret(facts: Observed) -> None:
    plan = decide(facts)
    assert [] == [*leaks(repr(plan)), *leaks(str(plan))]


@many
@given(situations())
def test_a_restart_never_comes_before_the_token(facts: Observed) -> None:
    if decide(facts).action is Action.RESTART and facts.rollout_allowed:
        assert Liveness.ALIVE == liveness(facts)
        assert facts.target.matches
        assert not is_due(facts)
