"""The health checks for Argo CD and Flux, by their own libraries, on KiteCredentials in every state."""

import re
from pathlib import Path
from typing import Any

import pytest

from kite_operator.model.reasons import Reason
from support.gitops import judge
from support.world import World

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "gitops.md").read_text()


def found(world: World, name: str) -> dict[str, Any]:
    return world.api.get(world.path("kitecredentials", name))


def health(*objects: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each.argo, each.flux) for each in judge(objects)]


def test_real_ones_in_every_state(world: World) -> None:
    world.operator()
    world.alpha("works", "AB1001")
    world.alpha("by-hand", "AB1002", mode="Manual")
    world.alpha("paused", "AB1003", suspend=True)
    app, account = world.broker("AB1004")
    world.sources(app, account, "wrong", password="made-up-and-wrong-1")
    world.secrets_made.append("made-up-and-wrong-1")
    world.credential("wrong", "AB1004")
    world.credential("bare", "AB1005")
    world.alpha("stored", "AB1006", target={"name": "works-app"})
    reasons = {
        "works": "SessionActive",
        "by-hand": "LoginRequired",
        "paused": "Suspended",
        "wrong": "PasswordRejected",
        "bare": "AppSecretNotFound",
        "stored": "TargetNotOwned",
    }
    for name, reason in reasons.items():
        world.wait(reason, name=name, within=60)
    verdicts = dict(zip(reasons, judge([found(world, name) for name in reasons]), strict=True))
    assert {
        "works": ("Healthy", "Current", "Current"),
        "by-hand": ("Suspended", "Current", "InProgress"),
        "paused": ("Suspended", "Current", "InProgress"),
        "wrong": ("Degraded", "Failed", "InProgress"),
        "bare": ("Degraded", "Failed", "InProgress"),
        "stored": ("Degraded", "Failed", "InProgress"),
    } == {name: (each.argo, each.flux, each.kstatus) for name, each in verdicts.items()}
    assert "SessionActive: the token works" == verdicts["works"].argo_message[:30]
    assert verdicts["wrong"].argo_message.startswith("PasswordRejected: ")


def test_real_ones_that_the_operator_has_yet_to_look_at(world: World) -> None:
    world.alpha()
    (fresh,) = judge([found(world, "alpha")])
    assert ("Progressing", "Current") == (fresh.argo, fresh.kstatus)
    assert fresh.flux.startswith("error: ")  # which Flux takes as not known yet, and goes on waiting
    world.operator()
    world.wait("SessionActive")
    world.operators[-1].kill()
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"probe": {"interval": "7m"}}})
    (behind,) = judge([found(world, "alpha")])
    assert ("Progressing", "InProgress", "InProgress") == (behind.argo, behind.flux, behind.kstatus)


def test_a_real_one_while_the_broker_is_away(world: World) -> None:
    world.sandbox.fault("login", "html_503")
    world.operator()
    world.alpha()
    world.wait("BrokerUnavailable")
    assert [("Progressing", "InProgress")] == health(found(world, "alpha"))


def judged(reason: str, status: str = "False", blocked: str = "False") -> dict[str, Any]:
    conditions = [
        {"type": "Authenticated", "status": "False", "reason": "TokenDead", "message": ""},
        {"type": "Ready", "status": status, "reason": reason, "message": "made up"},
        {"type": "Blocked", "status": blocked, "reason": reason, "message": ""},
    ]
    return {
        "apiVersion": "kite-operator.dev/v1alpha1",
        "kind": "KiteCredential",
        "metadata": {"name": "alpha", "namespace": "desk", "generation": 3},
        "status": {"observedGeneration": 3, "conditions": conditions},
    }


def documented() -> dict[str, tuple[str, str]]:
    """By reason, what the table of the page promises; a row without reasons is not one of it."""
    rows = re.findall(r"^\| (`.*`) \| (\w+) \| (\w+) \|$", PAGE, re.MULTILINE)
    return {reason: (argo, flux) for names, argo, flux in rows for reason in re.findall(r"`(\w+)`", names)}


def test_every_reason_is_judged_as_the_page_says() -> None:
    table = documented()
    assert set(table) <= {each.value for each in Reason}
    expected = {each.value: table.get(each.value, ("Degraded", "Failed")) for each in Reason}
    assert expected == dict(zip(expected, health(*(judged(reason) for reason in expected)), strict=True))


def test_a_working_token_is_healthy_whatever_else_is_the_matter_but_for_a_suspension() -> None:
    reasons = [each.value for each in Reason if each is not Reason.SUSPENDED]
    assert {("Healthy", "Current")} == set(health(*(judged(reason, status="True") for reason in reasons)))
    assert [("Suspended", "Current")] == health(judged("Suspended", status="True"))


def test_a_block_is_worse_than_what_passes_by_itself() -> None:
    assert [("Degraded", "Failed")] == health(judged("LoginInProgress", blocked="True"))


@pytest.mark.parametrize("status", [{}, {"observedGeneration": 3}, {"observedGeneration": 3, "conditions": []}])
def test_a_status_that_says_nothing_yet_is_on_the_way(status: dict[str, Any]) -> None:
    (verdict,) = judge([judged("SessionActive") | {"status": status}])
    assert "Progressing" == verdict.argo
    assert verdict.flux == "InProgress" or verdict.flux.startswith("error: ")


def test_one_that_is_being_deleted_is_on_the_way() -> None:
    gone = judged("SessionActive", status="True")
    gone["metadata"]["deletionTimestamp"] = "2026-03-02T06:30:00Z"
    assert ["Progressing"] == [each.argo for each in judge([gone])]
