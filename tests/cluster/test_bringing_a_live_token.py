"""A token that somebody else fetched (a cron job, a person) is taken over: proven first, and no login is spent."""

import base64
import shutil
from pathlib import Path

import pytest

from support.controlplane import ControlPlane, Kubectl
from support.documents import page, section
from support.terminal import Terminal
from support.world import BOTH_WORLDS, World

ADOPT = {"kite-operator.dev/adopt-by": "alpha"}
SECTION = "Adopt today's token"
FORMS = {
    "keys": {"api_key": "{api_key}", "access_token": "{token}", "user_id": "AB1234"},
    "variables": {"KITE_API_KEY": "{api_key}\n", "KITE_ACCESS_TOKEN": "{token}\n"},
    "the token alone": {"access_token": "{token}\n"},
}


def bring(world: World, data: dict[str, str], **annotations: str) -> None:
    """The Secret as a cron job has left it, given to the credential."""
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    metadata = {"name": "alpha-token", "annotations": {**ADOPT, **annotations}}
    world.api.create(
        world.path("secrets"), {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}
    )


def calls(world: World, *kinds: str) -> list[int]:
    counters = world.sandbox.counters("AB1234")
    return [counters.count(kind) for kind in kinds]


def ready(world: World, mode: str = "TOTP") -> str:
    """The broker's and the cluster's side, without the credential; gives a token that somebody has logged in for."""
    app, account = world.broker()
    world.sources(app, account)
    token = world.sandbox.login_elsewhere("AB1234", app.api_key)
    world.secrets_made.append(token)
    bring(world, {"api_key": app.api_key, "access_token": token})
    world.credential(mode=mode)
    return token


@pytest.mark.parametrize(
    ("mode", "form"), [("TOTP", "keys"), ("Manual", "variables"), ("RefreshToken", "the token alone")]
)
def test_a_live_token_is_proven_and_published_and_nobody_logs_in(world: World, mode: str, form: str) -> None:
    app, account = world.broker()
    world.sources(app, account)
    token = world.sandbox.login_elsewhere("AB1234", app.api_key)
    before = calls(world, "login", "exchange", "profile")
    bring(world, {key: text.format(api_key=app.api_key, token=token) for key, text in FORMS[form].items()})
    world.credential(mode=mode)
    world.operator()
    world.wait("SessionActive")
    held = world.target() or {}
    assert (app.api_key, token, "AB1234") == (held["api_key"], held["access_token"], held["user_id"])
    assert {"api_key", "access_token", "user_id", "expires_at"} == set(held)
    assert [before[0], before[1], before[2] + 1] == calls(world, "login", "exchange", "profile")
    told = world.events()
    assert (1, 0) == (told.count("Republished"), told.count("TargetDrifted"))
    assert held["expires_at"] == world.status()["expiresTime"]
    world.assert_nothing_leaked(token)


def test_a_dead_token_costs_the_login_that_was_due_anyway_and_no_more(world: World) -> None:
    token = ready(world)
    world.sandbox.master_logout("AB1234")
    before = calls(world, "login")
    world.operator()
    world.wait("SessionActive")
    assert token != world.token()
    assert [before[0] + 1] == calls(world, "login")
    assert "TokenDead" in world.events()
    world.assert_nothing_leaked(token)


def test_a_dead_token_asks_a_person_in_mode_manual_and_the_secret_stays_as_it_was_brought(world: World) -> None:
    token = ready(world, "Manual")
    world.sandbox.master_logout("AB1234")
    before, secret = calls(world, "login"), world.api.get(world.path("secrets", "alpha-token"))
    world.operator()
    world.wait("LoginRequired")
    world.settle()
    assert secret == world.api.get(world.path("secrets", "alpha-token"))
    assert before == calls(world, "login")
    world.assert_nothing_leaked(token)


@BOTH_WORLDS
@pytest.mark.parametrize("mode", ["Manual", "TOTP"])
def test_a_token_of_another_account_is_refused_and_never_published(world: World, mode: str) -> None:
    app, account = world.broker()
    other = world.sandbox.add_account("CD5678")
    world.secrets_made += [other.password, other.totp_secret]
    world.sources(app, account)
    theirs = world.sandbox.login_elsewhere("CD5678", app.api_key)
    bring(world, {"api_key": app.api_key, "access_token": theirs, "user_id": "CD5678"})
    world.credential(mode=mode)
    world.operator()
    world.wait("SessionActive" if mode == "TOTP" else "LoginRequired")
    world.until(lambda: "WrongAccount" in world.events(), "told")
    assert (1 if mode == "TOTP" else 0) == calls(world, "login")[0]
    labels = world.api.get(world.path("secrets", "alpha-token"))["metadata"].get("labels") or {}
    assert (mode == "TOTP") is ("kite-operator.dev/role" in labels)
    assert (mode == "Manual") is (world.token() == theirs)
    world.assert_nothing_leaked(theirs)


