"""Plans carry what their actions need, secrets among it, and show none of them (P4)."""

from typing import get_args

import pytest

from kite_operator.decide.observed import UsableApp
from kite_operator.decide.plan import (
    Acknowledge,
    Action,
    Discard,
    DropGrant,
    Exchange,
    Login,
    MarkDead,
    Plan,
    Probe,
    Prove,
    RefuseGrant,
    Renew,
    Restart,
    Retire,
    Revoke,
    Wait,
)
from kite_operator.model.reasons import Reason
from kite_operator.model.rollout import Rollout
from kite_operator.model.sensitive import Sensitive
from support.facts import APP, FACTORS, NOON, REFRESH_TOKEN, VERSIONS, grant, leaks, published, session

REQUEST_TOKEN = "requesttoken0123456789"
HELD, USABLE, GRANT = published(NOON), UsableApp(APP, VERSIONS), grant(request_token=REQUEST_TOKEN)
WHY = (Reason.LOGIN_IN_PROGRESS, "why")
PLANS: tuple[Plan, ...] = (
    Wait(*WHY),
    Probe(*WHY, HELD),
    Prove(*WHY, HELD),
    Login(*WHY, USABLE, FACTORS),
    Renew(*WHY, USABLE, Sensitive(REFRESH_TOKEN)),
    Exchange(*WHY, USABLE, GRANT, Sensitive(REQUEST_TOKEN)),
    RefuseGrant(*WHY, GRANT),
    DropGrant(*WHY, GRANT),
    Discard(*WHY),
    MarkDead(*WHY, session(NOON)),
    Retire(*WHY, (None,)),
    Restart(*WHY, Rollout(()), allowed=True),
    Acknowledge(*WHY, None, "key-v1"),
    Revoke(*WHY, (session(NOON),)),
)


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: type(plan).__name__)
def test_no_plan_shows_a_secret(plan: Plan) -> None:
    assert [] == [*leaks(repr(plan)), *leaks(str(plan)), *leaks(f"{plan}")]
    assert REQUEST_TOKEN not in repr(plan)


def test_each_action_has_one_plan() -> None:
    kinds = {kind for alias in get_args(Plan) for kind in (get_args(alias) or (alias,))}
    assert kinds == {type(plan) for plan in PLANS}
    assert sorted(Action) == sorted(kind.action for kind in kinds)
