"""What passes by itself: retried with a backoff that survives restarts, and never at the cost of the attempt budget."""

from datetime import datetime

import pytest

from support.world import World

BEFORE_A_SUBMISSION = {
    ("connect_login", "html_503"): "BrokerUnavailable",
    ("connect_login", "html_502"): "BrokerUnavailable",
    ("connect_login", "too_many_requests_retry_after"): "RateLimited",
    ("login", "html_503"): "BrokerUnavailable",
    ("login", "html_403"): "BrokerUnavailable",
    ("login", "too_many_requests"): "RateLimited",
    ("twofa", "html_503"): "BrokerUnavailable",
    ("twofa", "too_many_requests"): "RateLimited",
}
AFTER_THE_LOGIN = {
    ("session_token", "html_503"): "BrokerUnavailable",
    ("session_token", "too_many_requests"): "RateLimited",
    ("profile", "html_503"): "BrokerUnavailable",
    ("profile", "html_403"): "BrokerUnavailable",
    ("profile", "too_many_requests_retry_after"): "RateLimited",
    ("profile", "missing_error_type"): "BrokerUnavailable",
    ("profile", "not_json"): "UnexpectedAnswer",
    ("profile", "oms_unreachable"): "BrokerUnavailable",
}


def recover(world: World) -> None:
    """The outage ends, and so does the backoff."""
    world.sandbox.clear_faults()
    world.clock.move(700)
    world.wait("SessionActive")


@pytest.mark.parametrize(("step", "preset"), BEFORE_A_SUBMISSION)
def test_an_outage_of_the_login_pages_costs_no_attempt(world: World, step: str, preset: str) -> None:
    world.operator()
    world.sandbox.fault(step, preset)
    world.alpha()
    reason = BEFORE_A_SUBMISSION[step, preset]
    world.until(lambda: world.status().get("failures", {}).get("reason") == reason, reason)
    world.wait(reason)
    assert "False" == world.condition("Blocked")[0]
    lease = world.api.get(world.path("leases", "kite-account-ab1234"))
    assert '"attempts":[]' in lease["metadata"]["annotations"]["kite-operator.dev/account"]
    recover(world)
    assert 0 == world.sandbox.counters("AB1234").wrong_entries


@pytest.mark.parametrize(("step", "preset"), AFTER_THE_LOGIN)
def test_an_outage_after_the_login_is_waited_out(world: World, step: str, preset: str) -> None:
    world.operator()
    world.sandbox.fault(step, preset)
    world.alpha()
    reason = AFTER_THE_LOGIN[step, preset]
    world.wait(reason)
    assert world.target() is None
    recover(world)
    assert world.sandbox.counters("AB1234").count("login") <= 2


def test_a_staged_session_survives_an_outage_of_the_api_without_another_login(world: World) -> None:
    world.operator()
    world.sandbox.fault("profile", "html_503")
    world.alpha()
    world.wait("BrokerUnavailable")
    world.operators[-1].kill()
    world.operator()
    recover(world)
    assert 1 == world.sandbox.counters("AB1234").count("login")


def test_the_backoff_grows_and_survives_a_restart(world: World) -> None:
    world.operator()
    world.sandbox.fault("connect_login", "html_503", times=None)
    world.alpha()
    world.until(lambda: world.status().get("failures", {}).get("count") == 1, "one failure")
    world.operators[-1].kill()
    world.operator()
    world.settle()
    assert 1 == world.status()["failures"]["count"]
    world.clock.move(16)
    world.until(lambda: world.status().get("failures", {}).get("count") == 2, "a second failure")
    failures = world.status()["failures"]
    wait = datetime.fromisoformat(failures["nextRetryTime"]) - datetime.fromisoformat(failures["lastTime"])
    assert 22 <= wait.total_seconds() <= 31


def test_what_the_broker_asks_to_wait_is_waited(world: World) -> None:
    world.operator()
    world.sandbox.fault("connect_login", answer={"status": 429, "headers": {"Retry-After": "600"}, "body": "slow down"})
    world.alpha()
    world.wait("RateLimited")
    failures = world.status()["failures"]
    wait = datetime.fromisoformat(failures["nextRetryTime"]) - datetime.fromisoformat(failures["lastTime"])
    assert 599 <= wait.total_seconds() <= 601
    world.clock.move(300)
    world.settle()
    assert 1 == world.sandbox.counters("AB1234").count("connect_login") or world.status()["failures"]["count"] == 1


