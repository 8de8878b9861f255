"""Facts that an operator may observe, as values: credentials, sessions, ledgers and whole states with defaults.

Every builder takes the fields that a test is about, and fills in ordinary values for the others: client AB1234 in mode
TOTP, with usable Secrets and nothing published yet, on Monday 2 March 2026.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from kite_operator.decide.observed import Grant, Held, Observed, Probes, Renewal, TargetView, UsableApp, Versions
from kite_operator.decide.plan import Wait
from kite_operator.decide.policies import decide
from kite_operator.model.account import Attempt, AttemptLedger, AttemptOutcome, Claim, Ref, Rejection
from kite_operator.model.conditions import Condition
from kite_operator.model.errors import Step
from kite_operator.model.expiry import IST
from kite_operator.model.parse import parse_credential
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Credential, Failures, Status
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import AppKeys, LoginFactors, Session
from kite_operator.model.sources import Problem

CLIENT_ID = "AB1234"
REF = Ref("desk", "alpha", "uid-alpha")
OTHER = Ref("desk", "beta", "uid-beta")
API_KEY = "apikey0123456789"
API_SECRET = "apisecret0123456789apisecret0123"
ACCESS_TOKEN = "accesstoken0123456789abcdefghijk"
REFRESH_TOKEN = "refreshtoken0123456789abcdefghij"
PASSWORD = "Correct-Horse-77"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SECRETS = (API_KEY, API_SECRET, ACCESS_TOKEN, REFRESH_TOKEN, PASSWORD, TOTP_SECRET)

APP = AppKeys(Sensitive(API_KEY), Sensitive(API_SECRET))
FACTORS = LoginFactors(Sensitive(PASSWORD), Sensitive(TOTP_SECRET))
VERSIONS = Versions(login="login-v1", app="app-v1", api_key="key-v1", redirect="redirect-v1")


def ist(clock_time: str, *, day: int = 2) -> datetime:
    """Return `clock_time` (HH:MM or HH:MM:SS) Indian time on a day of March 2026, in UTC as from a clock."""
    return datetime.fromisoformat(f"2026-03-{day:02}T{clock_time}").replace(tzinfo=IST).astimezone(UTC)


NOON = ist("12:00")


def body(mode: str = "TOTP", name: str = "alpha") -> dict[str, Any]:
    """Return a KiteCredential as the API server stores it."""
    login = {"mode": mode} | ({"totp": {"secretRef": {"name": f"{name}-login"}}} if mode == "TOTP" else {})
    return {
        "metadata": {
            "namespace": "desk",
            "name": name,
            "uid": f"uid-{name}",
            "resourceVersion": "10",
            "generation": 1,
            "creationTimestamp": "2026-03-01T00:00:00Z",
        },
        "spec": {
            "clientID": CLIENT_ID,
            "appSecretRef": {"name": f"{name}-app"},
            "redirectURL": "https://desk.example/kite/callback",
            "login": login,
            "target": {"name": f"{name}-kite-token"},
        },
    }


def credential(**changes: Any) -> Credential:
    """Return a KiteCredential; with `mode="Manual"` it has no login Secret."""
    usual = parse_credential(body(changes.get("mode", "TOTP")))
    assert not usual.problems
    return replace(usual, **changes)


def session(login_time: datetime, *, api_key: str = API_KEY, token: str = ACCESS_TOKEN) -> Session:
    """Return a session of the client."""
    return Session(CLIENT_ID, Sensitive(api_key), Sensitive(token), login_time.astimezone(IST))


def renewal(*, api_key: str = API_KEY) -> Renewal:
    """Return a refresh_token that the state Secret holds."""
    return Renewal(Sensitive(api_key), Sensitive(REFRESH_TOKEN))


def published(login_time: datetime, *, api_key: str = API_KEY) -> Held:
    """Return a session that pods use."""
    return Held(session(login_time, api_key=api_key), published=True, staged_at=login_time)


def staged(login_time: datetime, *, api_key: str = API_KEY) -> Held:
    """Return a session that was answered and not yet proven."""
    return Held(session(login_time, api_key=api_key), published=False, staged_at=login_time)


def grant(
    name: str = "grant-1",
    *,
    request_token: str | None = "requesttoken0123456789",
    taken_at: datetime | None = None,
) -> Grant:
    """Return the grant of a manual login."""
    token = None if request_token is None else Sensitive(request_token)
    return Grant(name, f"uid-{name}", "1", token, taken_at=taken_at, created="2026-03-02T00:00:00Z")


def observed(now: datetime = NOON, **changes: Any) -> Observed:
    """Return an observed state; a published session has its matching target, unless the test says otherwise.

    `app` is the app's keys or a problem, `versions` those of the inputs of a login through it.
    """
    subject = changes.pop("credential", None) or credential()
    held = changes.get("held")
    target = TargetView(exists=True, session=held.session, matches=True) if held and held.published else TargetView()
    app: AppKeys | Problem = changes.pop("app", APP)
    versions = changes.pop("versions", None) or (VERSIONS if subject.mode == "TOTP" else replace(VERSIONS, login=""))
    usual = Observed(
        now=now,
        jitter=0.5,
        credential=subject,
        app=app if isinstance(app, Problem) else UsableApp(app, versions),
        factors=FACTORS if subject.mode == "TOTP" else None,
        target=target,
        held=None,
        state_problem=None,
        grants=(),
        account=None,
        account_problem=None,
        holder=None,
        rival=None,
        probes=Probes(known_since=now if held else None),
    )
    return replace(usual, **changes)


def waited(facts: Observed) -> Wait:
    """Return the plan for these facts, which is to wait."""
    plan = decide(facts)
    assert isinstance(plan, Wait), plan.action
    return plan


def as_recorded(facts: Observed) -> Wait:
    """Return the plan for these facts as a wait: what status and metrics would have of an action that is planned."""
    plan = decide(facts)
    return plan if isinstance(plan, Wait) else Wait(plan.reason, plan.message)


def alive(at: datetime) -> Probes:
    """Return probes after an answer at `at` that the session is alive."""
    return Probes(alive_at=at, asked_at=at, known_since=at)


def dead(at: datetime) -> Probes:
    """Return probes after an answer at `at` that the session is dead."""
    return Probes(dead_at=at, asked_at=at, known_since=at)


def unanswered(at: datetime, *, alive_at: datetime | None = None) -> Probes:
    """Return probes after a probe at `at` without a definite answer."""
    return Probes(alive_at=alive_at, asked_at=at, known_since=alive_at or at)


def account(*attempts: Attempt, **changes: Any) -> AttemptLedger:
    """Return the attempt ledger of the account."""
    return replace(AttemptLedger(CLIENT_ID, attempts=attempts), **changes)


def attempt(name: str, outcome: AttemptOutcome = AttemptOutcome.WRONG, **changes: Any) -> Attempt:
    """Return an attempt with a password of the present version, submitted at noon, unless the test says otherwise."""
    at = changes.get("at", NOON)
    usual = Attempt(name, Step.PASSWORD, VERSIONS.login, REF, at, at + timedelta(seconds=45), outcome=outcome)
    return replace(usual, **changes)


def claim(holder: Ref = REF, *, app: str = VERSIONS.api_key, proven: bool = True) -> Claim:
    """Return a claim on an app of the account."""
    return Claim(app, holder, proven, NOON)


def rejection(reason: Reason, *, by: Ref = REF, **inputs: str) -> Rejection:
    """Return a rejection by the broker with these inputs."""
    return Rejection(f"rejected-{reason}", reason, "the broker refused it", by, NOON, inputs)


def failures(reason: Reason, *, last: datetime, retry: datetime | None = None, count: int = 1) -> Failures:
    """Return `status.failures`."""
    return Failures(count, reason, last, retry)


def blocked_status(reason: Reason, block_id: str, **changes: Any) -> Status:
    """Return a status with a block."""
    condition = Condition("Blocked", "True", reason, f"it was refused ({block_id}). To acknowledge: kubectl annotate …")
    return replace(Status(conditions=(condition,), block_id=block_id), **changes)


def leaks(text: str) -> Iterator[str]:
    """Return the made-up secrets that `text` shows."""
    return (secret for secret in SECRETS if secret in text)
