"""Values that are read from an answer, with any headers."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kite_operator.broker.wire import HttpRequest, HttpResponse, parse_http_date, parse_retry_after
from kite_operator.model.clockoffset import ClockOffset
from kite_operator.model.errors import Step
from support.broker_fakes import API_KEY, NOW, PASSWORD, answer, leaks, refusal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("86400", 3600.0),
        ("9" * 400, 3600.0),
        ("-5", None),
        ("soon", None),
        ("7.5", None),
        ("Mon, 02 Mar 2026 02:05:30 GMT", 30.0),
        ("Mon, 02 Mar 2026 02:04:30 GMT", 0.0),
        ("Mon, 02 Mar 2026 09:00:00 GMT", 3600.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date_and_cut_to_an_hour(
    text: str | None, expected: float | None
) -> None:
    assert expected == parse_retry_after(text, NOW)


@given(st.text(max_size=60))
def test_any_retry_after_gives_nothing_or_a_wait_within_an_hour(text: str) -> None:
    seconds = parse_retry_after(text, NOW)

    assert seconds is None or 0.0 <= seconds <= 3600.0


@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)))  # noqa: DTZ001 - made aware below
def test_an_http_date_is_read_back(moment: datetime) -> None:
    aware = moment.replace(microsecond=0, tzinfo=UTC)

    assert aware == parse_http_date(aware.strftime("%a, %d %b %Y %H:%M:%S GMT"))


def test_a_date_without_a_zone_is_taken_as_utc() -> None:
    assert timedelta(0) == (parse_http_date("Mon, 02 Mar 2026 02:05:30 -0000") or NOW).utcoffset()


def test_headers_are_found_in_any_case() -> None:
    assert answer(200, {}, {"ReTrY-AfTeR": "60"}).header("Retry-After") == "60"


@pytest.mark.parametrize("content_type", ["application/json", "text/html", "text/plain", ""])
def test_an_error_envelope_is_an_error_envelope_under_every_content_type(content_type: str) -> None:
    body = json.dumps({"status": "error", "message": "x", "error_type": "InputException"})
    received = answer(400, body, content_type=content_type)

    assert (received.refused, received.succeeded, received.is_page) == (True, False, False)


@pytest.mark.parametrize(
    "body", ["", "[]", "7", "null", "{", "<html>", '{"a":' * 20_000, "\ud83d\udc4d".encode("utf-16", "surrogatepass")]
)
def test_a_body_that_is_no_json_object_is_no_envelope(body: str | bytes) -> None:
    raw = body if isinstance(body, bytes) else body.encode()

    assert HttpResponse.of(200, {"content-type": "application/json"}, raw, NOW).envelope is None


@pytest.mark.parametrize(
    ("document", "succeeded"),
    [
        ({"status": "success", "data": {}}, True),
        ({"status": "success", "data": {}, "error_type": "TokenException"}, False),
        ({"data": {}}, False),
        ({}, False),
        ({"status": "error"}, False),
    ],
)
def test_only_an_explicit_success_is_a_success(document: dict[str, object], succeeded: bool) -> None:  # noqa: FBT001 - a table's column
    assert succeeded == answer(200, document).succeeded


def test_only_known_error_types_are_described() -> None:
    assert [
        refusal(403, "TokenException").describe(),
        refusal(403, PASSWORD).describe(),
        refusal(403, None).describe(),
    ] == ["HTTP 403 TokenException", "HTTP 403", "HTTP 403"]


def test_neither_requests_nor_answers_show_their_contents() -> None:
    request = HttpRequest(Step.PASSWORD, "POST", f"https://login.example/?api_key={API_KEY}", {"password": PASSWORD})
    received = refusal(403, PASSWORD, PASSWORD)

    assert leaks(f"{request!r} {request} {received!r} {received} {received.envelope}{received.describe()}") == []


DATED = "Mon, 02 Mar 2026 02:03:30 GMT"


def dated(asked_at: datetime | None = NOW, **headers: Any) -> HttpResponse:
    return HttpResponse.of(200, headers, b"", NOW, asked_at)


@pytest.mark.parametrize("age", [{}, {"Age": "0"}])
def test_a_fresh_answer_gives_the_offset_of_our_clock(age: dict[str, Any]) -> None:
    assert ClockOffset(89.5, 0.5) == dated(Date=DATED, **age).clock_offset


@pytest.mark.parametrize(
    "silent",
    [
        dated(),
        dated(Date="some day"),
        dated(Date=DATED, Age="30"),
        dated(Date=DATED, Age="old"),
        dated(Date=DATED, asked_at=None),
        dated(Date=DATED, asked_at=NOW - timedelta(seconds=3)),
        dated(Date=DATED, asked_at=NOW + timedelta(seconds=3)),
    ],
)
def test_an_answer_that_is_old_slow_or_undated_gives_no_offset(silent: HttpResponse) -> None:
    assert silent.clock_offset is None
