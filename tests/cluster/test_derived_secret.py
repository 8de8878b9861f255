"""The derived Secret's form and fate: formats, deletion policy, renaming, metadata; none of it costs a login."""

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.controlplane import ControlPlane, Kubectl, Options, namespace_in
from support.operators import TestClock
from support.sandbox import Sandbox
from support.world import BOTH_WORLDS, Api, World

CRD_FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "crd"

GROUP = "kite-operator.dev"
KEYS = {"api_key", "access_token", "user_id", "expires_at"}
ENV = {"KITE_API_KEY", "KITE_ACCESS_TOKEN"}
COLLECTED_WITHIN = 75.0
"""Kubernetes' garbage collector looks for new kinds every 30 seconds: it is slow in the first minute of a session."""
NEXT_WINDOW = 40
"""Seconds after which a login may use a TOTP code again."""


def logins(world: World) -> int:
    return world.sandbox.counters("AB1234").count("login")


def profiles(world: World) -> int:
    return world.sandbox.counters("AB1234").count("profile")


def target(world: World, **changes: object) -> None:
    """Edit spec.target; None removes a field."""
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"target": changes}})


def metadata(world: World, name: str = "alpha-token") -> dict[str, Any]:
    return dict(world.api.get(world.path("secrets", name))["metadata"])


def annotation(world: World, key: str, name: str = "alpha-token") -> str:
    return str((metadata(world, name).get("annotations") or {}).get(f"{GROUP}/{key}", ""))


def settled(world: World) -> bool:
    """Whether the operator has seen the present spec, and all is well with it."""
    found = world.api.get(world.path("kitecredentials", "alpha"))
    seen = (found.get("status") or {}).get("observedGeneration") == found["metadata"]["generation"]
    return seen and world.condition()[:2] == ("True", "SessionActive")


def start(world: World, **spec_target: object) -> str:
    """An operator, a credential with this spec.target, and its first token."""
    world.operator()
    world.alpha(target={"name": "alpha-token", **spec_target})
    world.until(lambda: settled(world), "settled")
    if spec_target.get("format", ["keys"]) != ["keys"]:
        return ""
    return world.token()


