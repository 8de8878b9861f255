"""What leaves the process as a log line: its form, what it is about, and never a secret (P4)."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kite_operator.correlation import about
from kite_operator.logs import JsonFormatter, TextFormatter, redacted, set_up_logging
from kite_operator.model.sensitive import Sensitive

SECRET = "made-up-Secret_0123456789"
NOISE = st.text(max_size=30)
FORMATTERS = pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=["text", "json"])


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    set_up_logging("warning")
    root.handlers[:], root.level = handlers, level


def line(formatter: logging.Formatter, message: str, *arguments: object, **extra: object) -> str:
    record = logging.getLogger("kite_operator.test").makeRecord(
        "kite_operator.test", logging.INFO, "file", 1, message, arguments, None, extra=extra
    )
    return formatter.format(record)


@FORMATTERS
@given(before=NOISE, after=NOISE, secret=st.text(min_size=6, max_size=40).filter(lambda text: "*" not in text))
def test_no_secret_that_the_process_holds_leaves_it(
    formatter: logging.Formatter, before: str, after: str, secret: str
) -> None:
    held = Sensitive(secret)
    beside = "".join(c for c in before + after if c not in secret)
    written = line(formatter, "said %s", beside + secret + beside, reason=secret)
    told = json.loads(written) if isinstance(formatter, JsonFormatter) else {"line": written}
    assert [] == [name for name, value in told.items() if held.reveal() in value]


@FORMATTERS
def test_a_traceback_holds_none_either(formatter: logging.Formatter) -> None:
    held = Sensitive(SECRET)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.getLogger("kite_operator.test_logs")
    logger.addHandler(handler)
    try:
        int(held.reveal())  # its message quotes what it was given
    except ValueError:
        logger.exception("broken off")
    finally:
        logger.removeHandler(handler)
    assert "ValueError" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_one_of_two_equal_secrets_that_ends_does_not_uncover_the_other() -> None:
    kept, ended = Sensitive(SECRET), Sensitive(SECRET)
    del ended
    assert SECRET not in redacted(f"said {kept.reveal()}")


@pytest.mark.parametrize(
    "text",
    [
        f"GET /connect/finish?sess_id=1&request_token={SECRET}&status=success",
        f"{{'access_token': '{SECRET}', 'user_id': 'AB1234'}}",
        f'{{"refresh_token":"{SECRET}"}}',
        f"Authorization: token key:{SECRET}",
        f"authorization=Bearer {SECRET}",
        f"password={SECRET}&user_id=AB1234",
        f"Set-Cookie: enctoken={SECRET}; path=/",
        f"api_secret: {SECRET}",
    ],
)
def test_what_looks_like_a_secret_is_taken_out_whoever_wrote_it(text: str) -> None:
    assert SECRET not in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "desk/alpha: login: logging in",
        "key 'password' of Secret 'alpha-login' is empty: write the value into it",
        "the broker refused the request_token: it is used, expired or of another app",
        "a token of the day before still works",
    ],
)
def test_what_people_are_told_stays_as_it_is(text: str) -> None:
    assert text == redacted(text)


def test_a_line_of_json_says_what_it_is_about() -> None:
    with about(credential="desk/alpha", decision="d1"), about(action="login"):
        told = json.loads(line(JsonFormatter(), "%s: in", "login", reason="LoginInProgress"))
    del told["time"]
    expected = {
        "level": "info",
        "logger": "kite_operator.test",
        "message": "login: in",
        "credential": "desk/alpha",
        "action": "login",
        "reason": "LoginInProgress",
        "decision": "d1",
    }
    assert expected == told
    assert "credential" not in json.loads(line(JsonFormatter(), "outside"))


def test_a_line_of_text_ends_with_reason_and_decision() -> None:
    with about(credential="desk/alpha", decision="d1"):
        assert line(TextFormatter(), "in", reason="LoginInProgress").endswith(" in reason=LoginInProgress decision=d1")
    assert line(TextFormatter(), "outside").endswith("kite_operator.test outside")
