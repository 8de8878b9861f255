"""Release of a lock: at once, or as a pending write when the API server does not answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from kite_operator.act.context import Context
from kite_operator.act.ledger import change_ledger
from kite_operator.act.services import Services
from kite_operator.decide import budget, locks
from kite_operator.decide.rejections import with_rejection
from kite_operator.in_memory import PendingWrite
from kite_operator.model.account import AttemptLedger, Rejection
from kite_operator.model.errors import BrokerError, ClusterError, OperatorError


async def release(
    services: Services,
    context: Context,
    lock_id: str,
    rejection: Rejection | None = None,
    settlement: budget.Settlement | None = None,
) -> None:
    """Release the lock, and record a permanent rejection and a settlement that could not be written before.

    When the API server does not answer, this is a pending write, made before the next decision on the credential.
    """
    pending = PendingWrite(lock_id, rejection, settlement)
    context.in_memory.pending_writes = (*context.in_memory.pending_writes, pending)
    with suppress(ClusterError):
        await write_pending(services, context)


@asynccontextmanager
async def release_lock_on_error(services: Services, context: Context, lock_id: str) -> AsyncIterator[None]:
    """Release the lock when an error ends the action, except a broker error: its handler releases and records it.

    The lock may be ours even if the API server did not answer the write that took it.
    """
    try:
        yield
    except BrokerError:
        raise
    except OperatorError:
        await release(services, context, lock_id)
        raise


async def write_pending(services: Services, context: Context) -> None:
    """Make the pending writes."""
    in_memory, pending_writes = context.in_memory, context.in_memory.pending_writes
    if not pending_writes:
        return

    def change(ledger: AttemptLedger) -> AttemptLedger:
        for pending in pending_writes:
            if pending.settlement is not None:
                ledger = budget.conclude(ledger, pending.settlement, services.clock.now())
            if pending.rejection is not None:
                ledger = with_rejection(ledger, pending.rejection)
            ledger = locks.finish(ledger, pending.lock_id)
        return ledger

    await change_ledger(services, context, change)
    in_memory.pending_writes = in_memory.pending_writes[len(pending_writes) :]