def recreate(world: World, **changes: object) -> None:
    """Delete the credential as kubectl does, wait until Kubernetes has collected, and make it anew."""
    path = world.path("kitecredentials", "alpha")
    body = world.api.get(path)
    world.api.delete(path)
    world.until(lambda: world.api.find(path) is None, "deleted")
    world.until(
        lambda: world.api.find(world.path("secrets", "alpha-kite-state")) is None, "collected", within=COLLECTED_WITHIN
    )
    spec = {**body["spec"], "target": {**body["spec"]["target"], **changes}}
    made = {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": {"name": "alpha"}, "spec": spec}
    world.api.create(world.path("kitecredentials"), made)


def test_every_format_says_the_same(world: World) -> None:
    start(world, format=["keys", "env", "file", "json"])
    held = world.target() or {}
    assert {*KEYS, *ENV, "kite.env", "token.json"} == set(held)
    assert {key: held[key] for key in KEYS} == json.loads(held["token.json"])
    assert (held["api_key"], held["access_token"]) == (held["KITE_API_KEY"], held["KITE_ACCESS_TOKEN"])
    script = f'{held["kite.env"]}printf "%s\\n" "$KITE_API_KEY" "$KITE_ACCESS_TOKEN" "$KITE_USER_ID" "$KITE_EXPIRES_AT"'
    said = subprocess.run(["/bin/sh", "-eu"], input=script, capture_output=True, text=True, check=True, env={})
    assert [held[key] for key in ("api_key", "access_token", "user_id", "expires_at")] == said.stdout.splitlines()
    world.assert_nothing_leaked(held["access_token"])


def test_a_changed_format_is_published_from_the_known_session_with_a_proof_and_no_login(world: World) -> None:
    token = start(world)
    before = profiles(world)
    target(world, format=["env", "json"])
    world.until(lambda: set(world.target() or {}) == {*ENV, "token.json"}, "the new formats")
    assert token == (world.target() or {})["KITE_ACCESS_TOKEN"]
    world.until(lambda: settled(world), "settled")
    assert (1, before + 1) == (logins(world), profiles(world))
    world.until(lambda: "Republished" in world.events(), "told")
    assert "TargetDrifted" not in world.events()
    world.assert_nothing_leaked(token)


def test_many_edits_within_an_hour_are_no_fight(world: World) -> None:
    token = start(world)
    for number in range(5):
        target(world, labels={"edit": str(number)})
        world.until(lambda number=number: metadata(world)["labels"].get("edit") == str(number), "edited")  # type: ignore[misc]  # bound at definition
    world.until(lambda: settled(world), "settled")
    assert (token, 1) == (world.token(), logins(world))


def test_a_changed_format_is_published_after_an_outage_of_the_broker(world: World) -> None:
    token = start(world)
    world.sandbox.fault("profile", "html_503")
    target(world, format=["keys", "env"])
    world.wait("BrokerUnavailable")
    assert (KEYS, token) == (set(world.target() or {}), world.token())
    world.sandbox.clear_faults()
    world.clock.move(301)
    world.until(lambda: ENV <= set(world.target() or {}), "the new format")
    assert 1 == logins(world)
    assert "TargetDrifted" not in world.events()


@pytest.mark.parametrize("form", ["keys", "file", "json"])
def test_a_lost_state_secret_costs_no_login_while_a_format_holds_the_session(world: World, form: str) -> None:
    start(world, format=[form])
    before = world.target()
    world.operators[-1].kill()
    world.api.delete(world.path("secrets", "alpha-kite-state"))
    world.operator()
    world.until(lambda: world.api.find(world.path("secrets", "alpha-kite-state")) is not None, "kept again")
    world.until(lambda: settled(world), "settled")
    assert (before, 1) == (world.target(), logins(world))


@BOTH_WORLDS
def test_a_lost_state_secret_costs_a_login_when_only_variables_are_left(world: World) -> None:
    start(world, format=["env"])
    before = world.target() or {}
    world.operators[-1].kill()
    world.api.delete(world.path("secrets", "alpha-kite-state"))
    world.clock.move(NEXT_WINDOW)
    world.operator()
    world.until(lambda: logins(world) == 2, "a login")
    world.until(lambda: world.sandbox.is_alive((world.target() or {})["KITE_ACCESS_TOKEN"]), "a token that works")
    world.until(lambda: settled(world), "settled")
    assert 2 == logins(world)
    world.assert_nothing_leaked(before["KITE_ACCESS_TOKEN"], (world.target() or {})["KITE_ACCESS_TOKEN"])


def test_a_retained_secret_stays_and_its_token_is_used_by_a_successor(world: World) -> None:
    token = start(world, deletionPolicy="Retain")
    assert "ownerReferences" not in metadata(world)
    assert [True] == [owner["controller"] for owner in metadata(world, "alpha-kite-state")["ownerReferences"]]
    recreate(world)
    world.until(lambda: settled(world), "settled")
    assert (token, 1) == (world.token(), logins(world))
    world.until(lambda: world.api.find(world.path("secrets", "alpha-kite-state")) is not None, "kept again")


def test_a_successor_of_another_policy_and_format_takes_the_token_over_too(world: World) -> None:
    token = start(world, deletionPolicy="Retain")
    recreate(world, deletionPolicy="Delete", format=["keys", "json"])
    world.until(lambda: "token.json" in (world.target() or {}) and settled(world), "settled")
    assert (token, 1) == (world.token(), logins(world))
    uid = world.api.get(world.path("kitecredentials", "alpha"))["metadata"]["uid"]
    assert [uid] == [owner["uid"] for owner in metadata(world)["ownerReferences"]]


def test_a_dead_token_in_a_retained_secret_is_replaced(world: World) -> None:
    old = start(world, deletionPolicy="Retain")
    world.sandbox.master_logout("AB1234")
    world.clock.move(NEXT_WINDOW)
    recreate(world)
    world.until(lambda: world.token() not in ("", old), "a new token")
    world.until(lambda: settled(world), "settled")
    assert 2 == logins(world)


def test_the_policy_can_be_changed_to_retain_and_back(world: World) -> None:
    token = start(world)
    target(world, deletionPolicy="Retain")
    world.until(lambda: "ownerReferences" not in metadata(world), "released")
    world.until(lambda: settled(world), "settled")
    target(world, deletionPolicy=None)
    world.until(lambda: "ownerReferences" in metadata(world), "owned again")
    world.until(lambda: settled(world), "settled")
    assert (token, 1) == (world.token(), logins(world))
    world.api.delete(world.path("kitecredentials", "alpha"))
    world.until(lambda: world.target() is None, "collected", within=COLLECTED_WITHIN)


def test_the_policy_is_followed_while_the_token_is_dead(world: World) -> None:
    world.operator()
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    world.grant(world.sandbox.request_token("AB1234", app.api_key))
    world.wait("SessionActive")
    token = world.token()
    world.sandbox.master_logout("AB1234")
    world.clock.move(301)
    world.until(lambda: annotation(world, "token-state") == "Dead", "marked")
    target(world, deletionPolicy="Retain", labels={"desk": "a"})
    world.until(lambda: "ownerReferences" not in metadata(world), "released")
    assert ("a", "Dead", token) == (metadata(world)["labels"]["desk"], annotation(world, "token-state"), world.token())


def test_a_renamed_target_is_published_without_a_login_and_the_old_one_removed(world: World) -> None:
    token = start(world)
    target(world, name="beta-token")
    world.until(lambda: world.token("beta-token") == token, "the new Secret")
    world.until(lambda: world.target() is None, "the old one is removed")
    world.until(lambda: world.status().get("secretName") == "beta-token" and settled(world), "settled")
    assert 1 == logins(world)
    world.until(lambda: {"Republished", "TargetReplaced"} <= set(world.events()), "told")
    assert "TargetDrifted" not in world.events()
    world.assert_nothing_leaked(token)


@pytest.mark.parametrize("point", ["before-publish", "after-publish"])
def test_a_renaming_survives_a_kill(world: World, point: str) -> None:
    token = start(world)
    world.operators[-1].kill()
    target(world, name="beta-token")
    assert -9 == world.operator(wait=False, DIE_AT=point).wait_dead()
    assert token == world.token()
    world.operator()
    world.until(lambda: world.token("beta-token") == token and world.target() is None, "renamed")
    world.until(lambda: settled(world), "settled")
    assert 1 == logins(world)


def test_two_renamings_while_the_operator_is_down_leave_one_secret(world: World) -> None:
    token = start(world)
    world.operators[-1].kill()
    target(world, name="beta-token")
    assert -9 == world.operator(wait=False, DIE_AT="after-publish").wait_dead()
    target(world, name="gamma-token")
    world.operator()
    world.until(lambda: world.token("gamma-token") == token, "the newest name")
    world.until(lambda: world.target() is None and world.target("beta-token") is None, "the others are removed")
    assert 1 == logins(world)


def test_a_renamed_target_whose_token_is_dead_stays_until_there_is_a_new_one(world: World) -> None:
    world.operator()
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    world.grant(world.sandbox.request_token("AB1234", app.api_key))
    world.wait("SessionActive")
    token = world.token()
    world.sandbox.master_logout("AB1234")
    world.clock.move(301)
    world.wait("LoginRequired")
    target(world, name="beta-token")
    world.until(
        lambda: (
            world.status()["observedGeneration"]
            == world.api.get(world.path("kitecredentials", "alpha"))["metadata"]["generation"]
        ),
        "seen",
    )
    assert (token, "alpha-token", None) == (world.token(), world.status()["secretName"], world.target("beta-token"))
    world.grant(world.sandbox.request_token("AB1234", app.api_key), "login-2")
    world.until(lambda: world.token("beta-token") not in ("", token), "the new token")
    world.until(lambda: world.target() is None, "the old Secret is removed")


def test_a_former_secret_that_somebody_took_over_is_not_removed(world: World) -> None:
    token = start(world)
    labels = {f"{GROUP}/role": None, f"{GROUP}/credential": None}
    world.operators[-1].kill()
    world.api.patch(world.path("secrets", "alpha-token"), {"metadata": {"labels": labels}})
    target(world, name="beta-token")
    world.operator()
    world.until(lambda: world.token("beta-token") == token and settled(world), "renamed")
    world.settle()
    assert token == world.token()


def test_a_renamed_target_is_retained_and_marked_once_its_token_is_dead(world: World) -> None:
    token = start(world, deletionPolicy="Retain")
    target(world, name="beta-token")
    world.until(lambda: world.token("beta-token") == token, "the new Secret")
    world.until(lambda: annotation(world, "replaced-by") == "beta-token", "told on the old one")
    world.until(lambda: settled(world), "settled")
    assert (token, "Live", "alpha") == (
        world.token(),
        annotation(world, "token-state"),
        metadata(world)["labels"][f"{GROUP}/credential"],
    )
    world.operators[-1].kill()
    world.operator()
    world.annotate(refresh="1")
    world.until(lambda: world.status().get("lastHandledRefresh") == "1", "looked at by the new operator")
    world.settle(0.5)  # the watch tells what there is besides
    world.sandbox.master_logout("AB1234")
    world.clock.move(301)
    world.until(lambda: annotation(world, "token-state") == "Dead", "marked")
    world.until(lambda: world.token("beta-token") not in ("", token), "a new token")
    assert (token, 2) == (world.token(), logins(world))


def test_a_retained_secret_of_an_earlier_day_is_marked_after_the_flush(world: World) -> None:
    start(world, deletionPolicy="Retain")
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"suspend": True}})
    world.wait("Suspended")
    target(world, name="beta-token")
    world.clock.move(86400)
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"suspend": None}})
    world.until(lambda: world.token("beta-token") != "", "a new token under the new name")
    world.until(lambda: annotation(world, "token-state") == "Dead", "marked")


