"""Faults before and after the effect, and requests held in flight: the cases that a careful client is written for."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import requests

from support.sandbox import Sandbox, SandboxAccount, SandboxApp, SandboxError
from support.sandbox_browser import Browser

Submission = Callable[[], Future[requests.Response]]


@pytest.fixture
def submit_wrong_password(browser: Browser, account: SandboxAccount) -> Iterator[Submission]:
    """Sends a wrong password from another thread."""
    with ThreadPoolExecutor(1) as threads:
        yield lambda: threads.submit(browser.password, account, "wrong")


def test_a_fault_before_the_effect_leaves_no_trace_at_the_broker(
    sandbox: Sandbox, browser: Browser, account: SandboxAccount
) -> None:
    sandbox.fault("login", "html_503", client_id=account.client_id)
    assert browser.password(account, "wrong").status_code == 503
    counters = sandbox.counters(account.client_id)
    assert (counters.wrong_passwords, counters.count("login"), counters.count("login", "faulted")) == (0, 1, 1)


def test_a_fault_after_the_effect_loses_the_answer_but_not_the_count(
    sandbox: Sandbox, browser: Browser, account: SandboxAccount
) -> None:
    sandbox.fault("login", "lost_answer")
    assert browser.password(account, "wrong").status_code == 502
    counters = sandbox.counters(account.client_id)
    assert (counters.wrong_passwords, counters.log[0].outcome, counters.log[0].answered) == (
        1,
        "wrong_password",
        "lost_answer",
    )


def test_a_connection_reset_in_the_middle_of_a_body_comes_after_the_effect(
    sandbox: Sandbox, browser: Browser, account: SandboxAccount
) -> None:
    sandbox.fault("login", "reset_mid_body")
    with pytest.raises(requests.exceptions.RequestException):
        browser.password(account, "wrong")
    assert sandbox.counters(account.client_id).wrong_passwords == 1


def test_faults_strike_in_order_and_end_by_themselves(
    sandbox: Sandbox, browser: Browser, account: SandboxAccount
) -> None:
    sandbox.fault("login", "html_503", times=2)
    sandbox.fault("login", "html_403")
    assert [browser.password(account).status_code for _ in range(4)] == [503, 503, 403, 200]


def test_the_narrowest_scope_strikes_first(sandbox: Sandbox, browser: Browser, account: SandboxAccount) -> None:
    sandbox.fault("login", "html_503", times=None)
    sandbox.fault("login", "html_403", client_id=account.client_id)
    assert [browser.password(account).status_code for _ in range(2)] == [403, 503]
    sandbox.clear_faults()
    assert browser.password(account).status_code == 200


def test_a_fault_of_an_app_strikes_only_that_app(sandbox: Sandbox, browser: Browser, account: SandboxAccount) -> None:
    first, second = sandbox.add_app(), sandbox.add_app()
    sandbox.fault("finish", "html_502", api_key=first.api_key)
    browser.sign_in(account)
    assert [browser.connect(app).status_code for app in (second, first)] == [302, 502]


def test_any_answer_can_be_scripted(sandbox: Sandbox, browser: Browser, account: SandboxAccount) -> None:
    sandbox.fault(
        "login",
        label="captcha page",
        answer={"status": 418, "headers": {"X-Seen": "yes"}, "content_type": "text/plain", "body": "tea"},
    )
    answer = browser.password(account)
    assert (answer.status_code, answer.headers["X-Seen"], answer.text) == (418, "yes", "tea")
    sandbox.fault("login", answer={"status": 500, "envelope": {"error_type": "OddException", "message": "odd"}})
    assert browser.password(account).json() == {
        "status": "error",
        "message": "odd",
        "data": None,
        "error_type": "OddException",
    }
    sandbox.fault("login", answer={"json": {"data": None}, "content_type": None})
    answer = browser.password(account)
    assert (answer.json(), "Content-Type" in answer.headers) == ({"data": None}, False)


def test_the_real_answer_can_be_edited(sandbox: Sandbox, browser: Browser, account: SandboxAccount) -> None:
    edit = {"set": {"data.twofa_type": "sms"}, "remove": ["data.request_id", "no.such.path"]}
    sandbox.fault("login", when="after", edit=edit)
    data = browser.password(account).json()["data"]
    assert ("request_id" in data, data["twofa_type"]) == (False, "sms")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"step": "lunch"}, "body.step: must be one of"),
        ({"step": "login", "preset": "nonsense"}, "body.preset: must be one of"),
        ({"step": "login", "times": 0, "delays": 3}, "body.delays: no such field"),
        ({"step": "login", "edit": {}}, "body.edit: changes the real answer"),
        ({"step": "login", "client_id": "A", "api_key": "B"}, "not both"),
    ],
)
def test_a_senseless_fault_is_refused(body: dict[str, object], complaint: str, sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match=complaint):
        sandbox.admin("POST", "/admin/faults", body)


@pytest.mark.parametrize(("when", "counted"), [("before", 0), ("after", 1)])
def test_a_held_request_stands_on_one_side_of_its_effect(
    when: str, counted: int, sandbox: Sandbox, submit_wrong_password: Submission
) -> None:
    hold = sandbox.hold("login", client_id="AB1234", when=when)
    answer = submit_wrong_password()
    sandbox.wait_held(hold)
    assert sandbox.counters("AB1234").wrong_passwords == counted
    sandbox.release(hold)
    assert answer.result(10).status_code == 403
    assert sandbox.counters("AB1234").wrong_passwords == 1


@pytest.mark.parametrize(("when", "counted"), [("before", 0), ("after", 1)])
def test_a_dropped_request_gets_no_answer(
    when: str, counted: int, sandbox: Sandbox, submit_wrong_password: Submission
) -> None:
    hold = sandbox.hold("login", when=when)
    answer = submit_wrong_password()
    sandbox.wait_held(hold)
    sandbox.release(hold, drop=True)
    with pytest.raises(requests.exceptions.ConnectionError):
        answer.result(10)
    assert sandbox.counters("AB1234").wrong_passwords == counted


async def test_a_request_whose_sender_died_still_takes_effect(sandbox: Sandbox, account: SandboxAccount) -> None:
    hold = sandbox.hold("login")
    host, port = sandbox.login_url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    form = f"user_id={account.client_id}&password=wrong"
    writer.write(
        b"POST /api/login HTTP/1.1\r\nHost: kite\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        + f"Content-Length: {len(form)}\r\n\r\n{form}".encode()
    )
    await writer.drain()
    await asyncio.to_thread(sandbox.wait_held, hold)
    writer.transport.abort()
    after = sandbox.hold("login", when="after")
    sandbox.release(hold)
    await asyncio.to_thread(sandbox.wait_held, after)
    assert sandbox.counters(account.client_id).wrong_passwords == 1


def test_the_most_login_calls_at_once_are_known(sandbox: Sandbox, account: SandboxAccount) -> None:
    hold = sandbox.hold("login")
    with Browser(sandbox) as one, Browser(sandbox) as other, ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(browser.password, account) for browser in (one, other)]
        while sandbox.admin("GET", f"/admin/holds/{hold}")["waiting"] < 2:
            sandbox.wait_held(hold)
        sandbox.release(hold)
        assert [each.result(10).status_code for each in waiting] == [200, 200]
    assert sandbox.counters(account.client_id).login_calls_at_once == 2
    assert sandbox.all_counters().login_calls_at_once == 2


def test_a_hold_that_caught_nothing_says_so(sandbox: Sandbox, app: SandboxApp) -> None:
    hold = sandbox.hold("finish", api_key=app.api_key)
    with pytest.raises(SandboxError, match="no finish call came"):
        sandbox.wait_held(hold, 0.01)


def test_a_reset_cuts_off_what_is_held_and_leaves_no_trace_of_it(
    sandbox: Sandbox, submit_wrong_password: Submission
) -> None:
    hold = sandbox.hold("login")
    answer = submit_wrong_password()
    sandbox.wait_held(hold)
    sandbox.reset()
    with pytest.raises(requests.exceptions.ConnectionError):
        answer.result(10)
    assert sandbox.all_counters().log == ()
