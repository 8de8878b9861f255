"""Traces of a real operator: what a collector gets, that no secret is in it, and that a missing one costs nothing."""

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from kite_operator import __version__
from support.collector import attributes, collecting
from support.ports import free_port
from support.world import World

ON = ("--tracing", "true")
EVERY_STEP = ("preflight", "password", "totp", "connect", "exchange", "ledger", "stage", "profile", "publish")


def under(span: Span, spans: list[Span]) -> list[str]:
    """The names of what stands right below it."""
    return [each.name for each in spans if each.parent_span_id == span.span_id]


def test_a_refresh_is_one_trace_from_the_decision_to_the_published_secret(world: World) -> None:
    with collecting() as collector:
        operator = world.operator(*ON, OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint)
        world.alpha()
        world.wait("SessionActive")
        token = world.token()
        # SIGTERM: what has not been sent yet is sent then.
        assert 0 == operator.stop()
        spans = collector.spans()
        [whole] = [span for span in spans if span.name == "reconcile" and "login" in under(span, spans)]
        mine = [span for span in spans if span.trace_id == whole.trace_id]
        names = {span.name for span in mine}
        assert set(EVERY_STEP) <= names
        assert ["login", "prove"] == [name for name in under(whole, mine) if name in ("login", "prove")]
        assert (world.namespace, "alpha", "SessionActive") == tuple(
            attributes(whole.attributes)[name] for name in ("kite.namespace", "kite.name", "kite.reason")
        )
        [login] = [span for span in mine if span.name == "login"]
        ids = f"trace_id={login.trace_id.hex()} span_id={login.span_id.hex()}"
        assert f"decision={attributes(login.attributes)['kite.decision']} {ids}" in world.logs()
        assert {"PUT leases", "PATCH secrets", "PUT secrets"} & names
        assert all(span.end_time_unix_nano >= span.start_time_unix_nano for span in mine)
        [resource] = [dict(each) for each in {tuple(sorted(each.items())) for each in collector.resources()}]
        assert ("kite-operator", __version__) == (resource["service.name"], resource["service.version"])
        assert {"/v1/traces"} == set(collector.paths)
        sent = b"".join(collector.bodies)
    for secret in (*world.secrets_made, token, "://", "request_token"):
        assert secret.encode() not in sent, "a secret, or an address, stands in a span"


def test_what_the_broker_refuses_is_an_error_with_its_reason(world: World) -> None:
    with collecting() as collector:
        operator = world.operator(*ON, OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint)
        app, account = world.broker()
        world.secrets_made.append("Wrong-Horse-1234")
        world.sources(app, account, password="Wrong-Horse-1234")
        world.credential()
        world.wait("PasswordRejected")
        assert 0 == operator.stop()
        failed = {
            span.name: span.status.message for span in collector.spans() if span.status.code == Status.STATUS_CODE_ERROR
        }
        assert {"login": "PasswordRejected", "password": "PasswordRejected"} == failed
        assert b"Wrong-Horse-1234" not in b"".join(collector.bodies)


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_the_usual_variables_hold(world: World, compression: str) -> None:
    with collecting() as collector:
        operator = world.operator(
            *ON,
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{collector.endpoint}/elsewhere",
            OTEL_EXPORTER_OTLP_COMPRESSION=compression,
            OTEL_SERVICE_NAME="desk-kite",
        )
        world.alpha()
        world.wait("SessionActive")
        assert 0 == operator.stop()
        assert {"/elsewhere"} == set(collector.paths)
        assert {"desk-kite"} == {each["service.name"] for each in collector.resources()}


def test_a_collector_that_is_not_there_disturbs_no_refresh(world: World) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    operator = world.operator(*ON, OTEL_EXPORTER_OTLP_ENDPOINT=nowhere, OTEL_BSP_SCHEDULE_DELAY="100")
    world.alpha()
    world.wait("SessionActive")
    first = world.token()
    world.until(lambda: "trace collector does not answer" in world.logs(), "the line that says so", within=40)
    world.set_clock("2030-01-09T12:00")
    world.until(lambda: world.token() not in ("", first), "the token of a later day", within=40)
    assert "AB1234" == (world.target() or {})["user_id"]
    assert 2 == world.sandbox.counters("AB1234").count("login")
    assert 0 == operator.stop()
    assert 1 == world.logs().count("trace collector does not answer")
    assert "127.0.0.1:" + nowhere.rpartition(":")[2] not in world.logs()
    assert "Traceback" not in world.logs()
