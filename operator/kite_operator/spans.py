"""Spans of a refresh: one for a reconcile, below it one for each action, and below that its steps.

Like the fields of a log line (`correlation.py`) the present span travels with the task, so that it is no argument of
any function. A `Tracer` (`tracing.py`) exports spans: without one, which is the default, each of these functions costs
a read of one variable. A span has names, ids and codes of our own; never a text of the broker or of an exception (P4).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol

from kite_operator.correlation import about
from kite_operator.model.errors import BrokerError, ReservationRefused
from kite_operator.model.resource import Key
from kite_operator.observers import notify_observer

Attributes = Mapping[str, str | int]

SUCCESS, ABORTED = "success", "aborted"
_SERVER_ERRORS = 500


class Span(Protocol):
    """An operation that has begun and takes time."""

    @property
    def ids(self) -> Mapping[str, str]:
        """`trace_id` and `span_id` in hex, for log lines and exemplars."""
        ...

    def end(self, at: datetime, attributes: Attributes, problem: str) -> None:
        """End the span; `problem` is the code of an error, empty when there was none."""
        ...


@dataclass(frozen=True, slots=True)
class Beginning:
    """Facts of a span when it begins; `remote` when it is a request to another process."""

    name: str
    at: datetime
    attributes: Attributes
    within: Span | None = None
    remote: bool = False


class Tracer(Protocol):
    """Exporter of spans."""

    def begin(self, beginning: Beginning) -> Span:
        """Return a span that has begun."""
        ...


class _NoSpan:
    """Stand-in for a span that could not be begun."""

    ids: Mapping[str, str] = MappingProxyType({})

    def end(self, at: datetime, attributes: Attributes, problem: str) -> None:
        """Do nothing."""


def _begun(tracer: Tracer, beginning: Beginning) -> Span:
    """Return a span that has begun; an error of the tracer costs spans only."""
    made: list[Span] = [_NoSpan()]
    notify_observer(lambda: made.append(tracer.begin(beginning)))
    return made[-1]


def _ids_of(span: Span) -> Mapping[str, str]:
    """Return the ids of a span; none when it fails to give them."""
    found: dict[str, str] = {}
    notify_observer(lambda: found.update(span.ids))
    return found


@dataclass(slots=True)
class _Reconcile:
    """One reconcile of a credential. Its span begins with its first action: most reconciles have no action."""

    tracer: Tracer
    now: Callable[[], datetime]
    key: Key
    began: datetime
    span: Span | None = None
    reason: str = ""
    over: bool = False

    def begun(self) -> Span:
        if self.span is None:
            attributes = {"kite.namespace": self.key.namespace, "kite.name": self.key.name}
            self.span = _begun(self.tracer, Beginning("reconcile", self.began, attributes))
        return self.span

    def end(self) -> None:
        self.over = True  # a task that it started and did not wait for is no part of it any more
        if self.span is not None:
            notify_observer(self.span.end, self.now(), {"kite.reason": self.reason} if self.reason else {}, "")


@dataclass(frozen=True, slots=True)
class _Place:
    """Position of the present task: its reconcile, and the span above it."""

    within: _Reconcile
    span: Span | None


_place: ContextVar[_Place | None] = ContextVar("span", default=None)


@contextmanager
def one_reconcile(tracer: Tracer | None, now: Callable[[], datetime], key: Key) -> Iterator[None]:
    """Mark everything inside as part of one reconcile of the credential `key`."""
    if tracer is None:
        yield
        return
    here = _Reconcile(tracer, now, key, now())
    token = _place.set(_Place(here, None))
    try:
        yield
    finally:
        _place.reset(token)
        here.end()


def waits(reason: str) -> None:
    """Record the reason for which the present reconcile waits."""
    here = _place.get()
    if here is not None:
        here.within.reason = reason


@dataclass(slots=True)
class ActionOutcome:
    """Outcome of an action, for its span."""

    result: str = ""
    reason: str = ""
    failed: bool = False


@contextmanager
def action(name: str, decision: str, why: str) -> Iterator[ActionOutcome]:
    """Make a span for the action of one decision: `decision` is the id in the log; the block sets the outcome."""
    outcome, here = ActionOutcome(), _place.get()
    if here is None:
        yield outcome
        return
    attributes = {"kite.action": name, "kite.decision": decision, "kite.why": why}
    with _below(_Place(here.within, here.within.begun()), name, attributes) as ending:
        yield outcome
        ending.attributes = {"kite.result": outcome.result, "kite.reason": outcome.reason}
        ending.problem = outcome.reason if outcome.failed else ""


@contextmanager
def step(name: str) -> Iterator[None]:
    """Make a span for a step of the present action that calls no broker: broker calls are timed by `traced_steps`."""
    here = _place.get()
    if here is None or here.span is None:
        yield
        return
    with _below(here, name, {"kite.step": name}):
        yield


@dataclass(slots=True)
class _Ending:
    attributes: Attributes
    problem: str


@contextmanager
def _below(place: _Place, name: str, attributes: Attributes) -> Iterator[_Ending]:
    """Make a span below the present one, and make it the present one inside."""
    within = place.within
    span = _begun(within.tracer, Beginning(name, within.now(), attributes, place.span))
    token, ending = _place.set(_Place(within, span)), _Ending({}, "")
    try:
        with about(**_ids_of(span)):
            yield ending
    except Exception as error:
        ending.problem = _code(error)
        raise
    except BaseException:
        ending.problem = ABORTED
        raise
    finally:
        _place.reset(token)
        notify_observer(span.end, within.now(), ending.attributes, ending.problem)


def _code(error: Exception) -> str:
    """Return a documented reason, or the kind of error; its text may be anything."""
    return error.reason.value if isinstance(error, BrokerError | ReservationRefused) else type(error).__name__


def _timed(name: str, seconds: float, attributes: Attributes, problem: str) -> None:
    """Make a span for a request that has just ended and took `seconds`."""
    here = _place.get()
    if here is None or here.span is None or here.within.over:
        return
    now = here.within.now()
    beginning = Beginning(name, now - timedelta(seconds=seconds), attributes, here.span, remote=True)
    notify_observer(_begun(here.within.tracer, beginning).end, now, {}, problem)


def traced_steps(observe: Callable[[str, str, float], None]) -> Callable[[str, str, float], None]:
    """Return `observe` with a span for each call to the broker."""

    def observe_and_trace(name: str, outcome: str, seconds: float) -> None:
        observe(name, outcome, seconds)
        attributes = {"kite.step": str(name), "kite.outcome": outcome}
        _timed(str(name), seconds, attributes, "" if outcome == SUCCESS else outcome)

    return observe_and_trace


def traced_requests(observe: Callable[[str, str, int, float], None]) -> Callable[[str, str, int, float], None]:
    """Return `observe` with a span for each request to the API server: verb and kind of object, never a path."""

    def observe_and_trace(verb: str, resource: str, status: int, seconds: float) -> None:
        observe(verb, resource, status, seconds)
        attributes: Attributes = {
            "http.request.method": verb,
            "http.response.status_code": status,
            "kite.resource": resource,
        }
        problem = "" if 0 < status < _SERVER_ERRORS else f"HTTP {status}" if status else "no answer"
        _timed(f"{verb} {resource}", seconds, attributes, problem)

    return observe_and_trace
