"""`spec.login.relogin: Daily` on a real API server: after a death in mid-day nobody logs in before a person says so."""

from support.world import World

DAILY = {"mode": "TOTP", "relogin": "Daily", "totp": {"secretRef": {"name": "alpha-login"}}}
INTERVAL_SECONDS = 301
NEXT_CODE_SECONDS = 31


def logins(world: World) -> int:
    return world.sandbox.counters("AB1234").count("login")


def test_a_login_that_a_person_asked_for_and_that_an_outage_stopped_is_tried_again(world: World) -> None:
    world.operator()
    world.alpha(login=DAILY)
    world.wait("SessionActive")
    world.sandbox.master_logout("AB1234")
    world.clock.move(INTERVAL_SECONDS)
    world.wait("SessionEnded")
    for _ in range(3):
        world.clock.move(3600)
        world.settle(0.25)
    assert (1, "True") == (logins(world), world.condition("LoginRequired")[0])
    world.sandbox.fault("connect_login", "html_503", times=1)
    world.annotate(refresh="1")
    world.wait_for_failures(1)
    world.clock.move(60)
    world.wait("SessionActive")
    assert 2 == logins(world)


def test_a_password_that_was_changed_meanwhile_shows_as_a_block_with_its_own_way_out(world: World) -> None:
    world.operator()
    app, account = world.broker()
    world.sources(app, account)
    world.credential(login=DAILY)
    world.wait("SessionActive")
    world.sandbox.change_password("AB1234", "Another-Password-9")
    world.secrets_made.append("Another-Password-9")
    world.clock.move(INTERVAL_SECONDS)
    world.wait("SessionEnded")
    world.annotate(refresh="1")
    world.wait("PasswordRejected")
    assert ("True", "PasswordRejected") == world.condition("Blocked")[:2]
    assert "False" == world.condition("LoginRequired")[0]
    world.secret("alpha-login", password="Another-Password-9", totp_secret=account.totp_secret)
    world.clock.move(NEXT_CODE_SECONDS)
    world.wait("SessionEnded")
    assert ("False", 2) == (world.condition("Blocked")[0], logins(world))
    world.annotate(refresh="2")
    world.wait("SessionActive")
    world.assert_nothing_leaked()
