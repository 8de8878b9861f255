"""What people write wrongly: each has its own reason and a message that names object, key and remedy (bad input).

What can be seen beforehand costs no call to the broker; what only a login shows costs one login, never repeated.
"""

import pytest

from support.world import REDIRECT_URL, World


def calls(world: World, client_id: str = "AB1234") -> int:
    return sum(world.sandbox.counters(client_id).calls.values())


SEEN_BEFOREHAND = {
    "no app Secret": ("AppSecretNotFound", ("'alpha-app'", "api_key", "api_secret", "Create it")),
    "no api_secret": ("AppSecretInvalid", ("'alpha-app'", "'api_secret'", "Add it")),
    "empty api_key": ("AppSecretInvalid", ("'alpha-app'", "'api_key'", "empty")),
    "binary api_secret": ("AppSecretInvalid", ("'alpha-app'", "'api_secret'", "binary")),
    "two words": ("AppSecretInvalid", ("'alpha-app'", "'api_key'", "one word")),
    "both spellings": ("AppSecretInvalid", ("'alpha-app'", "'KITE_API_KEY'", "Keep one")),
    "no login Secret": ("LoginSecretNotFound", ("'alpha-login'", "password", "totp_secret")),
    "no password": ("LoginSecretInvalid", ("'alpha-login'", "'password'", "Add it")),
    "empty password": ("LoginSecretInvalid", ("'alpha-login'", "'password'", "empty")),
    "malformed TOTP secret": ("TOTPSecretInvalid", ("'alpha-login'", "'totp_secret'", "base32")),
    "a code for a TOTP secret": ("TOTPSecretInvalid", ("'alpha-login'", "'totp_secret'", "six-digit")),
}


@pytest.mark.parametrize("case", SEEN_BEFOREHAND)
def test_what_can_be_seen_beforehand_costs_no_call(world: World, case: str) -> None:
    world.operator()
    app, account = world.broker()
    app_values: dict[str, str | bytes] = {"api_key": app.api_key, "api_secret": app.api_secret}
    login_values: dict[str, str | bytes] = {"password": account.password, "totp_secret": account.totp_secret}
    broken: dict[str, tuple[dict[str, str | bytes], dict[str, str | bytes]]] = {
        "no api_secret": ({"api_key": app.api_key}, login_values),
        "empty api_key": ({**app_values, "api_key": ""}, login_values),
        "binary api_secret": ({**app_values, "api_secret": b"\xff\xfe\x00"}, login_values),
        "two words": ({**app_values, "api_key": "two words"}, login_values),
        "both spellings": ({**app_values, "KITE_API_KEY": "anotherkey000000"}, login_values),
        "no password": (app_values, {"totp_secret": account.totp_secret}),
        "empty password": (app_values, {**login_values, "password": "\n"}),
        "malformed TOTP secret": (app_values, {**login_values, "totp_secret": "not base32 at all 0189!"}),
        "a code for a TOTP secret": (app_values, {**login_values, "totp_secret": "123456"}),
    }
    app_data, login_data = broken.get(case, (app_values, login_values))
    if case != "no app Secret":
        world.secret("alpha-app", **app_data)
    if case != "no login Secret":
        world.secret("alpha-login", **login_data)
    world.credential()
    reason, words = SEEN_BEFOREHAND[case]
    world.wait(reason)
    status, _, message = world.condition()
    assert "False" == status
    assert [] == [word for word in words if word not in message]
    world.until(lambda: world.events() == [reason], "one Event")
    world.settle(0.3)
    assert (0, None, [reason]) == (calls(world), world.target(), world.events())


def test_a_secret_that_is_mended_is_used_within_half_a_minute(world: World) -> None:
    world.operator()
    _, account = world.broker()
    app = world.sandbox.add_app(redirect_url=REDIRECT_URL)
    world.secrets_made.append(app.api_secret)
    world.secret("alpha-login", password=account.password, totp_secret=account.totp_secret)
    world.credential()
    world.wait("AppSecretNotFound")
    world.secret("alpha-app", api_key=app.api_key, api_secret=app.api_secret)
    world.clock.move(31)
    world.wait("SessionActive")


