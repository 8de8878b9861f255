"""An API server that is away just after the broker answered: what it answered is written down all the same (P1, P3)."""

import pytest

from kite_operator.act.login import log_in
from kite_operator.cluster.state import parse_state
from kite_operator.model.account import Outcome
from kite_operator.model.errors import ClusterUnavailable
from kite_operator.model.reasons import Reason
from support.acting import STATE, Stage, is_staged
from support.broker_fakes import happy_answers, login_page, refusal
from support.facts import credential


def away(stage: Stage, requests: int) -> None:
    """The next `requests` requests are not answered."""
    left = [requests]

    def before(verb: str, path: str) -> None:
        if left[0] > 0:
            left[0] -= 1
            raise ClusterUnavailable(f"{verb} {path}", status=0)

    stage.cluster.before = before


def away_at(stage: Stage, step: str, requests: int) -> None:
    async def leave() -> None:
        away(stage, requests)

    stage.at[step] = leave


async def test_a_wrong_password_is_put_on_record_as_soon_as_the_api_server_is_back() -> None:
    stage = Stage([login_page(), refusal(403, "UserException")])
    away_at(stage, "after-password-answer", 5)
    outcome = await log_in(stage.parts, stage.logins, stage.scene())
    assert Reason.PASSWORD_REJECTED is outcome.reason
    assert [Outcome.WRONG] == [each.outcome for each in (await stage.record()).attempts]


async def test_a_session_is_staged_as_soon_as_the_api_server_is_back() -> None:
    stage = Stage(happy_answers())
    away_at(stage, "after-exchange", 5)
    outcome = await log_in(stage.parts, stage.logins, stage.scene())
    assert "staged" == outcome.result
    assert is_staged(stage)


async def test_a_session_whose_staging_was_made_but_not_answered_is_kept() -> None:
    stage = Stage(happy_answers())
    request = stage.cluster._request
    lost: list[str] = []

    async def answer_lost(verb: str, path: str, **rest: object) -> object:
        answered = await request(verb, path, **rest)  # type: ignore[arg-type]  # passed on as it came
        if (verb, path) == ("PUT", STATE) and not lost:
            lost.append(path)
            raise ClusterUnavailable(f"{verb} {path}", status=0)
        return answered

    stage.cluster._request = answer_lost  # type: ignore[method-assign,assignment]  # a wire that breaks after the write
    outcome = await log_in(stage.parts, stage.logins, stage.scene())
    held = parse_state(stage.cluster.objects[STATE], credential())
    assert ("staged", 1) == (outcome.result, len(lost))
    assert held is not None
    assert not held.published


async def test_an_api_server_that_stays_away_is_given_up_after_two_minutes() -> None:
    stage = Stage([login_page(), refusal(403, "UserException")])
    away_at(stage, "after-password-answer", 1_000_000)
    began = stage.clock.boottime()
    with pytest.raises(ClusterUnavailable):
        await log_in(stage.parts, stage.logins, stage.scene())
    assert 120 <= stage.clock.boottime() - began <= 130
