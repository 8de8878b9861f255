"""What a refresh consists of, in time: a span for a pass, below it one for each action, and below that its steps.

Like the fields of a log line (`correlation.py`) the present span travels with the task, so that nobody has to hand it
on. Where spans go is the affair of a `Tracer` (`tracing.py`): without one, which is the default, each of these costs a
look at one variable. A span bears names, ids and codes of our own; never a text of the broker or of an exception (P4).
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
    """One thing that takes time, begun."""

    @property
    def ids(self) -> Mapping[str, str]:
        """`trace_id` and `span_id` in hex, for log lines and exemplars."""
        ...

    def end(self, at: datetime, attributes: Attributes, problem: str) -> None:
        """It is over; `problem` is the code of what went wrong, empty when nothing did."""
        ...


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is known of a span when it begins; `remote` when it is a request to another process."""

    name: str
    at: datetime
    attributes: Attributes
    within: Span | None = None
    remote: bool = False


class Tracer(Protocol):
    """Where spans go."""

    def begin(self, beginning: Beginning) -> Span:
        """A span that has begun."""
        ...


class _Lost:
    """Stands for a span that could not be begun."""

    ids: Mapping[str, str] = MappingProxyType({})

    def end(self, at: datetime, attributes: Attributes, problem: str) -> None:
        """Nothing is known of it."""


def _begun(tracer: Tracer, beginning: Beginning) -> Span:
    """A span that has begun; what goes wrong with spans costs spans only."""
    made: list[Span] = [_Lost()]
    notify_observer(lambda: made.append(tracer.begin(beginning)))
    return made[-1]


def _ids_of(span: Span) -> Mapping[str, str]:
    """The ids of a span; none when they cannot be had."""
    found: dict[str, str] = {}
    notify_observer(lambda: found.update(span.ids))
    return found


@dataclass(slots=True)
class _Pass:
    """One look at a credential. Its span begins with its first action: most passes only rest, and leave none."""

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
        self.over = True  # what it has started and not waited for is no part of it any more
        if self.span is not None:
            notify_observer(self.span.end, self.now(), {"kite.reason": self.reason} if self.reason else {}, "")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the present task is: in which pass, below which span."""

    within: _Pass
    span: Span | None


_place: ContextVar[_Place | None] = ContextVar("span", default=None)


@contextmanager
def one_pass(tracer: Tracer | None, now: Callable[[], datetime], key: Key) -> Iterator[None]:
    """Everything inside belongs to one look at the credential `key`."""
    if tracer is None:
        yield
        return
    here = _Pass(tracer, now, key, now())
    token = _place.set(_Place(here, None))
    try:
        yield
    finally:
        _place.reset(token)
        here.end()


def rests(reason: str) -> None:
    """How the present pass ends."""
    here = _place.get()
    if here is not None:
        here.within.reason = reason


@dataclass(slots=True)
class Told:
    """What came of an action, for its span."""

    result: str = ""
    reason: str = ""
    failed: bool = False


@contextmanager
def action(name: str, decision: str, why: str) -> Iterator[Told]:
    """What is done for one decision: `decision` is the id that stands in the log; the block says what came of it."""
    told, here = Told(), _place.get()
    if here is None:
        yield told
        return
    attributes = {"kite.action": name, "kite.decision": decision, "kite.why": why}
    with _below(_Place(here.within, here.within.begun()), name, attributes) as ending:
        yield told
        ending.attributes = {"kite.result": told.result, "kite.reason": told.reason}
        ending.problem = told.reason if told.failed else ""


@contextmanager
def step(name: str) -> Iterator[None]:
    """A step of the present action that is no call to the broker: those are `timed` where they are observed."""
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
    """A span within the present one, and the present one for what is inside."""
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
    """A documented reason, or the kind of error; its text may be anything."""
    return error.reason.value if isinstance(error, BrokerError | ReservationRefused) else type(error).__name__


def _timed(name: str, seconds: float, attributes: Attributes, problem: str) -> None:
    """A request that has just ended and took `seconds`."""
    here = _place.get()
    if here is None or here.span is None or here.within.over:
        return
    now = here.within.now()
    beginning = Beginning(name, now - timedelta(seconds=seconds), attributes, here.span, remote=True)
    notify_observer(_begun(here.within.tracer, beginning).end, now, {}, problem)


def traced_steps(observe: Callable[[str, str, float], None]) -> Callable[[str, str, float], None]:
    """`observe`, which also leaves a span of each call to the broker."""

    def observe_and_trace(name: str, outcome: str, seconds: float) -> None:
        observe(name, outcome, seconds)
        attributes = {"kite.step": str(name), "kite.outcome": outcome}
        _timed(str(name), seconds, attributes, "" if outcome == SUCCESS else outcome)

    return observe_and_trace


def traced_requests(observe: Callable[[str, str, int, float], None]) -> Callable[[str, str, int, float], None]:
    """`observe`, which also leaves a span of each request to the API server: verb and kind of object, never a path."""

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
