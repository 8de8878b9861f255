"""Every panel of every dashboard has something to show: real operator, real Prometheus, one morning at a desk."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from browser.conftest import chromium
from dashboards.__main__ import FOLDER
from support import dashboard_picture
from support.controlplane import Kubectl, namespace_in
from support.dashboard_day import Answered, answered, lines
from support.documents import ROOT
from support.documents import page as document
from support.scripted_day import morning
from support.world import World

__all__ = ["chromium"]

LARGEST_BYTES = 300_000
CHOSEN = {
    "kite-operator-overview": {"name": ".*"},
    "kite-operator-credential": {"name": "stormy"},
    "kite-operator-internals": {"job": ".*", "instance": ".*"},
}
MAY_BE_EMPTY = {
    "Errors of passes, by kind": "no pass fails in a morning without a defect",
    "Failed requests": "the API server was well, and no right was missing",
    "Login page": "the page was off",
    "Reports of dead tokens": "no pod reported",
    "Rollout restarts": "no credential had spec.rollout",
}
NOT_READY = {"mistyped", "lapsed", "nobody"}


@pytest.fixture
def namespace(kubectl: Kubectl) -> Iterator[str]:
    """A name that is fit to be seen."""
    with namespace_in(kubectl, "desk-mumbai") as name:
        yield name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    wanted = os.environ.get("DASHBOARD_PICTURES")
    return ROOT / wanted if wanted else tmp_path


def test_every_panel_shows_the_morning_as_it_was(
    world: World, tmp_path: Path, folder: Path, request: pytest.FixtureRequest
) -> None:
    with morning(world, tmp_path) as day:
        shown = {}
        for uid, chosen in CHOSEN.items():
            dashboard = json.loads((FOLDER / f"{uid}.json").read_text())
            shown[uid] = answered(day, dashboard, {"namespace": world.namespace, **chosen})
            assert [] == [
                (each.panel["title"], ref)
                for each in shown[uid]
                for ref in each.answers
                if each.is_empty(ref) and each.panel["title"] not in MAY_BE_EMPTY
            ], uid
        assert_the_overview_is_true(shown["kite-operator-overview"])
        assert_one_replica_leads(shown["kite-operator-internals"])
        browser: Browser = request.getfixturevalue("chromium")
        view = browser.new_page(viewport={"width": dashboard_picture.WIDTH, "height": 600})
        for uid, panels in shown.items():
            view.set_content(dashboard_picture.page(day, panels))
            picture = folder / f"dashboard-{uid.removeprefix('kite-operator-')}.png"
            view.screenshot(path=picture, full_page=True)
            assert 1000 < picture.stat().st_size < LARGEST_BYTES
        view.close()


def assert_the_overview_is_true(panels: list[Answered]) -> None:
    by_title = {each.panel["title"]: each for each in panels}
    states = {line["name"]: line for line in lines(by_title["Tokens"])}
    assert NOT_READY | {"trend", "pairs", "stormy", "byhand"} == states.keys()
    assert NOT_READY == {name for name, line in states.items() if line["State"] == 0}
    assert all(line["Time left"] > 20 * 3600 for name, line in states.items() if name not in NOT_READY)
    assert {"PasswordRejected", "SubscriptionInactive", "LoginRequired"} == {
        states[name]["reason"] for name in NOT_READY
    }
    needed = {line["name"]: line for line in lines(by_title["What needs a person"])}
    assert NOT_READY == needed.keys()
    assert (1.0, 0.0) == (needed["nobody"]["Login"], needed["nobody"]["Block"])
    assert (1.0, 1.0) == (needed["mistyped"]["Block"], needed["mistyped"]["Wrong entries"])
    assert 30 * 60 < states["nobody"]["Deadline in"] < 35 * 60
    told = {title: float(each.answers["A"][0]["value"][1]) for title, each in by_title.items() if title in NUMBERS}
    assert told == NUMBERS


def assert_one_replica_leads(panels: list[Answered]) -> None:
    by_title = {each.panel["title"]: each for each in panels}
    replicas = lines(by_title["Replicas"])
    assert [0.0, 1.0] == sorted(line["Leads"] for line in replicas)
    assert [1.0, 1.0] == [line["Watches"] for line in replicas]
    assert "1" == by_title["Replicas that lead"].answers["A"][0]["value"][1]


NUMBERS = {"Credentials": 7.0, "Not ready": 3.0, "A person is needed": 3.0, "Blocked": 1.0}


def test_every_panel_that_may_be_empty_is_there_and_says_so() -> None:
    panels = [
        panel
        for uid in CHOSEN
        for panel in json.loads((FOLDER / f"{uid}.json").read_text())["panels"]
        if panel["title"] in MAY_BE_EMPTY
    ]
    assert sorted(MAY_BE_EMPTY) == sorted(panel["title"] for panel in panels)
    assert all("Empty" in panel["description"] for panel in panels)
    assert all(MAY_BE_EMPTY.values())


def test_every_picture_is_shown_and_every_shown_one_is_there() -> None:
    shown = re.findall(r"\(img/(dashboard-[a-z]+\.png)\)", document("docs/monitoring.md"))
    made = [f"dashboard-{uid.removeprefix('kite-operator-')}.png" for uid in CHOSEN]
    assert made == shown
    assert sorted(made) == sorted(each.name for each in (ROOT / "docs/img").glob("dashboard-*"))
