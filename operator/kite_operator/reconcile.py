"""Reconcile of one credential: gather, decide, act, record, until it has to wait."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kite_operator.act.carry_out import carry_out
from kite_operator.act.context import Context
from kite_operator.act.ledger import new_id
from kite_operator.act.login import WebLogins
from kite_operator.act.pending_writes import write_pending
from kite_operator.act.services import Services
from kite_operator.cluster.api import Cluster, credentials_path
from kite_operator.cluster.gather import Gathered, Gatherer, Hints
from kite_operator.correlation import about
from kite_operator.decide.claims import unclaim
from kite_operator.decide.observed import Probes
from kite_operator.decide.on_session import refresh_waits
from kite_operator.decide.plan import ActionPlan, Plan, RefuseGrant, Wait
from kite_operator.decide.policies import decide
from kite_operator.decide.reminder import due_reminder, needs_action, next_reconcile
from kite_operator.in_memory import InMemoryStates
from kite_operator.model.account import AttemptLedger, Ref
from kite_operator.model.errors import (
    ClusterError,
    Conflict,
    Forbidden,
    NotFound,
    OperatorError,
    ReservationLost,
    Unprocessable,
    Unsettled,
)
from kite_operator.model.parse import parse_credential
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Credential, Key, Status
from kite_operator.model.trading_days import TradingCalendar
from kite_operator.notify.message import compose
from kite_operator.notify.notifier import Notifier
from kite_operator.record.events import EventWriter, gap_note, misfit_note, reminder_event, transition
from kite_operator.record.metrics import Metrics
from kite_operator.record.outcome import ActOutcome, Note, Result
from kite_operator.record.status import StatusWriter, calendar_gap, derive, is_quiet
from kite_operator.spans import Tracer, action, one_reconcile, waits

_log = logging.getLogger(__name__)

MOST_ACTIONS = 12
"""Actions in one reconcile: a whole refresh takes four; more than this is a bug of ours, and the reconcile waits."""
CLUSTER_RECHECK = timedelta(minutes=5)
"""Wait before the retry of a write that the API server refused."""
AFTER_CONFLICT = timedelta(seconds=1)
"""Wait after another client changed an object that we had read."""
MOST_CONFLICTS = 10
"""Conflicts in a row: more of them are no coincidence, and count as failing."""
AFTER_MANY_CONFLICTS = timedelta(seconds=10)
AFTER_MOST_ACTIONS = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Reconciler of credentials, made in `app.py`. `reconcile` is called by one worker at a time for each credential.

    `leads` returns whether this replica is still the leader. Once it is not, a reconcile in progress still records the
    outcomes of its actions, and no longer writes the status of a wait.
    """

    cluster: Cluster
    gatherer: Gatherer
    services: Services
    logins: WebLogins
    in_memory: InMemoryStates
    statuses: StatusWriter
    events: EventWriter
    metrics: Metrics
    hints: Callable[[Key], Hints]
    calendar: TradingCalendar
    notifier: Notifier
    leads: Callable[[], bool] = lambda: True
    class_name: str = ""
    tracer: Tracer | None = None

    async def reconcile(self, key: Key) -> datetime | None:
        """Reconcile one credential; return the time to requeue it at, None when it is gone or waits for a change."""
        with one_reconcile(self.tracer, self.services.clock.now, key):
            return await self._reconcile(key)

    async def _reconcile(self, key: Key) -> datetime | None:
        body = await self.cluster.find(credentials_path(key.namespace, key.name))
        credential = parse_credential(body) if body is not None else None
        if credential is None or credential.deleting or credential.class_name != self.class_name:
            self.in_memory.forget(key)
            self.metrics.forget(key)
            self.notifier.withdraw(key)
            return None
        self.metrics.presume(credential.with_calendar(self.calendar), self.services.clock.now())
        self._check_notifications(credential)
        after: Gathered | None = None
        for _ in range(MOST_ACTIONS):
            context = await self._gather(credential, after)
            plan = decide(context.observed)
            try:
                if isinstance(plan, Wait):
                    return await self._publish_and_wait(context, plan)
                outcome = await self._act(context, plan)
                credential, after = await self._record(context, outcome), outcome.after
                if outcome.retry_at is not None or outcome.result is Result.REFUSED:
                    return await self._wait_after_refusal(context, plan, outcome)
            except (Forbidden, Unprocessable) as error:
                return await self._publish_and_wait(
                    context, _refused_by_cluster(plan, error, self.services.clock.now())
                )
            except (Conflict, NotFound, ReservationLost) as error:
                return self._wait_after_conflict(key, error)
        raise Unsettled(f"{MOST_ACTIONS} actions in one reconcile: waiting", AFTER_MOST_ACTIONS)

    def _wait_after_conflict(self, key: Key, error: OperatorError) -> datetime:
        in_memory = self.in_memory.of(key)
        in_memory.races += 1
        if in_memory.races >= MOST_CONFLICTS:
            raise Unsettled(f"{in_memory.races} conflicts in a row: {error}", AFTER_MANY_CONFLICTS) from error
        _log.info("conflict: reconciling again", extra={"credential": key, "error": error})
        return self.services.clock.now() + AFTER_CONFLICT

    async def release(self, client_id: str, ref: Ref) -> None:
        """Release the claims of a credential that was deleted."""

        def change(ledger: AttemptLedger) -> AttemptLedger:
            return unclaim(ledger, ref)

        if await self.services.accounts.read(client_id) is not None:
            await self.services.accounts.change(client_id, change, seed=AttemptLedger(client_id))

    async def _gather(self, credential: Credential, left: Gathered | None) -> Context:
        """Return the context with the observed state: gathered, or as the last action left it."""
        in_memory = self.in_memory.of(credential.key)

        def recall(token_version: str, now: datetime) -> tuple[Probes, int]:
            return in_memory.about(token_version, now), in_memory.heals_within_hour(now)

        if left is not None:
            return Context(self._effective(left.updated_for(credential, self.services.clock.now(), recall)), in_memory)
        gathered = await self.gatherer.gather(credential, self.hints(credential.key), recall)
        if in_memory.pending_writes and gathered.observed.account_problem is None:
            await write_pending(self.services, Context(gathered, in_memory))
            gathered = await self.gatherer.gather(credential, self.hints(credential.key), recall)
        if gathered.target is not None:
            in_memory.target_version = gathered.target["metadata"]["resourceVersion"]
        return Context(self._effective(gathered), in_memory)

    def _effective(self, gathered: Gathered) -> Gathered:
        """Return the state with the calendar, and with the probe interval that the app's rate allows.

        With many probes the interval becomes longer.
        """
        versions, credential = gathered.observed.versions, gathered.observed.credential.with_calendar(self.calendar)
        if versions is None:
            return gathered.of(credential)
        sharing = self.in_memory.use_app(credential.key, versions.api_key)
        wanted = credential.timing.probe_interval
        seconds = self.services.limiter.probe_interval(wanted.total_seconds(), sharing)
        return gathered.of(credential.with_probe_interval(timedelta(seconds=seconds)))

    async def _act(self, context: Context, plan: ActionPlan) -> ActOutcome:
        credential, decision = context.credential, new_id()
        subject = {"credential": str(credential.key), "client": credential.client_id, "action": plan.action.value}
        with about(**subject, decision=decision), action(plan.action.value, decision, plan.reason.value) as done:
            _log.info("action started", extra={"reason": plan.reason.value, "detail": plan.message})
            outcome = await carry_out(self.services, context, plan, self.logins)
            done.result, done.reason = outcome.result.value, outcome.reason.value
            done.failed = outcome.failed is not None
        self.metrics.count_attempt(plan.action, outcome)
        return outcome

    async def _record(self, context: Context, outcome: ActOutcome) -> Credential:
        """Write the status and Events of an action.

        A failure is written at once, so that a crash does not forget it; a success with the wait that follows it.
        """
        credential = context.credential
        status = _after(credential, outcome)
        if outcome.failed is not None and outcome.failed.message:
            waiting = Wait(outcome.reason, outcome.failed.message, outcome.failed.failures.next_retry_time)
            status = derive(replace(context.observed, credential=credential.with_status(status)), waiting)
        if outcome.failed is not None or outcome.after is None:
            written = await self.statuses.write(credential, status)
        else:
            written = credential.with_status(status)
        for note in (*outcome.notes, *_status_events(context, credential.status, status)):
            await self.events.write(credential, note)
        return written

    async def _publish_and_wait(self, context: Context, plan: Wait) -> datetime | None:
        """Publish the status of a credential that waits; return the time to requeue it at."""
        credential, observed = context.credential, context.observed
        waits(plan.reason.value)
        if self.leads() and not is_quiet(plan, observed.now):
            status = derive(observed, plan)
            untouched = plan.reason.set_aside or refresh_waits(observed)
            if observed.refresh_asked and not untouched:
                context.in_memory.learn(refreshed_at=observed.now)
                status = replace(status, last_handled_refresh=credential.refresh)
            reminder = due_reminder(observed, plan)
            if reminder is None:
                await self.statuses.write(credential, status)
            else:
                # Written before any message is sent, and only without a Conflict: all replicas send one at most.
                status = replace(status, last_reminder=reminder)
                await self.statuses.write(credential, status, only_if_unchanged=True)
                await self.services.on_step("reminded", credential)
            for note in _status_events(context, credential.status, status):
                await self.events.write(credential, note)
            if reminder is not None:
                await self.events.write(credential, reminder_event(plan, reminder))
                self.notifier.send(credential, compose(credential, plan, reminder, status.login_url))
            needed = needs_action(observed, plan)
            if not needed:
                self.notifier.withdraw(credential.key)
            self.metrics.remember(observed, status, plan, needed=needed)
        context.in_memory.races = 0
        return next_reconcile(observed, plan)

    def _check_notifications(self, credential: Credential) -> None:
        """Check the notification Secret once after each change by a user, not at every reconcile: it is no source."""
        in_memory = self.in_memory.of(credential.key)
        version = f"{credential.uid}/{credential.generation}/{credential.refresh}"
        handled = credential.status.observed_generation == credential.generation
        if (handled and not credential.refresh_asked) or in_memory.notify_checked == version:
            return
        in_memory.notify_checked = version
        self.notifier.check(credential)

    async def _wait_after_refusal(self, context: Context, plan: ActionPlan, outcome: ActOutcome) -> datetime | None:
        """Requeue after a refusal by the attempt ledger: the next reconcile (within 30 seconds) reports the reason."""
        now = self.services.clock.now()
        if outcome.retry_at is None and not outcome.reason.brief and not isinstance(plan, RefuseGrant):
            waiting = Wait(outcome.reason, outcome.retry_message, wake_at=now + timedelta(seconds=30))
            return await self._publish_and_wait(context, waiting)
        return outcome.retry_at or now


