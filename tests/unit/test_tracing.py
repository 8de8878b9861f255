"""Spans through OpenTelemetry: what leaves, that no secret does, and that a collector which fails costs spans only."""

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from kite_operator import spans
from kite_operator.__main__ import main
from kite_operator.act.services import Services
from kite_operator.logs import set_up_logging
from kite_operator.model.resource import Key
from kite_operator.model.sensitive import Sensitive
from kite_operator.tracing import Tracing, TracingUnavailable, exporter_of, trace_to
from support.acting import Stage
from support.broker_fakes import CODE, REQUEST_TOKEN, happy_answers, login_page, refusal
from support.facts import SECRETS
from support.log_lines import lines

OPERATOR = Path(spans.__file__).parents[1]
ALPHA = Key("desk", "alpha")
ON = ["run", "--account-namespace", "kite", "--tracing", "true"]


@pytest.fixture
def memory() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    set_up_logging("warning")
    root.handlers[:], root.level = handlers, level


def observed_by(services: Services, observe: Callable[[str, str, float], None]) -> Services:
    return Services(**{name: getattr(services, name) for name in Services.__slots__} | {"observe": observe})


async def trace_of_a_login(stage: Stage, exporter: SpanExporter) -> None:
    """A login of which everything is traced, and the trace is sent."""
    tracing = trace_to(exporter, "pod-1")
    stage.services = observed_by(stage.services, spans.traced_steps(lambda *_: None))
    with (
        spans.one_reconcile(tracing.tracer, stage.clock.now, ALPHA),
        spans.action("login", "d1", "LoginInProgress") as told,
    ):
        outcome = await stage.log_in(stage.context())
        told.result, told.reason, told.failed = outcome.result, outcome.reason.value, outcome.failed is not None
    await tracing.stop(10.0)


def by_name(memory: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in memory.get_finished_spans()}


def parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent is not None else None


def own(span: ReadableSpan) -> int:
    context = span.get_span_context()
    assert context is not None
    return context.span_id


async def test_a_login_is_one_trace_with_a_span_for_each_step(memory: InMemorySpanExporter) -> None:
    await trace_of_a_login(Stage(happy_answers()), memory)
    found = by_name(memory)
    steps = ["preflight", "password", "totp", "connect", "exchange", "ledger", "turn", "stage"]
    assert {"reconcile", "login", *steps} <= set(found)
    assert (None, own(found["reconcile"])) == (parent(found["reconcile"]), parent(found["login"]))
    assert [own(found["login"])] * len(steps) == [parent(found[name]) for name in steps]
    assert 1 == len({span.context.trace_id for span in memory.get_finished_spans() if span.context is not None})
    assert {"kite.step": "password", "kite.outcome": "success"} == dict(found["password"].attributes or {})
    assert (SpanKind.CLIENT, SpanKind.INTERNAL) == (found["password"].kind, found["login"].kind)
    assert {StatusCode.UNSET} == {span.status.status_code for span in found.values()}


async def test_a_refused_password_is_an_error_with_its_reason(memory: InMemorySpanExporter) -> None:
    await trace_of_a_login(Stage([login_page(), refusal(403, "UserException")]), memory)
    found = by_name(memory)
    for name in ("password", "login"):
        status = found[name].status
        assert (StatusCode.ERROR, "PasswordRejected") == (status.status_code, status.description)


@pytest.mark.parametrize(
    "answers", [happy_answers(), [login_page(), refusal(403, "UserException")]], ids=["good", "bad"]
)
async def test_no_span_holds_a_secret_or_an_address(memory: InMemorySpanExporter, answers: Sequence[object]) -> None:
    await trace_of_a_login(Stage(list(answers)), memory)  # type: ignore[arg-type]  # both lists are scripts
    text = "".join(span.to_json() for span in memory.get_finished_spans())
    assert "reconcile" in text
    assert [] == [secret for secret in (*SECRETS, CODE, REQUEST_TOKEN, "login.example", "://", "?") if secret in text]


def test_a_secret_that_gets_into_a_span_all_the_same_is_taken_out(memory: InMemorySpanExporter) -> None:
    held = Sensitive("made-up-Secret_0123456789")
    tracing, now = trace_to(memory, "pod-1"), Stage().clock.now
    attributes = {"kite.reason": f"said {held.reveal()}"}
    span = tracing.tracer.begin(spans.Beginning(f"a {held.reveal()}", now(), attributes))
    span.end(now(), {"kite.result": "request_token=abcdef1234567890"}, f"it was {held.reveal()}")
    tracing._provider.shutdown()
    [sent] = memory.get_finished_spans()
    assert [] == [secret for secret in (held.reveal(), "abcdef1234567890") if secret in sent.to_json()]
    assert ("a ***", "it was ***") == (sent.name, sent.status.description)


