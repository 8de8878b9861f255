"""Kubernetes Events: written on transitions only, with stable reasons and messages of our own."""

import logging
from collections import OrderedDict
from dataclasses import dataclass, field, replace

from kite_operator.clock import Clock
from kite_operator.cluster.api import Cluster, events_path
from kite_operator.decide.plan import Wait
from kite_operator.model.conditions import LONGEST_MESSAGE, READY
from kite_operator.model.errors import ClusterError, NotFound
from kite_operator.model.expiry import IST
from kite_operator.model.reason_facts import EventType
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import API_VERSION, KIND, Credential, Reminder, ReminderMark, Status
from kite_operator.record.outcome import Note

_log = logging.getLogger(__name__)
COMPONENT = "kite-operator"
SAME_FOR_SECONDS = 3000.0
"""Time for which an Event is assumed to exist: fifty minutes. The API server usually deletes it after an hour."""
_MOST_REMEMBERED = 4096


def transition(old: Status, new: Status) -> Note | None:
    """Return the Event for a change of the Ready condition, if it needs one."""
    before, after = old.condition(READY), new.condition(READY)
    if after is None or (before is not None and (before.status, before.reason) == (after.status, after.reason)):
        return None
    reason = Reason(after.reason)
    if reason.event is None:
        return None
    return Note(reason, after.message, ready=after.status == "True")


def reminder_event(plan: Wait, reminder: Reminder) -> Note:
    """Return the Event that goes with a reminder."""
    by = f"{reminder.deadline.astimezone(IST):%H:%M} IST"
    when = (
        f"will not be ready by {by}" if reminder.mark is ReminderMark.EARLY else f"cannot become ready ({by} has come)"
    )
    content = f"{when} without a person: {plan.reason}: {plan.message}"
    return Note(Reason.PERSON_NEEDED, content)


def gap_note(old: Status, new: Status, gap: str) -> Note | None:
    """Return the Event for a gap in the calendar, once: not if the condition Ready had the gap before."""
    before, after = old.condition(READY), new.condition(READY)
    if not gap or after is None or gap not in after.message or (before is not None and gap in before.message):
        return None
    return Note(Reason.CALENDAR_UNKNOWN, f"{gap}. A newer operator may know them")


def misfit_note(name: str) -> Note:
    """Return the Event for a Secret that is labelled as a login grant and is of another type."""
    message = (
        f"Secret {name!r} is labelled as a login grant and is not of type kite-operator.dev/login-grant: it is neither "
        "used nor deleted. Create it anew with this type, or take the label kite-operator.dev/role away"
    )
    return Note(Reason.GRANT_INVALID, message)


def _prefix(name: str) -> str:
    """Return the prefix of an Event's generated name. A name that is cut must still end with a letter or digit."""
    return f"{name[:50].rstrip('.-')}."


@dataclass(frozen=True, slots=True)
class Written:
    """A written Event: its reason and message, its name, its count, and its time of creation (boot-time)."""

    content: tuple[Reason, str]
    name: str
    count: int
    since: float


@dataclass(slots=True)
class EventWriter:
    """Writes Events; a failure to write one never fails a refresh.

    A repeated Event is counted, not written again, unless another Event of the credential was written in between: the
    Events of a credential are read in their order.
    """

    cluster: Cluster
    clock: Clock
    identity: str
    _last: OrderedDict[str, Written] = field(default_factory=OrderedDict)

    async def write(self, credential: Credential, note: Note) -> None:
        """Write an Event about the credential, or increase the count of the last one if it is the same."""
        message, now = note.message[:LONGEST_MESSAGE], self.clock.boottime()
        last = self._last.pop(credential.uid, None)
        try:
            written = None
            if last is not None and last.content == (note.reason, message) and now - last.since < SAME_FOR_SECONDS:
                written = await self._count(credential, last)
            if written is None:
                written = await self._create(credential, note, message)
        except ClusterError as error:
            _log.warning("Event not written", extra={"credential": credential.key, "error": error})
            return
        self._last[credential.uid] = written
        while len(self._last) > _MOST_REMEMBERED:
            self._last.popitem(last=False)

    async def _count(self, credential: Credential, known: Written) -> Written | None:
        """Increase the count of the Event; None when it is gone."""
        more = replace(known, count=known.count + 1)
        patch = {"count": more.count, "lastTimestamp": self._timestamp()}
        try:
            await self.cluster.merge_patch(f"{events_path(credential.key.namespace)}/{known.name}", patch)
        except NotFound:
            return None
        return more

    def _timestamp(self) -> str:
        return self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    async def _create(self, credential: Credential, note: Note, message: str) -> Written:
        now = self._timestamp()
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
            "message": message,
            "type": (EventType.WARNING if note.warning else EventType.NORMAL).value,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
            "reportingInstance": self.identity[:128],
        }
        made = await self.cluster.create(events_path(credential.key.namespace), event)
        return Written((note.reason, message), made["metadata"]["name"], 1, self.clock.boottime())