def test_the_environment_spelling_of_the_keys_is_understood(world: World) -> None:
    world.operator()
    app, account = world.broker()
    world.secret("alpha-app", KITE_API_KEY=app.api_key, KITE_API_SECRET=app.api_secret + "\n")
    spaced = " ".join(account.totp_secret[i : i + 4] for i in range(0, len(account.totp_secret), 4)).lower()
    world.secret("alpha-login", password=account.password + "\n", totp_secret=spaced + "\n")
    world.credential()
    world.wait("SessionActive")


@pytest.mark.parametrize(
    ("registered", "differs"),
    [
        ("http://alpha.example/callback", "protocol"),
        ("https://beta.example/callback", "host"),
        ("https://alpha.example:8443/callback", "host"),
        ("https://alpha.example/other", "path"),
        ("https://alpha.example/callback/", "path"),
    ],
)
def test_a_redirect_url_that_differs_costs_one_login(world: World, registered: str, differs: str) -> None:
    world.operator()
    world.alpha()
    # The app is registered again with another address before the operator has seen anything of it.
    world.wait("SessionActive")
    app = world.sandbox.add_app(redirect_url=registered)
    world.sandbox.add_account("CD5678")
    world.secrets_made.append(app.api_secret)
    account = world.sandbox.add_account("EF9012")
    world.secrets_made += [account.password, account.totp_secret]
    world.sources(app, account, "beta")
    world.credential("beta", "EF9012")
    world.wait("RedirectURLMismatch", name="beta")
    message = world.condition(name="beta")[2]
    assert differs in message
    assert ("True", "RedirectURLMismatch") == world.condition("Blocked", "beta")[:2]
    assert_stays(world, "beta", "EF9012", logins=1)


def assert_stays(world: World, name: str, client_id: str, *, logins: int) -> None:
    """An hour later, and after a restart, still the same number of logins."""
    for _ in range(3):
        world.clock.move(1200)
        world.settle(0.25)
    assert logins == world.sandbox.counters(client_id).count("login")
    world.operators[-1].kill()
    world.operator()
    world.settle()
    assert logins == world.sandbox.counters(client_id).count("login")
    assert "True" == world.condition("Blocked", name)[0]


def test_a_wrong_api_secret_costs_one_login_and_then_waits_for_the_secret(world: World) -> None:
    world.operator()
    app, account = world.broker()
    world.sources(app, account, api_secret="x" * 32)
    world.credential()
    world.wait("AppSecretRejected")
    assert_stays(world, "alpha", "AB1234", logins=1)
    world.secret("alpha-app", api_key=app.api_key, api_secret=app.api_secret)
    world.clock.move(61)
    world.wait("SessionActive")
    assert 0 == world.sandbox.counters("AB1234").wrong_entries


def test_an_app_secret_of_another_app_whose_users_are_others(world: World) -> None:
    world.operator()
    _, account = world.broker()
    foreign = world.sandbox.add_app(redirect_url=REDIRECT_URL, clients=["ZZ9999"])
    world.secrets_made.append(foreign.api_secret)
    world.sources(foreign, account)
    world.credential()
    world.wait("UserNotEnabled")
    assert_stays(world, "alpha", "AB1234", logins=1)


def test_an_app_that_does_not_exist(world: World) -> None:
    world.operator()
    _, account = world.broker()
    world.secret("alpha-app", api_key="nosuchapp0000000", api_secret="x" * 32)
    world.secret("alpha-login", password=account.password, totp_secret=account.totp_secret)
    world.credential()
    world.until(lambda: world.condition()[1] in ("AppRejected", "LoginNotCompleted"), "AppRejected")
    assert world.sandbox.counters("AB1234").count("login") <= 1


def test_a_session_of_another_client_is_never_published(world: World) -> None:
    world.operator()
    world.sandbox.add_account("ZZ9999")
    app, account = world.broker()
    world.sandbox.switch(client_id="AB1234", session_user="ZZ9999")
    world.sources(app, account)
    world.credential()
    world.wait("WrongAccount")
    assert world.target() is None
    assert_stays(world, "alpha", "AB1234", logins=1)


def test_a_client_id_that_the_broker_does_not_know_costs_one_login(world: World) -> None:
    world.operator()
    app, account = world.broker()
    world.sources(app, account)
    world.credential(client_id="ZX9999")
    world.wait("PasswordRejected")
    assert "spec.clientID" in world.condition()[2]
    world.clock.move(3600)
    world.settle()
    assert 1 == world.sandbox.all_counters().count("login")
