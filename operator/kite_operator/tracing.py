"""Spans by OpenTelemetry, over OTLP/HTTP, to the collector that OTEL_* variables name: the only module that imports it.

The packages are an extra, and are imported only when traces are switched on. A thread of the SDK sends spans in
batches: a collector that is slow, wrong or away costs spans, never a refresh, and is logged in one line.
"""

import asyncio
import contextlib
import importlib
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kite_operator import __version__
from kite_operator.logs import redacted
from kite_operator.model.errors import OperatorError
from kite_operator.spans import Attributes, Beginning, Span, Tracer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import Tracer as OtelTracer

_log = logging.getLogger(__name__)

_MODULES = ("opentelemetry.sdk.trace.export", "opentelemetry.exporter.otlp.proto.http.trace_exporter")
_SPOKEN = "http/protobuf"
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_MISSING = (
    "--tracing: its Python packages are not installed: they are the extra `tracing`, or requirements/tracing.txt for "
    "an image (docs/logs-and-traces.md#traces)"
)


class TracingUnavailable(OperatorError):
    """Traces are enabled and cannot be made; the message is the reason, in words of our own."""


def exporter_of(environment: Mapping[str, str] = os.environ) -> "SpanExporter":
    """Return the exporter for the collector in OTEL_EXPORTER_OTLP_*; TracingUnavailable names the problem."""
    for name in _PROTOCOLS:
        if environment.get(name) not in (None, "", _SPOKEN):
            raise TracingUnavailable(f"--tracing: {name} must be {_SPOKEN}, or not be set")
    for name in _ENDPOINTS:
        if environment.get(name) and not environment[name].startswith(("http://", "https://")):
            raise TracingUnavailable(f"--tracing: {name} must begin with http:// or https://")
    try:
        for module in _MODULES:
            importlib.import_module(module)
    except ImportError:
        raise TracingUnavailable(_MISSING) from None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra

    return OTLPSpanExporter()


def start_tracing(instance: str) -> "Tracing":
    """Start traces of this process (`instance`), as the environment configures them."""
    return trace_to(exporter_of(), instance)


def trace_to(exporter: "SpanExporter", instance: str) -> "Tracing":
    """Start traces to `exporter`, in batches, of this process (`instance`)."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - an extra

    ours = {"service.name": "kite-operator", "service.version": __version__, "service.instance.id": instance}
    provider = TracerProvider(resource=Resource(ours).merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_reporting(exporter)))
    return Tracing(provider)


class Tracing:
    """Traces that are switched on."""

    def __init__(self, provider: "TracerProvider") -> None:
        """Create traces of `provider`, which `stop` ends."""
        self._provider = provider
        self.tracer: Tracer = _Tracer(provider.get_tracer("kite_operator", __version__))

    async def stop(self, seconds: float) -> None:
        """Send the remaining spans, for at most `seconds`: the sending thread does not keep the process alive."""
        done, loop = asyncio.Event(), asyncio.get_running_loop()

        def send() -> None:
            self._provider.shutdown()
            with contextlib.suppress(RuntimeError):  # the wait is over and the loop is closed
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=send, name="last spans", daemon=True).start()
        try:
            await asyncio.wait_for(done.wait(), seconds)
        except TimeoutError:
            _log.warning("last spans lost: the collector did not take them in time", extra={"seconds": seconds})


@dataclass(frozen=True, slots=True)
class _Tracer:
    otel: "OtelTracer"

    def begin(self, beginning: Beginning) -> Span:
        from opentelemetry.context import Context  # noqa: PLC0415 - an extra
        from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415 - an extra

        within = beginning.within
        context = set_span_in_context(within.otel, Context()) if isinstance(within, _Span) else Context()
        kind = SpanKind.CLIENT if beginning.remote else SpanKind.INTERNAL
        attributes, start = _clean(beginning.attributes), _nanoseconds(beginning.at)
        return _Span(self.otel.start_span(redacted(beginning.name), context, kind, attributes, start_time=start))


@dataclass(frozen=True, slots=True)
class _Span:
    otel: "OtelSpan"

    @property
    def ids(self) -> dict[str, str]:
        context = self.otel.get_span_context()
        return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}

    def end(self, at: datetime, attributes: Attributes, problem: str) -> None:
        from opentelemetry.trace import StatusCode  # noqa: PLC0415 - an extra

        self.otel.set_attributes(_clean(attributes))
        if problem:
            self.otel.set_status(StatusCode.ERROR, redacted(problem))
        self.otel.end(_nanoseconds(at))


def _clean(attributes: Attributes) -> dict[str, Any]:
    """Return the attributes, redacted: the last defence, as for a log line (P4)."""
    return {name: redacted(value) if isinstance(value, str) else value for name, value in attributes.items()}


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1e9)


def _reporting(exporter: "SpanExporter") -> "SpanExporter":
    """Return `exporter` with one log line when it begins to fail, and one when it works again."""
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult  # noqa: PLC0415 - an extra

    class Reporting(SpanExporter):
        def __init__(self) -> None:
            self.taken = True

        def export(self, spans: "Sequence[ReadableSpan]") -> SpanExportResult:
            try:
                result = exporter.export(spans)
            except Exception:  # noqa: BLE001 - any error costs spans only, and its text may be foreign
                result = SpanExportResult.FAILURE
            taken = result is SpanExportResult.SUCCESS
            if self.taken and not taken:
                _log.warning("trace collector does not answer: spans are lost")
            elif taken and not self.taken:
                _log.info("trace collector answers again")
            self.taken = taken
            return result

        def shutdown(self) -> None:
            exporter.shutdown()

    return Reporting()
