"""Mode Manual as far as a login grant: a person logs in, and the operator does the rest."""

from support.world import BOTH_WORLDS, World


def test_a_person_is_asked_with_the_login_url_pattern(world: World) -> None:
    world.operator()
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    status, _, message = world.condition("LoginRequired")
    assert "True" == status
    assert "https://kite.zerodha.com/connect/login?v=3&api_key=<your api_key>" in message
    assert app.api_key not in message
    world.until(lambda: world.events() == ["LoginRequired"], "told once")
    assert 0 == sum(world.sandbox.counters("AB1234").calls.values())


def test_a_grant_is_exchanged_proven_published_and_deleted(world: World) -> None:
    world.operator()
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    request_token = world.sandbox.request_token("AB1234", app.api_key)
    world.grant(request_token)
    world.wait("SessionActive")
    assert "AB1234" == (world.target() or {})["user_id"]
    world.until(lambda: world.api.find(world.path("secrets", "login-1")) is None, "the grant is deleted")
    assert ("False", "NotRequired") == world.condition("LoginRequired")[:2]
    world.assert_nothing_leaked(request_token)


def test_a_grant_that_was_there_before_the_operator_is_found(world: World) -> None:
    app = world.alpha(mode="Manual")
    world.grant(world.sandbox.request_token("AB1234", app.api_key))
    world.operator()
    world.wait("SessionActive")


def test_a_grant_is_refused_while_the_token_works(world: World) -> None:
    world.operator()
    app = world.alpha(mode="Manual")
    world.grant(world.sandbox.request_token("AB1234", app.api_key))
    world.wait("SessionActive")
    token = world.token()
    world.grant(world.sandbox.request_token("AB1234", app.api_key), "login-2")
    world.until(lambda: world.api.find(world.path("secrets", "login-2")) is None, "deleted")
    world.until(lambda: "LoginNotRequired" in world.events(), "told")
    assert token == world.token()


@BOTH_WORLDS
def test_after_a_refresh_was_asked_for_a_grant_replaces_a_living_token(world: World) -> None:
    world.operator()
    app = world.alpha(mode="Manual")
    world.grant(world.sandbox.request_token("AB1234", app.api_key))
    world.wait("SessionActive")
    token = world.token()
    world.annotate(refresh="1")
    world.until(lambda: world.status().get("lastHandledRefresh") == "1", "handled")
    world.clock.move(6)
    world.grant(world.sandbox.request_token("AB1234", app.api_key), "login-2")
    told = {"grant": "login-2", "reason": "Refreshed"}
    world.until(lambda: told.items() <= world.status().get("lastLogin", {}).items(), "taken")
    assert world.sandbox.is_alive(world.token())
    assert world.gives_the_same_token() is (world.token() == token)


def test_a_used_request_token_is_told_and_another_login_mends_it(world: World) -> None:
    world.operator()
    app = world.alpha(mode="Manual")
    world.grant("nosuchrequesttoken0000000000000")
    world.until(lambda: "RequestTokenRejected" in world.events(), "told")
    world.wait("LoginRequired")
    world.clock.move(6)
    world.grant(world.sandbox.request_token("AB1234", app.api_key), "login-2")
    world.wait("SessionActive")


def test_a_grant_without_a_token_is_refused(world: World) -> None:
    world.operator()
    world.alpha(mode="Manual")
    world.wait("LoginRequired")
    world.grant("")
    world.until(lambda: "GrantInvalid" in world.events(), "told")
    world.until(lambda: world.api.find(world.path("secrets", "login-1")) is None, "deleted")


def test_the_login_of_another_client_changes_nothing(world: World) -> None:
    world.operator()
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    world.sandbox.add_account("ZZ9999")
    world.grant(world.sandbox.request_token("ZZ9999", app.api_key))
    world.until(lambda: "WrongAccount" in world.events(), "told")
    world.wait("LoginRequired")
    assert world.target() is None
    world.clock.move(6)
    world.grant(world.sandbox.request_token("AB1234", app.api_key), "login-2")
    world.wait("SessionActive")


def test_every_morning_a_person_is_asked_and_the_old_token_is_left(world: World) -> None:
    world.operator()
    app = world.alpha(mode="Manual")
    world.grant(world.sandbox.request_token("AB1234", app.api_key))
    world.wait("SessionActive")
    token = world.token()
    world.clock.move(86400)
    world.wait("LoginRequired")
    assert token == world.token()
    world.grant(world.sandbox.request_token("AB1234", app.api_key), "login-2")
    world.until(lambda: world.token() != token and world.condition()[1] == "SessionActive", "a new token")


def test_a_blocked_robot_does_not_stop_a_person(world: World) -> None:
    world.operator()
    app, account = world.broker()
    world.sources(app, account, password="wrong")
    world.credential()
    world.wait("PasswordRejected")
    world.grant(world.sandbox.request_token("AB1234", app.api_key))
    world.wait("SessionActive")
    assert 1 == world.sandbox.counters("AB1234").count("login")


def test_a_secret_that_is_labelled_as_a_grant_and_is_none_is_told_once_and_left_alone(world: World) -> None:
    world.operator()
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    labels = {"kite-operator.dev/role": "grant", "kite-operator.dev/credential": "alpha"}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "no-grant", "labels": labels}}
    world.api.create(world.path("secrets"), body)
    world.until(lambda: "GrantInvalid" in world.events(), "told")
    world.grant(world.sandbox.request_token("AB1234", app.api_key))
    world.wait("SessionActive")
    assert 1 == world.events().count("GrantInvalid")
    assert world.api.find(world.path("secrets", "no-grant")) is not None