def test_a_renaming_that_is_taken_back_uses_the_retained_secret_again(world: World) -> None:
    token = start(world, deletionPolicy="Retain")
    target(world, name="beta-token")
    world.until(lambda: annotation(world, "replaced-by") == "beta-token", "renamed")
    world.until(lambda: settled(world), "settled")
    target(world, name="alpha-token")
    world.until(lambda: annotation(world, "replaced-by", "beta-token") == "alpha-token", "renamed back")
    world.until(lambda: settled(world), "settled")
    assert (token, "", 1) == (world.token(), annotation(world, "replaced-by"), logins(world))


def test_labels_and_annotations_go_with_the_spec_and_foreign_ones_stay(world: World) -> None:
    token = start(world, labels={"desk": "a", "team": "x"}, annotations={"note": "one"})
    foreign = {"labels": {"theirs": "1"}, "annotations": {"theirs": "2"}}
    world.api.patch(world.path("secrets", "alpha-token"), {"metadata": foreign})
    world.settle(0.3)
    target(world, labels={"team": "y", "desk": None}, annotations=None)
    world.until(lambda: metadata(world)["labels"].get("team") == "y", "the new value")
    found = metadata(world)
    assert ("desk" in found["labels"], "note" in found["annotations"]) == (False, False)
    assert ("1", "2") == (found["labels"]["theirs"], found["annotations"]["theirs"])
    world.until(lambda: settled(world), "settled")
    assert (token, 1) == (world.token(), logins(world))


