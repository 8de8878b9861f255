"""A completed login whose request_token was not exchanged: the API was unavailable, or the subscription has lapsed.

Another login would fail in the same way, and only a few are made a day (SessionContested). So the request_token is
kept, in this process only, and its exchange is retried instead. While the API is down, the retries go on even after
the token has died: its refusal shows that the API is back (or the subscription renewed), and then a whole login is
made.
"""

from kite_operator.act.context import Context
from kite_operator.act.failures import passing_lapse
from kite_operator.act.services import Services
from kite_operator.act.stage import exchange_and_stage
from kite_operator.cluster.gather import Gathered
from kite_operator.decide import budget
from kite_operator.decide.observed import UsableApp
from kite_operator.in_memory import Unexchanged
from kite_operator.model.errors import BrokerError, BrokerRejection, Processed, TransientBrokerError
from kite_operator.model.reasons import Reason
from kite_operator.model.sensitive import Sensitive


def kept_token(context: Context, app: UsableApp) -> Sensitive | None:
    """Return the request_token that an earlier login of this client and app has left, or None."""
    kept = context.in_memory.unexchanged
    if kept is None or (kept.client_id, kept.app) != (context.credential.client_id, app.versions.api_key):
        return None
    return kept.request_token


async def exchange_new(
    services: Services, context: Context, app: UsableApp, token: Sensitive, lock_id: str
) -> Gathered:
    """Exchange and stage; keep the token when the error is transient and may have left it unspent."""
    try:
        return await exchange_and_stage(services, context, app.keys, token, lock_id)
    except BrokerError as error:
        passing = passing_lapse(error)
        if isinstance(passing, TransientBrokerError) and passing.processed is not Processed.YES:
            made = Unexchanged(context.credential.client_id, app.versions.api_key, token, services.clock.now())
            context.in_memory.unexchanged = made
        raise passing from None


async def exchange_again(
    services: Services, context: Context, app: UsableApp, token: Sensitive, lock_id: str
) -> Gathered | None:
    """Return the state in which a kept token has become a staged session; None when it is dead: a login is needed.

    Raises the errors of the exchange, except those that mean only that the token is dead.
    """
    kept, context.in_memory.unexchanged = context.in_memory.unexchanged, None
    try:
        return await exchange_and_stage(services, context, app.keys, token, lock_id)
    except TransientBrokerError as error:
        old = kept is None or services.clock.now() - kept.since > budget.REQUEST_TOKEN_LIVES
        if error.processed is not Processed.YES and (error.reason.api_down or not old):
            context.in_memory.unexchanged = kept
            raise
        return None
    except BrokerRejection as error:
        if error.reason is Reason.REQUEST_TOKEN_REJECTED:
            return None
        if error.reason is Reason.SUBSCRIPTION_INACTIVE:
            context.in_memory.unexchanged = kept
        raise passing_lapse(error) from None
