"""The web login against the sandbox: how each of its ends is named, and what reached the broker before it (P1)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from kite_operator.broker.transport import AiohttpTransport, TransportSettings
from kite_operator.broker.webdriver import LoginHooks, run_login
from kite_operator.broker.weblogin import WebLogin
from kite_operator.model.account import AttemptOutcome
from kite_operator.model.clockoffset import ClockOffset
from kite_operator.model.errors import BrokerError, Step, TransientBrokerError
from kite_operator.model.reasons import Reason
from kite_operator.model.sensitive import Sensitive
from support.broker_fakes import NOW, FakeClock, texts_of
from support.sandbox import Sandbox, SandboxAccount, SandboxApp

QUICK = TransportSettings(connect_seconds=2.0, total_seconds=2.0)
Arrange = Callable[[str], Awaitable[None]]


@dataclass(slots=True)
class OneLogin:
    """A gate that allows one password and one code, and keeps what became of them."""

    code: Sensitive
    settled: list[tuple[Step, AttemptOutcome]] = field(default_factory=list)

    async def reserve_password(self, offset: ClockOffset | None) -> None:
        """Always."""

    async def reserve_code(self) -> Sensitive:
        return self.code

    def check(self) -> None:
        """Always."""

    async def settle(self, step: Step, outcome: AttemptOutcome) -> None:
        self.settled.append((step, outcome))


@dataclass(frozen=True, slots=True)
class Setup:
    """One app and one account at a sandbox whose clock stands still."""

    sandbox: Sandbox
    app: SandboxApp
    account: SandboxAccount
    login: WebLogin
    gate: OneLogin

    async def log_in(self, on_step: Arrange | None = None) -> str:
        clock = FakeClock()
        hooks = LoginHooks() if on_step is None else LoginHooks(on_step=on_step)
        async with AiohttpTransport(QUICK, clock) as transport:
            token = await run_login(self.login, gate=self.gate, transport=transport, clock=clock, hooks=hooks)
        return token.reveal()

    async def failure(self, on_step: Arrange | None = None) -> BrokerError:
        with pytest.raises(BrokerError) as caught:
            await self.log_in(on_step)
        assert not self.leaks("".join(texts_of(caught.value)))
        return caught.value

    def leaks(self, text: str) -> bool:
        """Whether `text` shows a credential of this desk."""
        secrets = (self.account.password, self.account.totp_secret, self.gate.code.reveal(), self.app.api_key)
        return any(secret in text for secret in secrets)

    def fault_at(self, point: str, step: str, preset: str | None = None, **fields: object) -> Arrange:
        """A hook that arms a fault at `point`, for the steps that a login passes twice."""

        async def arm(at: str) -> None:
            if at == point:
                self.sandbox.fault(step, preset, **fields)

        return arm


@pytest.fixture
def desk(sandbox: Sandbox, app: SandboxApp, account: SandboxAccount) -> Setup:
    sandbox.set_now(NOW, frozen=True)
    login = WebLogin(
        client_id=account.client_id,
        password=Sensitive(account.password),
        api_key=Sensitive(app.api_key),
        redirect_url=app.redirect_url,
        login_base_url=sandbox.login_url,
    )
    return Setup(sandbox, app, account, login, OneLogin(Sensitive(account.code(NOW))))


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"location": "absolute"},
        {"redirect_order": "reversed"},
        {"redirect_type_login": False},
    ],
)
async def test_a_login_ends_with_a_request_token_that_can_be_exchanged(desk: Setup, switches: dict[str, Any]) -> None:
    desk.sandbox.switch(**switches)
    token = await desk.log_in()
    counted = desk.sandbox.counters(desk.account.client_id)

    assert len(token) == 32
    assert desk.gate.settled == [(Step.PASSWORD, AttemptOutcome.ACCEPTED), (Step.TOTP, AttemptOutcome.ACCEPTED)]
    assert (counted.count("login"), counted.count("twofa"), counted.wrong_entries) == (1, 1, 0)


@pytest.mark.parametrize("redirect_url", ["http://127.0.0.1:9/cb?desk=alpha", "http://localhost:5000/"])
async def test_the_redirect_address_is_never_asked(desk: Setup, redirect_url: str) -> None:
    app = desk.sandbox.add_app(redirect_url=redirect_url)
    login = replace(desk.login, api_key=Sensitive(app.api_key), redirect_url=redirect_url)

    assert len(await replace(desk, login=login).log_in()) == 32


async def test_a_redirect_address_on_the_login_host_itself_is_never_asked(desk: Setup) -> None:
    redirect_url = f"{desk.sandbox.login_url}/connect/login"
    app = desk.sandbox.add_app(redirect_url=redirect_url)
    login = replace(desk.login, api_key=Sensitive(app.api_key), redirect_url=redirect_url)

    assert len(await replace(desk, login=login).log_in()) == 32


async def test_a_wrong_password_is_one_wrong_entry_and_no_code_follows(desk: Setup) -> None:
    desk.sandbox.change_password(desk.account.client_id, "Another-Password-1")
    error = await desk.failure()
    counted = desk.sandbox.counters(desk.account.client_id)

    assert error.reason == Reason.PASSWORD_REJECTED
    assert desk.gate.settled == [(Step.PASSWORD, AttemptOutcome.WRONG)]
    assert (counted.wrong_passwords, counted.count("twofa")) == (1, 0)


async def test_a_wrong_code_is_one_wrong_entry(desk: Setup) -> None:
    desk.gate.code = Sensitive("000000")
    error = await desk.failure()

    assert error.reason == Reason.TOTP_REJECTED
    assert desk.gate.settled[-1] == (Step.TOTP, AttemptOutcome.WRONG)
    assert desk.sandbox.counters(desk.account.client_id).wrong_codes == 1


async def test_a_blocked_account_is_a_rejection(desk: Setup) -> None:
    desk.sandbox.block(desk.account.client_id)

    assert (await desk.failure()).reason == Reason.PASSWORD_REJECTED


async def test_an_account_without_totp_is_told_before_a_code_is_spent(desk: Setup) -> None:
    account = desk.sandbox.add_account("CD5678", twofa_type="app_code")
    login = replace(desk.login, client_id="CD5678", password=Sensitive(account.password))
    error = await replace(desk, login=login).failure()

    assert error.reason == Reason.TWO_FACTOR_UNSUPPORTED
    assert desk.sandbox.counters("CD5678").count("twofa") == 0


@pytest.mark.parametrize(
    ("switches", "reason"),
    [
        ({"consent_pending": True}, Reason.CONSENT_REQUIRED),
        ({"connect_result": "login_page"}, Reason.LOGIN_NOT_COMPLETED),
        ({"connect_result": "bounce"}, Reason.LOGIN_NOT_COMPLETED),
        ({"connect_result": "no_token"}, Reason.LOGIN_NOT_COMPLETED),
        ({"connect_result": "cancelled"}, Reason.LOGIN_DECLINED),
        ({"redirect_url": "https://desk.example.com/another"}, Reason.REDIRECT_URL_MISMATCH),
        ({"redirect_url": "http://desk.example.com/callback"}, Reason.REDIRECT_URL_MISMATCH),
        ({"redirect_url": "https://another.example.com/callback"}, Reason.REDIRECT_URL_MISMATCH),
    ],
)
async def test_each_end_of_the_apps_login_has_its_reason_and_the_login_counts_as_completed(
    desk: Setup, switches: dict[str, Any], reason: Reason
) -> None:
    desk.sandbox.switch(**switches)
    error = await desk.failure()

    assert (error.reason, error.step) == (reason, Step.CONNECT)
    assert desk.gate.settled == [(Step.PASSWORD, AttemptOutcome.ACCEPTED), (Step.TOTP, AttemptOutcome.ACCEPTED)]


async def test_an_unknown_api_key_is_refused_before_the_password_is_sent(desk: Setup) -> None:
    login = replace(desk.login, api_key=Sensitive("nosuchappkey0001"))
    error = await replace(desk, login=login).failure()

    assert error.reason == Reason.APP_REJECTED
    assert desk.gate.settled == []


async def test_a_client_that_the_app_does_not_know_is_named_as_such(desk: Setup) -> None:
    desk.sandbox.update_app(desk.app.api_key, clients=["ZZ9999"])

    assert (await desk.failure()).reason == Reason.USER_NOT_ENABLED


@pytest.mark.parametrize(
    ("preset", "reason"),
    [
        ("html_503", Reason.BROKER_UNAVAILABLE),
        ("html_502", Reason.BROKER_UNAVAILABLE),
        ("html_403", Reason.BROKER_UNAVAILABLE),
        ("html_429", Reason.RATE_LIMITED),
        ("too_many_requests", Reason.RATE_LIMITED),
        ("missing_error_type", Reason.BROKER_UNAVAILABLE),
        ("slow", Reason.BROKER_UNREACHABLE),
        ("reset_mid_body", Reason.BROKER_UNREACHABLE),
    ],
)
async def test_no_password_is_sent_while_the_login_page_is_in_trouble(desk: Setup, preset: str, reason: Reason) -> None:
    desk.sandbox.fault("connect_login", preset)
    error = await desk.failure()

    assert (error.reason, error.step) == (reason, Step.PREFLIGHT)
    assert desk.sandbox.counters(desk.account.client_id).count("login") == 0


@pytest.mark.parametrize("step", ["login", "twofa"])
@pytest.mark.parametrize(
    ("preset", "outcome"),
    [
        ("html_503", AttemptOutcome.UNSENT),
        ("html_403", AttemptOutcome.UNSENT),
        ("html_429", AttemptOutcome.UNSENT),
        ("too_many_requests", AttemptOutcome.UNSENT),
        ("html_502", AttemptOutcome.UNKNOWN),
        ("lost_answer", AttemptOutcome.UNKNOWN),
        ("missing_error_type", AttemptOutcome.UNKNOWN),
        ("missing_message", AttemptOutcome.UNKNOWN),
        ("html_login_page", AttemptOutcome.UNKNOWN),
        ("not_json", AttemptOutcome.UNKNOWN),
        ("empty_body", AttemptOutcome.UNKNOWN),
        ("slow", AttemptOutcome.UNKNOWN),
        ("reset_mid_body", AttemptOutcome.UNKNOWN),
    ],
)
async def test_a_submission_is_unspent_only_when_the_broker_cannot_have_read_it(
    desk: Setup, step: str, preset: str, outcome: AttemptOutcome
) -> None:
    desk.sandbox.fault(step, preset)
    await desk.failure()

    assert desk.gate.settled[-1] == ({"login": Step.PASSWORD, "twofa": Step.TOTP}[step], outcome)
    assert desk.sandbox.counters(desk.account.client_id).count(step) == 1


@pytest.mark.parametrize("step", ["login", "twofa"])
async def test_an_answer_without_a_content_type_is_read_all_the_same(desk: Setup, step: str) -> None:
    desk.sandbox.fault(step, "missing_content_type")

    assert len(await desk.log_in()) == 32


async def test_the_brokers_wish_to_wait_is_kept(desk: Setup) -> None:
    desk.sandbox.fault("login", "too_many_requests_retry_after")
    error = await desk.failure()

    assert isinstance(error, TransientBrokerError)
    assert error.retry_after_seconds == 2.0


@pytest.mark.parametrize("step", ["connect_login", "finish"])
@pytest.mark.parametrize(
    ("preset", "reason"),
    [
        ("html_503", Reason.BROKER_UNAVAILABLE),
        ("user_not_enabled", Reason.USER_NOT_ENABLED),
        ("permission_denied", Reason.PERMISSION_DENIED),
        ("html_login_page", Reason.LOGIN_NOT_COMPLETED),
        ("too_many_requests_retry_after", Reason.RATE_LIMITED),
        ("slow", Reason.BROKER_UNREACHABLE),
        ("reset_mid_body", Reason.BROKER_UNREACHABLE),
    ],
)
async def test_trouble_after_the_code_is_named_and_the_login_stays_completed(
    desk: Setup, step: str, preset: str, reason: Reason
) -> None:
    error = await desk.failure(desk.fault_at("after-totp-answer", step, preset, times=None))

    assert (error.reason, error.step) == (reason, Step.CONNECT)
    assert desk.gate.settled == [(Step.PASSWORD, AttemptOutcome.ACCEPTED), (Step.TOTP, AttemptOutcome.ACCEPTED)]


@pytest.mark.parametrize("step", ["connect_login", "finish"])
@pytest.mark.parametrize("preset", ["html_503", "reset_mid_body"])
async def test_an_apps_login_that_fails_for_a_moment_takes_no_second_code(desk: Setup, step: str, preset: str) -> None:
    token = await desk.log_in(desk.fault_at("after-totp-answer", step, preset))

    assert token
    assert desk.gate.settled == [(Step.PASSWORD, AttemptOutcome.ACCEPTED), (Step.TOTP, AttemptOutcome.ACCEPTED)]
    assert desk.sandbox.counters(desk.login.client_id).count("twofa") == 1


async def test_a_login_of_another_user_stops_before_the_code(desk: Setup) -> None:
    desk.sandbox.fault("login", "other_user")
    error = await desk.failure()

    assert (error.reason, desk.gate.settled) == (Reason.WRONG_ACCOUNT, [(Step.PASSWORD, AttemptOutcome.ACCEPTED)])


async def test_an_outage_page_that_echoes_the_password_and_the_code_is_not_repeated(desk: Setup) -> None:
    echo = f"<html>{desk.account.password} {desk.gate.code.reveal()} {desk.app.api_key}</html>"
    desk.sandbox.fault("twofa", answer={"status": 502, "body": echo, "content_type": "text/html"})

    assert (await desk.failure()).reason == Reason.ATTEMPT_OUTCOME_UNKNOWN


async def test_a_sandbox_that_is_gone_spends_no_attempt(desk: Setup) -> None:
    gone = replace(desk.login, login_base_url="http://127.0.0.1:1")
    error = await replace(desk, login=gone).failure()

    assert (error.reason, error.step, desk.gate.settled) == (Reason.BROKER_UNREACHABLE, Step.PREFLIGHT, [])