def test_a_broker_that_cannot_be_reached_is_told_from_one_that_is_down(world: World) -> None:
    started = world.operator("--login-url", "http://127.0.0.1:9")
    world.alpha()
    world.wait("BrokerUnreachable")
    assert "False" == world.condition("Blocked")[0]
    assert started.process.poll() is None


def test_a_lapsed_subscription_costs_one_login_a_day(world: World) -> None:
    world.operator()
    app = world.alpha(suspend=True)
    world.wait("Suspended")
    world.sandbox.update_app(app.api_key, subscribed=False)
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"suspend": None}})
    world.wait("SubscriptionInactive")
    world.clock.move(3600)
    world.settle()
    assert (None, 1) == (world.target(), world.sandbox.counters("AB1234").count("login"))
    world.sandbox.update_app(app.api_key, subscribed=True)
    world.clock.move(86400)
    world.wait("SessionActive")


def test_a_session_that_is_refused_on_its_very_first_call_is_kept_until_the_subscription_is_renewed(
    world: World,
) -> None:
    world.operator()
    world.sandbox.fault("profile", "subscription_lapsed", times=None)
    world.alpha()
    world.wait("SubscriptionInactive")
    assert world.target() is None
    world.sandbox.clear_faults()
    world.clock.move(301)
    world.wait("SessionActive")
    assert 1 == world.sandbox.counters("AB1234").count("login")


def test_an_account_without_a_totp_app_cannot_be_automated(world: World) -> None:
    world.operator()
    app, account = world.broker(twofa_type="app_code")
    world.sources(app, account)
    world.credential()
    world.wait("TwoFactorUnsupported")
    assert 0 == world.sandbox.counters("AB1234").count("twofa")


def test_a_first_login_that_needs_consent_asks_for_one_login_by_hand(world: World) -> None:
    world.operator()
    world.sandbox.switch(consent_pending=True)
    app = world.alpha()
    world.wait("ConsentRequired")
    world.clock.move(3600)
    world.settle()
    assert 1 == world.sandbox.counters("AB1234").count("login")
    world.sandbox.consent("AB1234", app.api_key)
    world.annotate(acknowledge=world.status()["blockID"])
    world.wait("SessionActive")


def test_a_login_that_is_declined_is_not_repeated(world: World) -> None:
    world.operator()
    world.sandbox.switch(connect_result="cancelled")
    world.alpha()
    world.wait("LoginDeclined")
    world.clock.move(3600)
    world.settle()
    assert 1 == world.sandbox.counters("AB1234").count("login")


@pytest.mark.parametrize("result", ["login_page", "bounce", "no_token"])
def test_cookies_that_are_not_honoured_cost_one_login(world: World, result: str) -> None:
    world.operator()
    world.sandbox.switch(connect_result=result)
    world.alpha()
    world.wait("LoginNotCompleted")
    world.clock.move(3600)
    world.settle()
    assert 1 == world.sandbox.counters("AB1234").count("login")


@pytest.mark.parametrize(
    "values", [{"location": "absolute"}, {"redirect_order": "reversed"}, {"relogin": "same_token"}]
)
def test_the_broker_may_do_it_either_way(world: World, values: dict[str, str]) -> None:
    world.operator()
    world.sandbox.switch(**values)
    world.alpha()
    world.wait("SessionActive")
    world.clock.move(86400 + 43200)
    world.until(
        lambda: world.sandbox.is_alive(world.token()) and world.condition()[1] == "SessionActive", "the next day"
    )


def test_a_session_that_was_staged_long_ago_and_has_been_ended_is_replaced(world: World) -> None:
    dying = world.operator(DIE_AT="after-stage")
    world.alpha()
    assert -9 == dying.wait_dead()
    world.sandbox.master_logout("AB1234")
    world.clock.move(3600)
    world.operator()
    world.wait("SessionActive")
    assert 2 == world.sandbox.counters("AB1234").count("login")


def test_an_outage_that_lasts_is_told_once(world: World) -> None:
    world.operator()
    world.sandbox.fault("connect_login", "html_503", times=None)
    world.alpha()
    for number in range(2, 6):
        world.clock.move(700)
        world.until(lambda number=number: world.status().get("failures", {}).get("count", 0) >= number, "one more try")  # type: ignore[misc]  # bound at definition
    assert ["BrokerUnavailable"] == world.events()
    assert "HTTP 503" in world.condition()[2]
