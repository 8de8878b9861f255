"""Kubernetes Events: written on transitions only, with stable reasons and messages of our own."""

import logging
from dataclasses import dataclass

from kite_operator.clock import Clock
from kite_operator.cluster.api import Cluster, events_path
from kite_operator.decide.outcome import Note
from kite_operator.decide.plan import Plan
from kite_operator.model.conditions import LONGEST_MESSAGE, READY
from kite_operator.model.errors import ClusterError
from kite_operator.model.expiry import IST
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import API_VERSION, KIND, Credential, Mark, Reminder, Status

_log = logging.getLogger(__name__)
COMPONENT = "kite-operator"

_SILENT = (
    Reason.SESSION_ACTIVE,
    Reason.WAITING_FOR_SCHEDULE,
    Reason.MARKET_CLOSED,
    Reason.TOKEN_EXPIRED,
    Reason.LOGIN_IN_PROGRESS,
    Reason.WAITING_FOR_TOTP_WINDOW,
)
"""Reasons of an ordinary day."""


def transition(old: Status, new: Status) -> Note | None:
    """The Event that a change of the Ready condition deserves, if any."""
    before, after = old.condition(READY), new.condition(READY)
    if after is None or (before is not None and (before.status, before.reason) == (after.status, after.reason)):
        return None
    if after.reason in _SILENT:
        return None
    return Note(Reason(after.reason), after.message, warning=after.status != "True")


def summons(plan: Plan, reminder: Reminder) -> Note:
    """The Event that goes with a reminder."""
    by = f"{reminder.deadline.astimezone(IST):%H:%M} IST"
    when = f"will not be ready by {by}" if reminder.mark is Mark.EARLY else f"cannot become ready ({by} has come)"
    told = f"{when} without a person: {plan.reason}: {plan.message}"
    return Note(Reason.PERSON_NEEDED, told, warning=True)


def gap_note(old: Status, new: Status, gap: str) -> Note | None:
    """The Event for a gap in the calendar, once: what the condition Ready has told before is not told again."""
    before, after = old.condition(READY), new.condition(READY)
    if not gap or after is None or gap not in after.message or (before is not None and gap in before.message):
        return None
    return Note(Reason.CALENDAR_UNKNOWN, f"{gap}. A newer operator may know them", warning=True)


def misfit_note(name: str) -> Note:
    """The Event for a Secret that is labelled as a login grant and is of another type."""
    message = (
        f"Secret {name!r} is labelled as a login grant and is not of type kite-operator.dev/login-grant: it is neither "
        "used nor deleted. Create it anew with this type, or take the label kite-operator.dev/role away"
    )
    return Note(Reason.GRANT_INVALID, message, warning=True)


def _prefix(name: str) -> str:
    """What an Event's generated name begins with: a name that is cut must not end where no name may."""
    return f"{name[:50].rstrip('.-')}."


@dataclass(frozen=True, slots=True)
class EventWriter:
    """Writes Events; a failure to write one never fails a refresh."""

    cluster: Cluster
    clock: Clock
    identity: str

    async def write(self, credential: Credential, note: Note) -> None:
        """POST one Event about the credential."""
        now = self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": _prefix(credential.key.name), "namespace": credential.key.namespace},
            "involvedObject": {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "namespace": credential.key.namespace,
                "name": credential.key.name,
                "uid": credential.uid,
                "resourceVersion": credential.resource_version,
            },
            "reason": note.reason.value,
            "message": note.message[:LONGEST_MESSAGE],
            "type": "Warning" if note.warning else "Normal",
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
            "reportingInstance": self.identity[:128],
        }
        try:
            await self.cluster.create(events_path(credential.key.namespace), event)
        except ClusterError as error:
            _log.warning("event not written: %s", error, extra={"credential": str(credential.key)})
