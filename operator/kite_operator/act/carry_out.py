"""Carries out a plan: each kind of plan has one action."""

from kite_operator.act.acknowledge import acknowledge
from kite_operator.act.context import Context
from kite_operator.act.exchange import drop_used, exchange_grant, refuse_grant
from kite_operator.act.login import WebLogins, log_in
from kite_operator.act.proof import discard, mark_token_dead, probe, prove
from kite_operator.act.renew import renew
from kite_operator.act.retire import retire
from kite_operator.act.revoke import revoke
from kite_operator.act.rollout import restart
from kite_operator.act.services import Services
from kite_operator.decide.plan import (
    Acknowledge,
    ActionPlan,
    Discard,
    DropGrant,
    Exchange,
    Login,
    MarkDead,
    Probe,
    Prove,
    RefuseGrant,
    Renew,
    Restart,
    Retire,
    Revoke,
)
from kite_operator.record.outcome import ActOutcome


async def carry_out(  # noqa: C901, PLR0911, PLR0912 - one case for each plan
    services: Services, context: Context, plan: ActionPlan, logins: WebLogins
) -> ActOutcome:
    """Return the outcome of the action of `plan`."""
    match plan:
        case Probe():
            return await probe(services, context, plan)
        case Prove():
            return await prove(services, context, plan)
        case Login():
            return await log_in(services, context, plan, logins)
        case Renew():
            return await renew(services, context, plan)
        case Exchange():
            return await exchange_grant(services, context, plan)
        case RefuseGrant():
            return await refuse_grant(services, context, plan)
        case DropGrant():
            return await drop_used(services, context, plan)
        case Discard():
            return await discard(services, context, plan)
        case MarkDead():
            return await mark_token_dead(services, context, plan)
        case Retire():
            return await retire(services, context, plan)
        case Restart():
            return await restart(services, context, plan)
        case Acknowledge():
            return await acknowledge(services, context, plan)
        case Revoke():
            return await revoke(services, context, plan)