def test_an_error_leaves_no_text_and_no_traceback(memory: InMemorySpanExporter) -> None:
    tracing, now = trace_to(memory, "pod-1"), Stage().clock.now
    with (
        pytest.raises(ValueError, match="a stranger's text"),
        spans.one_reconcile(tracing.tracer, now, ALPHA),
        spans.action("login", "d1", "x"),
    ):
        raise ValueError("a stranger's text")
    tracing._provider.shutdown()
    found = by_name(memory)
    assert "ValueError" == found["login"].status.description
    assert [()] * 2 == [tuple(span.events) for span in found.values()]
    assert "stranger" not in "".join(span.to_json() for span in found.values())


def test_who_sent_them_is_told_and_the_environment_has_the_last_word(
    memory: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=prod,service.name=desk-kite")
    ours = trace_to(memory, "pod-1")._provider.resource.attributes
    assert ("desk-kite", "pod-1", "prod") == tuple(
        ours[name] for name in ("service.name", "service.instance.id", "deployment.environment")
    )


class Failing(SpanExporter):
    """Takes nothing, in the way that it is told to."""

    def __init__(self, how: Callable[[], SpanExportResult]) -> None:
        self.how = how

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        assert spans
        return self.how()

    def shutdown(self) -> None:
        """Nothing to end."""


def flushed(tracing: Tracing) -> None:
    tracing.tracer.begin(spans.Beginning("one", Stage().clock.now(), {})).end(Stage().clock.now(), {}, "")
    tracing._provider.force_flush()


def test_a_collector_that_is_away_is_told_of_once_and_so_is_its_return(caplog: pytest.LogCaptureFixture) -> None:
    def refuse() -> SpanExportResult:
        raise OSError("http://user:pass@collector/?token=1")

    exporter = Failing(lambda: SpanExportResult.FAILURE)
    tracing = trace_to(exporter, "pod-1")
    caplog.set_level("INFO")
    flushed(tracing)
    exporter.how = refuse
    flushed(tracing)
    exporter.how = lambda: SpanExportResult.SUCCESS
    flushed(tracing)
    flushed(tracing)
    tracing._provider.shutdown()
    assert [
        "trace collector does not answer: spans are lost",
        "trace collector answers again",
    ] == lines(caplog.records)


async def test_a_collector_that_hangs_does_not_hold_a_stop(caplog: pytest.LogCaptureFixture) -> None:
    let_go = threading.Event()

    def hang() -> SpanExportResult:
        let_go.wait(30)
        return SpanExportResult.FAILURE

    tracing = trace_to(Failing(hang), "pod-1")
    tracing.tracer.begin(spans.Beginning("one", Stage().clock.now(), {})).end(Stage().clock.now(), {}, "")
    await tracing.stop(0.05)
    let_go.set()
    for thread in threading.enumerate():
        if thread.name == "last spans":
            thread.join(30)
    lost = [line for line in lines(caplog.records) if "last spans" in line]
    assert ["last spans lost: the collector did not take them in time seconds=0.05"] == lost


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL must be http/protobuf"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "collector:4318",
            "OTEL_EXPORTER_OTLP_ENDPOINT must begin with http:// or https://",
        ),
    ],
)
def test_what_the_environment_asks_for_wrongly_is_told_at_the_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str, problem: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert 2 == main(ON)
    assert f"--tracing: {problem}" in capsys.readouterr().err


def test_the_protocol_that_is_spoken_may_be_named() -> None:
    exporter_of({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}).shutdown()
    with pytest.raises(TracingUnavailable):
        exporter_of({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})


def test_without_its_packages_it_is_refused_with_words_that_help() -> None:
    missing = "import sys; sys.modules['opentelemetry'] = None; from kite_operator.__main__ import main"
    script = f"{missing}; sys.exit(main({ON}))"
    ended = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script], env={"PYTHONPATH": str(OPERATOR)}, capture_output=True, text=True, check=False
    )
    assert (2, True) == (ended.returncode, "they are the extra `tracing`" in ended.stderr)
    assert "Traceback" not in ended.stderr


def test_what_is_off_is_not_even_imported() -> None:
    script = (
        "import sys, kite_operator.app, kite_operator.__main__, kite_operator.tracing\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'google.protobuf'))])"
    )
    ended = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script], env={"PYTHONPATH": str(OPERATOR)}, capture_output=True, text=True, check=True
    )
    assert "[]" == ended.stdout.strip()


def test_the_exporters_own_words_are_not_logged(logging_as_it_was: None, capsys: pytest.CaptureFixture[str]) -> None:
    del logging_as_it_was
    set_up_logging("debug")
    logging.getLogger("opentelemetry.exporter.otlp").error("http://user:pass@collector/?token=1")
    assert "" == capsys.readouterr().err
