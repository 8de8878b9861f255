"""The adapter over the official client against the sandbox: session, renewal, profile and logout."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from kite_operator.broker.apiclient import ApiSettings
from kite_operator.broker.session import KiteApi
from kite_operator.model.errors import BrokerError, BrokerRejection, TokenDead, TransientBrokerError
from kite_operator.model.expiry import IST
from kite_operator.model.reasons import Reason
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import AppKeys, Session
from support.broker_fakes import NOW, FakeClock, texts_of
from support.sandbox import Sandbox, SandboxAccount, SandboxApp


@dataclass(frozen=True, slots=True)
class Setup:
    """One app, one account, and the adapter."""

    sandbox: Sandbox
    account: SandboxAccount
    keys: AppKeys
    api: KiteApi

    async def session(self) -> Session:
        token = self.sandbox.request_token(self.account.client_id, self.keys.api_key.reveal())
        return await self.api.exchange(self.keys, Sensitive(token))

    async def refused_session(self) -> BrokerError:
        with pytest.raises(BrokerError) as caught:
            await self.session()
        assert self.keys.api_secret.reveal() not in "".join(texts_of(caught.value))
        return caught.value

    async def probe(self, session: Session) -> str:
        return await self.api.profile(session.api_key, session.access_token)


@pytest.fixture
def desk(sandbox: Sandbox, app: SandboxApp, account: SandboxAccount) -> Iterator[Setup]:
    sandbox.set_now(NOW, frozen=True)
    api = KiteApi(ApiSettings(root=sandbox.api_url, threads=2, read_seconds=1.0), FakeClock())
    yield Setup(sandbox, account, AppKeys(Sensitive(app.api_key), Sensitive(app.api_secret)), api)
    api.close()


async def test_a_session_is_the_accounts_works_and_carries_the_login_time_in_ist(desk: Setup) -> None:
    session = await desk.session()

    assert (session.user_id, session.login_time) == ("AB1234", datetime(2026, 3, 2, 7, 35, tzinfo=IST))
    assert await desk.probe(session) == "AB1234"


async def test_a_request_token_is_good_once(desk: Setup) -> None:
    token = Sensitive(desk.sandbox.request_token("AB1234", desk.keys.api_key.reveal()))
    await desk.api.exchange(desk.keys, token)
    with pytest.raises(BrokerRejection) as caught:
        await desk.api.exchange(desk.keys, token)

    assert caught.value.reason == Reason.REQUEST_TOKEN_REJECTED


@pytest.mark.parametrize("status", [403, 400])
async def test_a_wrong_api_secret_is_named_under_either_status(desk: Setup, status: int) -> None:
    desk.sandbox.switch(bad_checksum_status=status)
    desk.sandbox.regenerate_secret(desk.keys.api_key.reveal())

    assert (await desk.refused_session()).reason == Reason.APP_SECRET_REJECTED


async def test_a_session_of_another_user_carries_that_user(desk: Setup) -> None:
    desk.sandbox.add_account("ZZ9999")
    desk.sandbox.switch(session_user="ZZ9999")

    assert (await desk.session()).user_id == "ZZ9999"


@pytest.mark.parametrize(
    ("preset", "reason"),
    [
        ("user_not_enabled", Reason.USER_NOT_ENABLED),
        ("missing_parameter", Reason.APP_REJECTED),
        ("permission_denied", Reason.PERMISSION_DENIED),
        ("invalid_token", Reason.REQUEST_TOKEN_REJECTED),
        ("invalid_checksum", Reason.APP_SECRET_REJECTED),
        ("route_not_found", Reason.UNEXPECTED_ANSWER),
        ("too_many_requests", Reason.RATE_LIMITED),
        ("html_503", Reason.BROKER_UNAVAILABLE),
        ("html_403", Reason.BROKER_UNAVAILABLE),
        ("lost_answer", Reason.BROKER_UNAVAILABLE),
        ("missing_error_type", Reason.BROKER_UNAVAILABLE),
        ("missing_message", Reason.BROKER_UNAVAILABLE),
        ("not_json", Reason.UNEXPECTED_ANSWER),
        ("empty_body", Reason.UNEXPECTED_ANSWER),
        ("empty_access_token", Reason.UNEXPECTED_ANSWER),
        ("missing_access_token", Reason.UNEXPECTED_ANSWER),
        ("missing_user_id", Reason.UNEXPECTED_ANSWER),
        ("slow", Reason.BROKER_UNREACHABLE),
        ("reset_mid_body", Reason.BROKER_UNREACHABLE),
    ],
)
async def test_each_failed_exchange_has_its_reason(desk: Setup, preset: str, reason: Reason) -> None:
    desk.sandbox.fault("session_token", preset)

    assert (await desk.refused_session()).reason == reason


@pytest.mark.parametrize("preset", ["missing_login_time", "missing_content_type"])
async def test_what_the_official_client_stumbles_over_costs_no_session(desk: Setup, preset: str) -> None:
    desk.sandbox.fault("session_token", preset)
    session = await desk.session()

    assert await desk.probe(session) == "AB1234"


async def test_the_brokers_wish_to_wait_is_kept(desk: Setup) -> None:
    desk.sandbox.fault("session_token", "too_many_requests_retry_after")
    error = await desk.refused_session()

    assert isinstance(error, TransientBrokerError)
    assert error.retry_after_seconds == 2.0


async def test_a_token_that_somebody_logged_out_is_dead(desk: Setup) -> None:
    session = await desk.session()
    desk.sandbox.master_logout("AB1234")

    with pytest.raises(TokenDead):
        await desk.probe(session)


@pytest.mark.parametrize("preset", ["html_403", "html_503", "too_many_requests", "slow", "reset_mid_body", "not_json"])
async def test_trouble_on_a_probe_does_not_declare_a_token_dead(desk: Setup, preset: str) -> None:
    session = await desk.session()
    desk.sandbox.fault("profile", preset)
    with pytest.raises(TransientBrokerError):
        await desk.probe(session)

    assert await desk.probe(session) == "AB1234"


async def test_a_logout_ends_the_session_and_may_be_repeated(desk: Setup) -> None:
    session = await desk.session()
    await desk.api.logout(session.api_key, session.access_token)
    await desk.api.logout(session.api_key, session.access_token)

    assert not desk.sandbox.is_alive(session.access_token.reveal())


async def test_a_logout_that_may_not_have_worked_says_so(desk: Setup) -> None:
    session = await desk.session()
    desk.sandbox.fault("logout", "html_503")

    with pytest.raises(TransientBrokerError):
        await desk.api.logout(session.api_key, session.access_token)


# Renewal, for approved platforms


async def platform_session(desk: Setup) -> tuple[Session, Sensitive]:
    """A session of an app that gets refresh_tokens, and its refresh_token."""
    desk.sandbox.update_app(desk.keys.api_key.reveal(), refresh_tokens=True)
    session = await desk.session()
    assert session.refresh_token is not None
    return session, session.refresh_token


async def refused_renewal(desk: Setup, refresh_token: Sensitive) -> BrokerError:
    with pytest.raises(BrokerError) as caught:
        await desk.api.renew(desk.keys, refresh_token)
    told = "".join(texts_of(caught.value))
    assert [] == [each for each in (refresh_token, desk.keys.api_secret) if each.reveal() in told]
    return caught.value


async def test_a_retail_app_gets_no_refresh_token(desk: Setup) -> None:
    assert (await desk.session()).refresh_token is None


async def test_a_renewal_gives_a_working_session_and_the_next_refresh_token(desk: Setup) -> None:
    former, refresh_token = await platform_session(desk)
    renewed = await desk.api.renew(desk.keys, refresh_token)

    assert await desk.probe(renewed) == "AB1234"
    assert renewed.access_token != former.access_token
    assert renewed.refresh_token not in (None, refresh_token)


async def test_a_renewal_has_no_login_time_and_is_dated_by_the_brokers_answer(desk: Setup) -> None:
    _, refresh_token = await platform_session(desk)
    desk.sandbox.set_now(NOW + timedelta(days=1), frozen=True)

    assert (await desk.api.renew(desk.keys, refresh_token)).login_time == NOW + timedelta(days=1)


async def test_a_refresh_token_that_was_replaced_is_rejected(desk: Setup) -> None:
    _, refresh_token = await platform_session(desk)
    await desk.api.renew(desk.keys, refresh_token)

    assert (await refused_renewal(desk, refresh_token)).reason == Reason.REFRESH_TOKEN_REJECTED


async def test_a_refresh_token_may_stay_the_same(desk: Setup) -> None:
    desk.sandbox.switch(refresh_rotates=False)
    _, refresh_token = await platform_session(desk)

    assert (await desk.api.renew(desk.keys, refresh_token)).refresh_token == refresh_token


async def test_a_renewal_with_a_wrong_api_secret_names_it(desk: Setup) -> None:
    _, refresh_token = await platform_session(desk)
    wrong = replace(desk, keys=AppKeys(desk.keys.api_key, Sensitive("not-the-secret")))

    assert (await refused_renewal(wrong, refresh_token)).reason == Reason.APP_SECRET_REJECTED
    assert (await desk.api.renew(desk.keys, refresh_token)).user_id == "AB1234"


async def test_a_renewal_of_a_lapsed_app_does_not_blame_the_refresh_token(desk: Setup) -> None:
    _, refresh_token = await platform_session(desk)
    desk.sandbox.update_app(desk.keys.api_key.reveal(), subscribed=False)

    assert (await refused_renewal(desk, refresh_token)).reason == Reason.SUBSCRIPTION_INACTIVE


@pytest.mark.parametrize(
    ("preset", "reason"),
    [
        ("html_503", Reason.BROKER_UNAVAILABLE),
        ("too_many_requests", Reason.RATE_LIMITED),
        ("slow", Reason.BROKER_UNREACHABLE),
        ("reset_mid_body", Reason.BROKER_UNREACHABLE),
        ("missing_access_token", Reason.UNEXPECTED_ANSWER),
    ],
)
async def test_trouble_on_a_renewal_passes_by_itself(desk: Setup, preset: str, reason: Reason) -> None:
    _, refresh_token = await platform_session(desk)
    desk.sandbox.fault("refresh_token", preset)
    error = await refused_renewal(desk, refresh_token)

    assert isinstance(error, TransientBrokerError)
    assert reason is error.reason
