"""What leaves the process as a log line: its form, what it is about, and never a secret (P4)."""

import io
import json
import logging
import re
import subprocess
import sys
import threading
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kite_operator.correlation import about
from kite_operator.logs import JsonFormatter, TextFormatter, redacted, set_up_hooks, set_up_logging
from kite_operator.model.sensitive import HIDDEN, Sensitive

SECRET = "made-up-Secret_0123456789"
NOISE = st.text(max_size=30)
FORMATTERS = pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=["text", "json"])


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, raising = list(root.handlers), root.level, logging.raiseExceptions
    yield
    set_up_logging("warning")
    logging.raiseExceptions = raising
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


ENCODINGS: dict[str, Callable[[str], str]] = {
    "percent": lambda text: quote(text, safe=""),
    "percent, in lower case": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="")),
    "percent, but for slashes": quote,
    "form": quote_plus,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON, with other letters": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "repr": lambda text: repr(text)[1:-1],
    "base64": lambda text: b64encode(text.encode()).decode(),
    "base64 of an address": lambda text: urlsafe_b64encode(text.encode()).decode(),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(
    before=NOISE,
    after=NOISE,
    secret=st.text(st.characters(exclude_categories=["Cs"]), min_size=6, max_size=40).filter(lambda t: "*" not in t),
)
def test_nor_in_another_form(encoding: str, before: str, after: str, secret: str) -> None:
    held = Sensitive(secret)
    form = ENCODINGS[encoding](held.reveal())
    beside = "".join(c for c in before + after if c not in form)
    assert form not in redacted(beside + form + beside)


@given(
    before=st.binary(max_size=8), after=st.binary(max_size=8), secret=st.text("abcXYZ019_-", min_size=12, max_size=40)
)
def test_nor_in_base64_of_something_that_it_is_a_part_of(before: bytes, after: bytes, secret: str) -> None:
    held = Sensitive(secret)
    left = redacted(b64encode(before + held.reveal().encode() + after).decode())
    assert HIDDEN in left
    assert len(left) - len(HIDDEN) <= 4 * (len(before) + len(after) + 6) / 3 + 4


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
        f"https%3A%2F%2Fdesk.example%2F%3Frequest_token%3D{SECRET}%26status%3Dsuccess",
        '{"password": "no-digit-Secret"}',
        "{'password': 'several words, no-digit-Secret'}",
        "password='no-digit-Secret'",
    ],
)
def test_what_looks_like_a_secret_is_taken_out_whoever_wrote_it(text: str) -> None:
    shown = redacted(text)
    assert (False, False) == (SECRET in shown, "no-digit-Secret" in shown)


@pytest.mark.parametrize(
    "text",
    [
        "desk/alpha: login: logging in",
        "key 'password' of Secret 'alpha-login' is empty: write the value into it",
        "the broker refused the request_token: it is used, expired or of another app",
        "a token of the day before still works",
        "password: success",
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
        written = line(TextFormatter(), "in", reason="LoginInProgress", error="GET x: HTTP 503")
        expected = ' in credential=desk/alpha reason=LoginInProgress decision=d1 error="GET x: HTTP 503"'
        assert written.endswith(expected)
    assert line(TextFormatter(), "outside").endswith("kite_operator.test outside")


# What is not caught.

ENDING = f"""
import asyncio, kite_operator.__main__ as entry
async def serve(*_):
    try:
        int("{SECRET}")
    except ValueError as error:
        raise RuntimeError("{SECRET}") from error
entry.serve = serve
entry.main(["run", "--account-namespace", "kite"])
"""


def test_an_error_that_ends_the_process_is_told_by_kind_and_place() -> None:
    ended = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own words
    assert (1, "") == (ended.returncode, ended.stdout)
    assert "CRITICAL kite_operator.logs uncaught exception: RuntimeError" in ended.stderr
    assert "caused by ValueError" in ended.stderr
    assert SECRET not in ended.stderr


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    set_up_hooks()


@pytest.mark.usefixtures("hooks")
def test_so_is_one_that_ends_a_thread(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError(SECRET)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert ["uncaught exception: RuntimeError"] == [each.getMessage().splitlines()[0] for each in caplog.records]
    assert SECRET not in caplog.text


@pytest.mark.usefixtures("hooks")
def test_so_is_one_that_nobody_could_catch(caplog: pytest.LogCaptureFixture) -> None:
    class Ends:
        def __del__(self) -> None:
            raise RuntimeError(SECRET)

    Ends()
    assert ["unraisable exception: RuntimeError"] == [each.getMessage().splitlines()[0] for each in caplog.records]
    assert SECRET not in caplog.text


def test_a_line_that_cannot_be_made_is_told_without_what_was_to_stand_in_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logging("info")
    logging.getLogger("kite_operator.test_logs").warning("%d tokens", SECRET)
    told = capsys.readouterr().err
    assert ("a line of kite_operator.test_logs (test_logs.py:", True) == (
        told[: told.index(":") + 1],
        "TypeError" in told,
    )
    assert SECRET not in told