def _status_events(context: Context, old: Status, new: Status) -> list[Note]:
    """Return the Events for a change of status."""
    notes = (transition(old, new), gap_note(old, new, calendar_gap(context.observed)))
    known, context.in_memory.misfits = context.in_memory.misfits, context.observed.misfits
    misfits = (misfit_note(name) for name in context.observed.misfits if name not in known)
    return [*(note for note in notes if note is not None), *misfits]


def _refused_by_cluster(plan: Plan, error: ClusterError, now: datetime) -> Wait:
    """Return the plan for a wait: the API server refuses the planned write (RBAC, a quota, an admission policy)."""
    message = (
        f"the API server refused {error.what} (HTTP {error.status}) when it was time to {plan.action}: check the "
        "operator's rights, quotas and admission policies of the namespace. Delete no Secret: nothing could be written "
        "in its place"
    )
    return Wait(Reason.TARGET_UNWRITABLE, message, wake_at=now + CLUSTER_RECHECK)


def _after(credential: Credential, outcome: ActOutcome) -> Status:
    """Return the previous status with the changes of the action's outcome."""
    status = credential.status
    if outcome.failed is not None:
        status = replace(status, failures=outcome.failed.failures)
    if outcome.succeeded:
        status = replace(status, failures=None)
    if outcome.refreshed_at is not None:
        status = replace(status, last_refresh_time=outcome.refreshed_at)
    if outcome.handled_refresh:
        status = replace(status, last_handled_refresh=credential.refresh)
    if outcome.rollout is not None:
        status = replace(status, rollout=outcome.rollout)
    if outcome.handled_acknowledge:
        status = replace(status, last_handled_acknowledge=credential.acknowledge)
    if outcome.last_login is not None:
        status = replace(status, last_login=outcome.last_login)
    if outcome.handled_revoke:
        status = replace(status, last_handled_revoke=credential.revoke)
    return status