def test_a_record_of_metadata_that_somebody_changed_is_restored(world: World) -> None:
    token = start(world, labels={"desk": "a"})
    wrong = json.dumps({"labels": [f"{GROUP}/role", "theirs"], "annotations": 7, "version": "x"})
    patch = {"labels": {"theirs": "1"}, "annotations": {f"{GROUP}/managed-metadata": wrong}}
    world.api.patch(world.path("secrets", "alpha-token"), {"metadata": patch})
    world.until(lambda: "desk" in annotation(world, "managed-metadata"), "restored")
    assert ("target", "a", "1") == tuple(metadata(world)["labels"][k] for k in (f"{GROUP}/role", "desk", "theirs"))
    assert (token, 1) == (world.token(), logins(world))


def test_an_old_copy_of_the_secret_that_is_put_back_again_and_again_is_a_fight(world: World) -> None:
    start(world)
    old = world.api.get(world.path("secrets", "alpha-token"))
    target(world, format=["json"])
    world.until(lambda: set(world.target() or {}) == {"token.json"} and settled(world), "edited")
    for _ in range(4):
        data = {**old["data"], "token.json": None}
        annotations = old["metadata"]["annotations"]
        world.api.patch(world.path("secrets", "alpha-token"), {"data": data, "metadata": {"annotations": annotations}})
        world.until(
            lambda: "token.json" in (world.target() or {}) or world.condition()[1] == "TargetContested", "looked at"
        )
        world.settle(0.2)
    world.wait("TargetContested")
    assert 1 == logins(world)


