"""P1 on a real API server: what reaches the broker, whatever people and machines do."""

from support.world import World


def logins(world: World) -> int:
    return world.sandbox.counters("AB1234").count("login")


def test_a_wrong_password_is_submitted_once(world: World) -> None:
    world.operator()
    app, account = world.broker()
    world.sources(app, account, password="not-the-password")
    world.credential()
    world.wait("PasswordRejected")
    assert ("True", "PasswordRejected") == world.condition("Blocked")[:2]
    # Time passes, the operator restarts, the credential is deleted and made again, the spec changes.
    for _ in range(3):
        world.clock.move(3600)
        world.settle(0.25)
    world.operators[-1].kill()
    world.operator()
    world.settle()
    world.api.delete(world.path("kitecredentials", "alpha"))
    world.until(lambda: world.api.find(world.path("kitecredentials", "alpha")) is None, "deleted")
    world.credential()
    world.wait("PasswordRejected")
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"probe": {"interval": "2m"}}})
    world.annotate(refresh="now")
    world.settle()
    assert 1 == logins(world)
    # A new version of the Secret is tried at once.
    world.secret("alpha-login", password=account.password, totp_secret=account.totp_secret)
    world.clock.move(31)
    world.wait("SessionActive")
    assert 2 == logins(world)


def test_at_most_four_wrong_passwords_over_all_versions(world: World) -> None:
    world.operator()
    app, account = world.broker()
    world.sources(app, account, password="wrong-0")
    world.credential()
    for number in range(1, 8):
        world.until(lambda: world.condition("Blocked")[0] == "True", "blocked")
        world.settle(0.2)
        world.secret("alpha-login", password=f"wrong-{number}", totp_secret=account.totp_secret)
        world.clock.move(31)
        world.settle(0.4)
    world.wait("AttemptBudgetExhausted")
    assert 4 == world.sandbox.counters("AB1234").wrong_passwords
    assert not world.sandbox.counters("AB1234").blocked


def test_a_wrong_code_gets_one_more_try_in_a_new_window(world: World) -> None:
    world.operator()
    app, account = world.broker()
    world.sources(app, account, totp_secret="A" * 32)
    world.credential()
    world.until(lambda: world.sandbox.counters("AB1234").wrong_codes == 1, "one wrong code")
    world.settle(0.3)
    world.clock.move(31)
    world.wait("TOTPRejected", kind="Blocked")
    for _ in range(4):
        world.clock.move(45)
        world.settle(0.2)
    assert 2 == world.sandbox.counters("AB1234").wrong_codes
    assert 0 == world.sandbox.counters("AB1234").wrong_passwords


def test_an_acknowledgement_is_honoured_once_and_twice_a_day_at_most(world: World) -> None:
    world.operator()
    app, account = world.broker()
    world.sources(app, account, password="wrong")
    world.credential()
    seen: list[str] = []
    for expected in (2, 3, 3):
        world.until(lambda: world.status().get("blockID", "") not in ("", *seen), "a block that was not seen before")
        seen.append(world.status()["blockID"])
        world.annotate(acknowledge=seen[-1])
        world.until(lambda: world.status().get("lastHandledAcknowledge") == seen[-1], "handled")
        world.until(lambda expected=expected: logins(world) == expected, f"{expected} logins")  # type: ignore[misc]  # bound
        if expected == 3 and len(seen) == 3:
            break
    world.until(lambda: "AcknowledgementIgnored" in world.events(), "the third is put off")
    world.settle(0.4)
    assert (3, 3) == (logins(world), world.sandbox.counters("AB1234").wrong_passwords)
    # The third is not lost: it is honoured when the next day begins, once.
    world.clock.move(86400)
    world.until(lambda: logins(world) == 4, "one more try the next day")
    world.wait("AttemptBudgetExhausted", kind="Blocked")
    world.clock.move(86400)
    world.settle()
    assert 4 == logins(world)


def test_a_lost_lease_is_seeded_from_status(world: World) -> None:
    world.operator()
    app, account = world.broker()
    world.sources(app, account, password="wrong")
    world.credential()
    world.wait("PasswordRejected")
    world.operators[-1].kill()
    world.api.delete(world.path("leases", "kite-account-ab1234"))
    world.operator()
    world.clock.move(3600)
    world.settle()
    assert 1 == logins(world)
    assert "True" == world.condition("Blocked")[0]


def test_a_lease_that_nobody_understands_stops_every_submission(world: World) -> None:
    world.operator()
    app, account = world.broker()
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "kite-account-ab1234", "annotations": {"kite-operator.dev/account": "{}"}},
    }
    world.api.create(world.path("leases"), lease)
    world.sources(app, account)
    world.credential()
    world.wait("AttemptBudgetExhausted")
    world.settle()
    assert 0 == logins(world)


def test_an_answer_that_never_comes_counts_and_is_forgiven_once_a_day(world: World) -> None:
    world.operator("--broker-timeout-seconds", "1")
    world.sandbox.fault("login", reset="mid_body", when="after", times=2)
    world.alpha()
    world.until(lambda: logins(world) == 1, "one submission")
    world.until(lambda: world.status().get("failures", {}).get("reason") == "AttemptOutcomeUnknown", "told")
    world.clock.move(60)
    world.wait("AttemptOutcomeUnknown", kind="Blocked")
    assert 2 == logins(world)
    world.clock.move(7200)
    world.settle()
    assert 2 == logins(world)


def test_two_operators_make_one_login(world: World) -> None:
    world.operator()
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    world.settle(1.5)
    assert 1 == logins(world)
    assert 1 == world.sandbox.counters("AB1234").login_calls_at_once
    assert world.sandbox.is_alive(world.token())


def test_an_account_that_is_logged_out_again_and_again_is_contested(world: World) -> None:
    world.operator()
    world.alpha()
    for number in range(1, 4):
        # The Event comes last: a clock that is moved before it moves the next probe with it.
        world.until(lambda number=number: world.events().count("Refreshed") == number, f"session {number}")  # type: ignore[misc]  # bound
        assert world.sandbox.is_alive(world.token())
        assert number == logins(world)
        world.sandbox.master_logout("AB1234")
        world.clock.move(400)
    world.wait("SessionContested")
    world.clock.move(400)
    world.settle()
    assert 3 == logins(world)
    assert ("True", "SessionContested") == world.condition("Blocked")[:2]
