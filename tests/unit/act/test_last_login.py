"""The result of a manual login is reported by the name of its grant, for every result."""

from dataclasses import replace
from typing import Any

import pytest

from kite_operator.act.context import Context
from kite_operator.act.exchange import refuse_grant
from kite_operator.act.proof import discard
from kite_operator.cluster.api import secrets_path
from kite_operator.decide.observed import Grant
from kite_operator.decide.plan import Discard, RefuseGrant
from kite_operator.model.errors import BrokerRejection, Step, TransientBrokerError
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import LastLogin, Status
from kite_operator.model.sensitive import Sensitive
from kite_operator.record.outcome import ActOutcome
from support.acting import Stage
from support.facts import credential, session, staged

MANUAL = credential(mode="Manual", login_secret=None)
TOKEN = "requesttoken0123456789"


def create_grant(stage: Stage) -> Grant:
    """Create a login grant in the cluster, and return it."""
    stored = stage.cluster.put(secrets_path("desk", "login-1"), {"metadata": {"name": "login-1"}})
    metadata = stored["metadata"]
    return Grant("login-1", metadata["uid"], metadata["resourceVersion"], Sensitive(TOKEN), taken_at=None, created="")


def reported(outcome: ActOutcome) -> tuple[str, str]:
    assert outcome.last_login is not None
    assert TOKEN not in repr(outcome)
    return outcome.last_login.grant, outcome.last_login.reason


async def exchanged(stage: Stage) -> ActOutcome:
    grant = create_grant(stage)
    return await stage.exchange(stage.context(credential=MANUAL, grants=(grant,)), grant)


async def test_an_exchanged_login_waits_for_its_proof() -> None:
    assert ("login-1", "SessionUnproven") == reported(await exchanged(Stage()))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (BrokerRejection(Reason.REQUEST_TOKEN_REJECTED, "used", step=Step.EXCHANGE), "RequestTokenRejected"),
        (BrokerRejection(Reason.APP_SECRET_REJECTED, "checksum", step=Step.EXCHANGE), "AppSecretRejected"),
        (TransientBrokerError(Reason.BROKER_UNAVAILABLE, "503", step=Step.EXCHANGE), "BrokerUnavailable"),
    ],
)
async def test_a_refused_exchange_is_reported_by_its_reason(answer: Exception, reason: str) -> None:
    assert ("login-1", reason) == reported(await exchanged(Stage(exchanged=answer)))


async def test_a_session_of_another_client_is_reported() -> None:
    stage = Stage()
    stage.exchanged = replace(session(stage.clock.now()), user_id="ZZ9999")
    assert ("login-1", "WrongAccount") == reported(await exchanged(stage))


async def test_a_login_that_is_not_used_is_reported_with_the_reason_of_the_refusal() -> None:
    stage = Stage()
    grant = create_grant(stage)
    context = stage.context(credential=MANUAL, grants=(grant,))
    outcome = await refuse_grant(stage.services, context, RefuseGrant(Reason.LOGIN_NOT_REQUIRED, "why", grant))
    assert ("login-1", "LoginNotRequired") == reported(outcome)


def unproven(stage: Stage, reason: Reason = Reason.SESSION_UNPROVEN, **changes: Any) -> Context:
    """Return a staged session, from a manual login that ended with `reason`."""
    status = Status(last_login=LastLogin("login-1", reason, "", stage.clock.now()))
    who = replace(MANUAL, status=status)
    return stage.context(credential=who, held=staged(stage.clock.now()), **changes)


async def test_a_proven_session_is_reported_as_the_end_of_its_login() -> None:
    stage = Stage()
    outcome = await stage.prove(unproven(stage))
    assert ("login-1", "Refreshed") == reported(outcome)
    assert outcome.last_login is not None
    assert "good until" in outcome.last_login.message


async def test_a_profile_of_another_client_is_reported() -> None:
    stage = Stage(profile="ZZ9999")
    assert ("login-1", "WrongAccount") == reported(await stage.prove(unproven(stage)))


async def test_a_session_that_was_ended_before_its_proof_is_reported() -> None:
    stage = Stage()
    plan = Discard(Reason.TOKEN_DEAD, "the staged session has been ended")
    assert ("login-1", "TokenDead") == reported(await discard(stage.services, unproven(stage), plan))


async def test_a_session_of_the_operators_own_login_says_nothing_of_an_earlier_one() -> None:
    stage = Stage()
    assert (await stage.prove(unproven(stage, Reason.LOGIN_NOT_REQUIRED))).last_login is None