def test_while_the_broker_does_not_say_the_token_is_neither_published_nor_replaced(world: World) -> None:
    token = ready(world)
    before = calls(world, "login")
    world.sandbox.fault("profile", "html_503")
    world.operator()
    world.wait("BrokerUnavailable")
    assert ("False", before) == (world.condition()[0], calls(world, "login"))
    assert "expires_at" not in (world.target() or {})
    world.sandbox.clear_faults()
    world.clock.move(301)
    world.wait("SessionActive")
    assert (token, before) == (world.token(), calls(world, "login"))


@pytest.mark.parametrize("point", ["after-proof", "after-publish"])
def test_a_kill_on_the_way_costs_no_login_either(world: World, point: str) -> None:
    token = ready(world)
    before = calls(world, "login")
    assert -9 == world.operator(wait=False, DIE_AT=point).wait_dead()
    world.operator()
    world.wait("SessionActive")
    assert (token, before) == (world.token(), calls(world, "login"))


def test_without_its_owners_word_it_is_not_touched_and_nobody_logs_in(world: World) -> None:
    token = ready(world)
    before = calls(world, "login", "profile")
    world.api.patch(
        world.path("secrets", "alpha-token"), {"metadata": {"annotations": {"kite-operator.dev/adopt-by": "beta"}}}
    )
    world.operator()
    world.wait("TargetNotOwned")
    assert (token, before) == (world.token(), calls(world, "login", "profile"))


def test_a_token_of_another_app_is_not_asked_about(world: World) -> None:
    app, account = world.broker()
    world.sources(app, account)
    former = world.sandbox.add_app(redirect_url="https://alpha.example/callback")
    world.secrets_made.append(former.api_secret)
    token = world.sandbox.login_elsewhere("AB1234", former.api_key)
    bring(world, {"api_key": former.api_key, "access_token": token})
    world.credential(mode="Manual")
    world.operator()
    world.wait("LoginRequired")
    assert [0] == calls(world, "profile")
    assert token == world.token()


def test_the_next_morning_is_like_any_other(world: World) -> None:
    world.set_clock("2026-03-02T10:00")
    token = ready(world)
    before = calls(world, "login")
    world.operator()
    world.wait("SessionActive")
    assert "2026-03-03T06:00:00+05:30" == world.status()["expiresTime"]
    world.set_clock("2026-03-03T08:00")
    world.until(lambda: world.token() not in ("", token) and world.condition()[1] == "SessionActive", "a new token")
    assert [before[0] + 1] == calls(world, "login")


@pytest.fixture
def terminal(control_plane: ControlPlane, world: World, tmp_path: Path) -> Terminal:
    kubeconfig = tmp_path / "kubeconfig"
    shutil.copy(control_plane.kubeconfig, kubeconfig)
    Kubectl(control_plane, kubeconfig)("config", "set-context", "--current", "--namespace", world.namespace)
    text = section(page("docs/from-a-cron-job.md"), SECTION).replace("alpha-kite-token", "alpha-token")
    return Terminal(f"# {SECTION}\n{text}", {**control_plane.environment, "KUBECONFIG": str(kubeconfig)})


def test_the_way_from_a_cron_job_is_as_the_page_says(world: World, terminal: Terminal) -> None:
    app, account = world.broker()
    world.sources(app, account)
    token = world.sandbox.login_elsewhere("AB1234", app.api_key)
    world.secret("alpha-token", KITE_API_KEY=app.api_key, KITE_ACCESS_TOKEN=token)
    before = calls(world, "login")
    world.operator()
    terminal.type_in(SECTION, number=0)
    world.credential(target={"name": "alpha-token", "format": ["env"]})
    assert "condition met" in terminal.type_in(SECTION, number=1)
    assert {"KITE_API_KEY": app.api_key, "KITE_ACCESS_TOKEN": token} == world.target()
    assert before == calls(world, "login")


def test_a_token_that_is_typed_in_serves_a_credential_that_waits_for_a_login(world: World, terminal: Terminal) -> None:
    world.operator()
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    token = world.sandbox.login_elsewhere("AB1234", app.api_key)
    printed = terminal.type_in(SECTION, number=2, stdin=f"{token}\n")
    assert token not in printed
    world.annotate(refresh="a token was brought")
    world.wait("SessionActive")
    assert (token, "a token was brought") == (world.token(), world.status()["lastHandledRefresh"])
    world.assert_nothing_leaked(token)
