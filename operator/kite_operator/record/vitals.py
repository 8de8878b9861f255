"""Metrics of the process itself: its event loop, its work queue, and the requests to the API server.

The gauges are read from the scheduler and the watches at each scrape, so that none goes stale.
"""

from collections.abc import Callable
from typing import Protocol

from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector

_REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Queue(Protocol):
    """The state of the scheduler."""

    @property
    def waiting(self) -> int:
        """Return the number of credentials that wait for a worker."""

    @property
    def busy(self) -> int:
        """Return the number of credentials that are reconciled now."""

    @property
    def failing(self) -> int:
        """Return the number of credentials whose last reconcile ended in an error."""

    @property
    def lag_seconds(self) -> float:
        """Return the delay of the most overdue reconcile, in seconds."""


class Vitals:
    """Registers its families in the given registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the families; `ask` sets the sources of the gauges later."""
        self._waiting = Gauge(
            "kite_operator_queue_depth", "Credentials that are due and wait for a worker.", registry=registry
        )
        self._busy = Gauge("kite_operator_busy_workers", "Credentials that are worked on.", registry=registry)
        self._lag = Gauge(
            "kite_operator_schedule_lag_seconds",
            "How long the credential that is most overdue by the clock has been waiting; 0 when none is.",
            registry=registry,
        )
        self._failing = Gauge(
            "kite_operator_failing_credentials",
            "Credentials whose last pass ended in an error: what their gauges show is older than that.",
            registry=registry,
        )
        self._watching = Gauge(
            "kite_operator_watch_up",
            "1 while the API server has accepted each watch, 0 before and while one is refused.",
            registry=registry,
        )
        self._loop_lag = Histogram(
            "kite_operator_event_loop_lag_seconds",
            "How much later than asked for the event loop woke a task that sleeps a second, again and again.",
            buckets=_LAG_BUCKETS,
            registry=registry,
        )
        self._requests = Histogram(
            "kite_operator_kubernetes_request_duration_seconds",
            "How long each request to the Kubernetes API took, failed ones too.",
            ["verb", "resource"],
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        )
        ProcessCollector(registry=registry)

    def ask(self, queue: Queue, watching: Callable[[], bool]) -> None:
        """Set the sources that are read at each scrape."""
        self._waiting.set_function(lambda: queue.waiting)
        self._busy.set_function(lambda: queue.busy)
        self._lag.set_function(lambda: queue.lag_seconds)
        self._failing.set_function(lambda: queue.failing)
        self._watching.set_function(lambda: 1.0 if watching() else 0.0)

    def observe_lag(self, seconds: float) -> None:
        """Record one delay of the event loop, in seconds."""
        self._loop_lag.observe(seconds)

    def observe_request(self, verb: str, resource: str, seconds: float) -> None:
        """Record one request to the API server."""
        self._requests.labels(verb, resource).observe(seconds)
