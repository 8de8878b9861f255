"""A person's login that meets an outage of the broker, in real processes."""

from support.sandbox import SandboxApp
from support.world import World


def waiting(world: World) -> SandboxApp:
    """A credential that waits for a login, while the API refuses every exchange."""
    world.operator()
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    world.sandbox.switch(request_token_ttl_s=300)
    world.sandbox.fault("session_token", "html_503", times=None)
    return app


def log_in(world: World, app: SandboxApp, name: str) -> None:
    token = world.sandbox.request_token("AB1234", app.api_key)
    world.secrets_made.append(token)
    world.grant(token, name)


def exchanges(world: World) -> int:
    return world.sandbox.counters("AB1234").count("session_token")


def test_a_login_is_tried_again_until_the_broker_answers(world: World) -> None:
    app = waiting(world)
    log_in(world, app, "login-1")
    world.wait("BrokerUnavailable")
    world.clock.move(20)
    world.until(lambda: exchanges(world) == 2, "a second try")
    world.wait_for_failures(2)
    world.sandbox.clear_faults()
    world.clock.move(40)
    world.wait("SessionActive")
    assert 3 == exchanges(world)


def test_after_five_minutes_another_login_is_asked_for_and_the_dead_token_is_left_alone(world: World) -> None:
    app = waiting(world)
    log_in(world, app, "login-1")
    world.wait("BrokerUnavailable")
    world.clock.move(301)
    world.wait("LoginRequired")
    assert "GrantExpired" in world.events()
    assert world.api.find(world.path("secrets", "login-1")) is None
    tried = exchanges(world)
    world.clock.move(700)
    world.settle()
    assert tried == exchanges(world)
    world.sandbox.clear_faults()
    log_in(world, app, "login-2")
    world.wait("SessionActive")
    assert tried + 1 == exchanges(world)


def test_a_new_login_is_tried_at_once_while_an_older_one_waits(world: World) -> None:
    app = waiting(world)
    log_in(world, app, "login-1")
    world.wait("BrokerUnavailable")
    world.sandbox.clear_faults()
    log_in(world, app, "login-2")
    world.wait("SessionActive")
    world.until(lambda: world.api.find(world.path("secrets", "login-1")) is None, "the older login is gone")


def test_an_answer_that_breaks_off_is_told_as_lost(world: World) -> None:
    app = waiting(world)
    world.sandbox.clear_faults()
    world.sandbox.fault("session_token", "reset_mid_body")
    log_in(world, app, "login-1")
    world.wait("BrokerUnreachable")
    world.clock.move(20)
    world.wait("LoginRequired")
    assert "GrantLost" in world.events()
    assert 2 == exchanges(world)
