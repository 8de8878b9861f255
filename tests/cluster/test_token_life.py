"""The life of a token: it dies in mid-day, drifts, is asked for; P2 from the sandbox's counters."""

import base64

import pytest

from support.world import BOTH_WORLDS, World

COLLECTED_SECONDS = 75
"""The garbage collector looks for new kinds every thirty seconds: the first collection of a session waits for that."""


def logins(world: World) -> int:
    return world.sandbox.counters("AB1234").count("login")


def test_a_token_that_dies_in_mid_day_is_replaced_within_the_probe_interval(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    old = world.token()
    world.sandbox.master_logout("AB1234")
    world.clock.move(301)
    world.until(lambda: world.token() != old, "a new token")
    assert 2 == logins(world)
    world.until(lambda: "TokenDead" in world.events(), "told")


def test_the_refresh_annotation_probes_at_once_and_logs_in_when_dead(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    old = world.token()
    world.clock.move(40)
    world.settle(0.2)
    world.sandbox.master_logout("AB1234")
    world.annotate(refresh="1")
    world.until(lambda: world.token() != old, "a new token")
    world.until(lambda: world.status().get("lastHandledRefresh") == "1", "handled")
    assert 2 == logins(world)


def test_the_refresh_annotation_costs_a_living_token_nothing(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    token = world.token()
    world.annotate(refresh="1")
    world.until(lambda: world.status().get("lastHandledRefresh") == "1", "handled")
    assert (token, 1) == (world.token(), logins(world))
    assert "Republished" in world.events()


def test_a_broker_that_is_out_of_order_says_nothing_about_a_token(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    token = world.token()
    for preset in ("html_503", "html_403", "too_many_requests", "not_json", "missing_error_type", "general_failure"):
        world.sandbox.clear_faults()
        world.sandbox.fault("profile", preset)
        before = world.sandbox.counters("AB1234").count("profile")
        world.clock.move(301)
        world.until(lambda before=before: world.sandbox.counters("AB1234").count("profile") > before, preset)  # type: ignore[misc]  # bound at definition
        world.settle(0.2)
        assert (token, 1) == (world.token(), logins(world))
        assert ("True", "SessionActive") == world.condition()[:2]


def test_a_derived_secret_that_was_deleted_is_restored_without_a_login(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    token = world.token()
    world.api.delete(world.path("secrets", "alpha-token"))
    world.until(lambda: world.token() == token, "restored")
    assert 1 == logins(world)
    world.until(lambda: "TargetDrifted" in world.events(), "told")


def test_a_derived_secret_that_was_changed_is_restored_without_a_login(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    token = world.token()
    changed = base64.b64encode(b"somebody elses idea").decode()
    world.api.patch(world.path("secrets", "alpha-token"), {"data": {"access_token": changed, "extra": changed}})
    world.until(lambda: world.token() == token, "restored")
    assert {"api_key", "access_token", "user_id", "expires_at"} == set(world.target() or {})
    assert 1 == logins(world)


def test_a_derived_secret_that_was_deleted_while_the_operator_was_down_is_restored(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    token = world.token()
    world.operators[-1].kill()
    world.api.delete(world.path("secrets", "alpha-token"))
    world.operator()
    world.until(lambda: world.token() == token, "restored")
    assert 1 == logins(world)


def test_a_fight_over_the_derived_secret_ends(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    for _ in range(3):
        world.api.delete(world.path("secrets", "alpha-token"))
        world.until(lambda: world.token() != "", "restored")
        world.settle(0.2)
    world.api.delete(world.path("secrets", "alpha-token"))
    world.wait("TargetContested")
    assert (None, 1) == (world.target(), logins(world))


def test_a_foreign_secret_is_never_overwritten(world: World) -> None:
    world.operator()
    world.secret("alpha-token", mine="do not touch")
    world.alpha()
    world.wait("TargetNotOwned")
    assert "'alpha-token'" in world.condition()[2]
    world.settle()
    assert {"mine": "do not touch"} == world.target()
    assert 0 == logins(world)


@pytest.mark.parametrize("way", ["immutable", "another type"])
def test_an_unwritable_target_is_found_before_a_login(world: World, way: str) -> None:
    world.operator()
    labels = {"kite-operator.dev/role": "target", "kite-operator.dev/credential": "alpha"}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "alpha-token", "labels": labels}}
    world.api.create(
        world.path("secrets"),
        {**body, **({"immutable": True} if way == "immutable" else {"type": "example.org/other"})},
    )
    world.alpha()
    world.wait("TargetUnwritable")
    world.settle()
    assert {"immutable": "is immutable", "another type": "is of another type"}[way] in world.condition()[2]
    assert 0 == logins(world)


def test_a_state_secret_that_somebody_made_immutable_is_found_before_a_login(world: World) -> None:
    world.operator()
    labels = {"kite-operator.dev/role": "state", "kite-operator.dev/credential": "alpha"}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "alpha-kite-state", "labels": labels}}
    world.api.create(world.path("secrets"), {**body, "type": "kite-operator.dev/state", "immutable": True})
    world.alpha()
    world.wait("StateSecretNotOwned")
    world.settle()
    assert "immutable" in world.condition()[2]
    assert 0 == logins(world)


def test_an_adoption_must_be_asked_for_on_the_secret(world: World) -> None:
    world.operator()
    world.secret("alpha-token", mine="old")
    world.alpha()
    world.wait("TargetNotOwned")
    annotations = {"kite-operator.dev/adopt-by": "alpha"}
    world.api.patch(world.path("secrets", "alpha-token"), {"metadata": {"annotations": annotations}})
    world.clock.move(31)
    world.wait("SessionActive")
    assert "mine" not in (world.target() or {})


def test_two_credentials_with_one_target_never_both_write(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    world.alpha("beta", "CD5678", target={"name": "alpha-token"})
    world.until(lambda: world.condition(name="beta")[1] in ("Conflict", "TargetNotOwned"), "refused")
    world.settle()
    assert 0 == sum(world.sandbox.counters("CD5678").calls.values())
    assert "AB1234" == (world.target() or {})["user_id"]


@BOTH_WORLDS
def test_two_credentials_for_one_client_and_app_make_one_login(world: World) -> None:
    world.operator()
    app = world.alpha()
    world.wait("SessionActive")
    account = world.sandbox.add_account("AB1234")
    world.sources(app, account, "beta")
    world.credential("beta")
    world.wait("Conflict", name="beta")
    assert "alpha" in world.condition(name="beta")[2]
    world.settle()
    assert 1 == logins(world)
    # The first one goes: the second takes over, by itself.
    world.api.delete(world.path("kitecredentials", "alpha"))
    world.clock.move(31)
    world.wait("SessionActive", name="beta")


def test_a_regenerated_app_secret_is_picked_up(world: World) -> None:
    world.operator()
    app = world.alpha()
    world.wait("SessionActive")
    old = world.token()
    fresh = world.sandbox.regenerate_secret(app.api_key)
    world.secrets_made.append(fresh)
    world.secret("alpha-app", api_key=app.api_key, api_secret=fresh)
    world.clock.move(301)
    world.until(lambda: world.token() != old, "a new token")
    assert 0 == world.sandbox.counters("AB1234").wrong_entries


def test_another_app_in_the_app_secret_makes_a_new_session(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    other, _ = world.broker()
    world.secret("alpha-app", api_key=other.api_key, api_secret=other.api_secret)
    world.clock.move(301)
    world.until(lambda: (world.target() or {}).get("api_key") == other.api_key, "the other app's session")


def test_a_labelled_source_is_acted_on_at_once(world: World) -> None:
    world.operator()
    app, account = world.broker()
    world.sources(app, account, password="wrong")
    world.credential()
    world.wait("PasswordRejected")
    labels = {"kite-operator.dev/role": "source"}
    right = base64.b64encode(account.password.encode()).decode()
    world.api.patch(world.path("secrets", "alpha-login"), {"metadata": {"labels": labels}, "data": {"password": right}})
    world.wait("SessionActive", within=8)


def test_a_dead_token_is_called_dead_on_the_derived_secret(world: World) -> None:
    world.operator()
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    world.grant(world.sandbox.request_token("AB1234", app.api_key))
    world.wait("SessionActive")
    world.sandbox.master_logout("AB1234")
    world.clock.move(301)
    world.wait("LoginRequired")
    annotations = world.api.get(world.path("secrets", "alpha-token"))["metadata"]["annotations"]
    assert "Dead" == annotations["kite-operator.dev/token-state"]
    assert ("False", "TokenDead") == world.condition("Authenticated")[:2]
    assert world.token() != ""


def test_a_suspended_credential_is_left_alone(world: World) -> None:
    world.operator()
    world.alpha(suspend=True)
    world.wait("Suspended")
    world.clock.move(86400)
    world.settle()
    assert 0 == sum(world.sandbox.counters("AB1234").calls.values())
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"suspend": None}})
    world.wait("SessionActive")


def test_a_deleted_credential_leaves_nothing_behind_and_no_finalizer(world: World) -> None:
    started = world.operator()
    world.alpha()
    world.wait("SessionActive")
    credential = world.api.get(world.path("kitecredentials", "alpha"))
    assert "finalizers" not in credential["metadata"]
    world.api.delete(world.path("kitecredentials", "alpha"))
    world.until(lambda: world.target() is None, "the derived Secret is collected", within=COLLECTED_SECONDS)
    world.until(lambda: world.api.find(world.path("secrets", "alpha-kite-state")) is None, "the state Secret too")
    world.until(lambda: f'namespace="{world.namespace}"' not in started.get("/metrics")[1], "no series is left")
    assert world.api.find(world.path("secrets", "alpha-app")) is not None


def test_a_recreated_credential_keeps_a_living_token(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    token = world.token()
    body = world.api.get(world.path("kitecredentials", "alpha"))
    path = world.path("kitecredentials", "alpha")
    world.api.call("DELETE", f"{path}?propagationPolicy=Orphan")
    world.until(lambda: world.api.find(path) is None, "deleted", within=COLLECTED_SECONDS)  # by the garbage collector
    body["metadata"] = {"name": "alpha"}
    body.pop("status")
    world.api.create(world.path("kitecredentials"), body)
    world.wait("SessionActive")
    assert (token, 1) == (world.token(), logins(world))


def test_everything_can_be_deleted_after_the_operator_is_gone(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    world.operators[-1].kill()
    world.api.delete(world.path("kitecredentials", "alpha"))
    world.until(lambda: world.api.find(world.path("kitecredentials", "alpha")) is None, "deleted")
    world.until(lambda: world.target() is None, "collected", within=COLLECTED_SECONDS)


def test_many_probes_of_one_app_stretch_rather_than_crowd(world: World) -> None:
    started = world.operator("--probes-per-second", "0.05")
    app = world.sandbox.add_app(redirect_url="https://alpha.example/callback")
    world.secrets_made.append(app.api_secret)
    names = [f"desk-{number}" for number in range(6)]
    for number, name in enumerate(names):
        account = world.sandbox.add_account(f"DK{number:04d}")
        world.secrets_made += [account.password, account.totp_secret]
        world.sources(app, account, name)
        world.credential(name, f"DK{number:04d}", probe={"interval": "1m"})
    for name in names:
        world.wait("SessionActive", name=name)
    world.clock.move(61)
    labels = f'{{name="desk-0",namespace="{world.namespace}"}}'
    world.until(lambda: (started.metric(f"kite_credential_probe_interval_seconds{labels}") or 0) == 120, "stretched")
    # A new credential does not queue behind the probes that wait for their turn.
    world.clock.move(121)
    world.alpha()
    world.wait("SessionActive", within=10)
