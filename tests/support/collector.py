"""An OTLP/HTTP receiver on loopback, for real operators to send spans to: decoded by OpenTelemetry's own messages."""

import gzip
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from support.answering import answering


@dataclass(slots=True)
class Collector:
    """`bodies` is what came, undone of its compression."""

    server: ThreadingHTTPServer
    bodies: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        host, port = self.server.server_address[:2]
        return f"http://{host!s}:{port}"

    def requests(self) -> list[ExportTraceServiceRequest]:
        return [ExportTraceServiceRequest.FromString(body) for body in self.bodies]

    def resources(self) -> list[dict[str, str | int]]:
        return [attributes(each.resource.attributes) for told in self.requests() for each in told.resource_spans]

    def spans(self) -> list[Span]:
        """In the order in which they began."""
        found = [
            span
            for told in self.requests()
            for each in told.resource_spans
            for scope in each.scope_spans
            for span in scope.spans
        ]
        return sorted(found, key=lambda span: span.start_time_unix_nano)


def attributes(pairs: Iterable[KeyValue]) -> dict[str, str | int]:
    """Names and values, of texts and whole numbers."""
    return {
        pair.key: pair.value.string_value if pair.value.HasField("string_value") else pair.value.int_value
        for pair in pairs
    }


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that is closed with the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            packed = self.headers.get("Content-Encoding") == "gzip"
            made.paths.append(self.path)
            made.bodies.append(gzip.decompress(body) if packed else body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Collector(server)
    with answering(server):
        yield made
