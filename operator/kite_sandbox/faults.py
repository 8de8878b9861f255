"""Scripted misbehaviour: answers that replace or edit the real one, before or after the call took effect.

"After" is the case that a careful client fears most: the password was counted, and the answer was lost.
"""

import copy
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kite_sandbox.answers import Answer
from kite_sandbox.dispatch import Caller
from kite_sandbox.error_table import ROWS
from kite_sandbox.world import Step


class When(StrEnum):
    """The moment of the fault: BEFORE the call has any effect, or AFTER it has, so that only the answer is lost."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Scope:
    """The calls that are affected: one account's, one app's, or (both None) all."""

    client_id: str | None = None
    api_key: str | None = None


def scopes_of(caller: Caller) -> list[Scope]:
    """The scopes that a call falls under, the narrowest first."""
    found = [Scope(client_id=caller.client_id)] if caller.client_id is not None else []
    if caller.api_key is not None:
        found.append(Scope(api_key=caller.api_key))
    return [*found, Scope()]


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes to the real answer: dotted paths into its JSON to set or remove, and whether to omit the content type."""

    assign: Mapping[str, Any] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    without_content_type: bool = False

    def apply(self, answer: Answer) -> Answer:
        """The answer with the changes made; a path that is not there is passed over."""
        body = copy.deepcopy(answer.body)
        if isinstance(body, dict):
            for path, value in self.assign.items():
                parent, key = _locate(body, path)
                if parent is not None:
                    parent[key] = value
            for path in self.remove:
                parent, key = _locate(body, path)
                if parent is not None:
                    parent.pop(key, None)
        content_type = None if self.without_content_type else answer.content_type
        return Answer(answer.outcome, answer.status, body, content_type, answer.headers, answer.cookies)


def _locate(body: dict[str, Any], path: str) -> tuple[dict[str, Any] | None, str]:
    *parents, key = path.split(".")
    place: Any = body
    for name in parents:
        place = place.get(name) if isinstance(place, dict) else None
    return place if isinstance(place, dict) else None, key


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted answer.

    `answer` replaces the real one, `edit` changes it (AFTER only), `delay_s` holds it back in real seconds,
    `reset_mid_body` cuts the connection in the middle of it. BEFORE with no answer is answered 504. `times` is how
    often it strikes; None is for ever.
    """

    number: int
    step: Step
    scope: Scope
    label: str
    when: When = When.BEFORE
    answer: Answer | None = field(default=None, repr=False)
    edit: Edit | None = None
    delay_s: float = 0.0
    reset_mid_body: bool = False
    times: int | None = 1

    def rendered(self, real: Answer | None) -> Answer:
        """The answer to send; `real` is None if the call had no effect."""
        if self.answer is not None:
            return self.answer
        if real is None:
            return ROWS["gateway_timeout"].answer()
        return real if self.edit is None else self.edit.apply(real)


@dataclass(slots=True)
class _Armed:
    fault: Fault
    left: int | None


class FaultBook:
    """The armed faults. For each scope and step they strike in the order in which they were added."""

    def __init__(self) -> None:
        self._armed: defaultdict[tuple[Scope, Step], list[_Armed]] = defaultdict(list)
        self._numbered = 0

    def next_number(self) -> int:
        """A number for a new fault."""
        self._numbered += 1
        return self._numbered

    def add(self, fault: Fault) -> None:
        """Arm a fault."""
        self._armed[fault.scope, fault.step].append(_Armed(fault, fault.times))

    def take(self, step: Step, caller: Caller) -> Fault | None:
        """The fault that strikes this call, if any; the narrowest scope goes first."""
        for scope in scopes_of(caller):
            if queue := self._armed.get((scope, step)):
                armed = queue[0]
                if armed.left is not None:
                    armed.left -= 1
                    if armed.left == 0:
                        queue.pop(0)
                return armed.fault
        return None

    def listed(self) -> list[tuple[Fault, int | None]]:
        """Return what is armed, with how often each still strikes."""
        return [(armed.fault, armed.left) for queue in self._armed.values() for armed in queue]

    def clear(self, *, scope: Scope | None = None, number: int | None = None) -> int:
        """Disarm one fault, a scope's, or all; returns how many."""
        gone = 0
        for key, queue in list(self._armed.items()):
            kept = [each for each in queue if not _selected(each.fault, scope, number)]
            gone += len(queue) - len(kept)
            self._armed[key] = kept
            if not kept:
                del self._armed[key]
        return gone


def _selected(fault: Fault, scope: Scope | None, number: int | None) -> bool:
    return (scope is None or fault.scope == scope) and (number is None or fault.number == number)


def as_text(body: str | Mapping[str, Any]) -> str:
    """A body as it goes over the wire."""
    return body if isinstance(body, str) else json.dumps(body)