def test_a_tampered_format_is_healed_from_the_state_secret(world: World) -> None:
    start(world, format=["file"])
    before = world.target()
    wrong = base64.b64encode(b"KITE_ACCESS_TOKEN=$(id)\n").decode()
    world.api.patch(world.path("secrets", "alpha-token"), {"data": {"kite.env": wrong}})
    world.until(lambda: world.target() == before, "restored")
    world.until(lambda: "TargetDrifted" in world.events(), "told")
    assert 1 == logins(world)


@BOTH_WORLDS
def test_a_session_of_somebody_else_in_the_secret_is_not_taken_over(world: World) -> None:
    token = start(world, deletionPolicy="Retain")
    world.operators[-1].kill()
    other = world.sandbox.add_account("CD5678")
    world.secrets_made += [other.password, other.totp_secret]
    theirs = world.sandbox.login_elsewhere("CD5678", (world.target() or {})["api_key"])
    data = {"access_token": base64.b64encode(theirs.encode()).decode()}
    world.api.patch(world.path("secrets", "alpha-token"), {"data": data})
    world.api.delete(world.path("secrets", "alpha-kite-state"))
    world.clock.move(NEXT_WINDOW)
    world.operator()
    world.until(lambda: world.token() not in ("", theirs) and settled(world), "a token of its own")
    assert world.gives_the_same_token() is (world.token() == token)
    assert "WrongAccount" in world.events()
    assert 2 == logins(world)
    world.assert_nothing_leaked(token, theirs)


@pytest.fixture
def unvalidated(sandbox: Sandbox, tmp_path: Path) -> Iterator[World]:
    """A world whose API server knows the CRD without any of its rules."""
    crd = yaml.safe_load((CRD_FOLDER / "kitecredentials.yaml").read_text())
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = {
        "type": "object",
        "properties": {
            part: {"type": "object", "x-kubernetes-preserve-unknown-fields": True} for part in ("spec", "status")
        },
    }
    crd["spec"]["versions"][0].pop("selectableFields")
    with ControlPlane.start(Options()) as plane:
        kubectl = Kubectl(plane)
        kubectl("apply", "--server-side", "--filename", "-", input=yaml.safe_dump(crd))
        kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/kitecredentials.kite-operator.dev")
        with namespace_in(kubectl, "trading") as namespace:
            clock = TestClock.at_start(sandbox, tmp_path)
            world = World(Api(plane.kubeconfig), namespace, sandbox, clock, plane.kubeconfig, tmp_path)
            try:
                yield world
                world.assert_nothing_leaked()
            finally:
                world.close()


def test_source_and_target_mixed_up_are_refused_without_the_server_too(unvalidated: World) -> None:
    world = unvalidated
    app, account = world.broker()
    mixed = {
        "app": ("mixed-app", "mixed-login", "mixed-app"),
        "login": ("mixed-app", "mixed-login", "mixed-login"),
        "state": ("mixed-app", "mixed-login", "state-kite-state"),
        "stateapp": ("stateapp-kite-state", "mixed-login", "stateapp-token"),
        "statelogin": ("mixed-app", "statelogin-kite-state", "statelogin-token"),
    }
    values = {"api_key": app.api_key, "api_secret": app.api_secret}
    factors = {"password": account.password, "totp_secret": account.totp_secret}
    everything = {**values, **factors}
    names = {name for entry in mixed.values() for name in entry if not name.endswith("-token")}
    for name in names:
        world.secret(name, **everything)
    # Even their owner's word does not make sources a target.
    adoption = {"annotations": {f"{GROUP}/adopt-by": "app"}}
    world.api.patch(world.path("secrets", "mixed-app"), {"metadata": adoption})
    before = {name: world.api.get(world.path("secrets", name)) for name in names}
    world.operator()
    for name, (app_secret, login_secret, token_secret) in mixed.items():
        world.credential(
            name,
            appSecretRef={"name": app_secret},
            login={"mode": "TOTP", "totp": {"secretRef": {"name": login_secret}}},
            target={"name": token_secret},
        )
    for name in mixed:
        world.wait("InvalidSpec", name=name)
    assert before == {name: world.api.get(world.path("secrets", name)) for name in names}
    assert 0 == sum(world.sandbox.counters("AB1234").calls.values())
