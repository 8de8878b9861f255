"""The pictures of docs/login-page.md: `make screenshots` renews them, and every run makes them anew somewhere else."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from support.controlplane import Kubectl, namespace_in
from support.documents import ROOT
from support.documents import page as document
from support.login_page import PASSPHRASE, LoginPage, desk, serve_login_page
from support.world import World

NAMES = ("list", "credential", "result", "paste", "phone")
LARGEST_BYTES = 120_000


@pytest.fixture
def namespace(kubectl: Kubectl) -> Iterator[str]:
    """A name that is fit to be seen."""
    with namespace_in(kubectl, "trading-desk") as name:
        yield name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    wanted = os.environ.get("SCREENSHOTS")
    return ROOT / wanted if wanted else tmp_path


def log_in(page: Page, world: World, served: LoginPage) -> None:
    """As client AB1234, from the page of `alpha` on."""
    account = world.sandbox.add_account("AB1234")
    page.goto(served.of("alpha", world.namespace))
    page.get_by_role("button", name="Log in at Kite").click()
    page.get_by_label("Client ID").fill("AB1234")
    page.get_by_label("Password").fill(account.password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("TOTP code").fill(account.code(world.sandbox.now()))
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are logged in")


def test_the_pictures_of_the_documentation(world: World, page: Page, folder: Path) -> None:
    served = serve_login_page(world)
    for name, client in (("alpha", "AB1234"), ("bravo", "CD5678")):
        desk(world, served, name, client)
    app, account = world.broker("EF9012")
    world.sources(app, account, "charlie")
    world.credential("charlie", "EF9012", "Manual", schedule={"readyBy": "09:00"})
    world.wait("LoginRequired", name="charlie")

    def take(name: str) -> None:
        file = folder / f"login-{name}.png"
        page.screenshot(path=file, full_page=True)
        assert 1000 < file.stat().st_size < LARGEST_BYTES

    page.set_viewport_size({"width": 760, "height": 420})
    page.goto(served.public)
    page.get_by_label("Passphrase").fill(PASSPHRASE)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("link", name="charlie")).to_be_visible()
    take("list")
    page.goto(served.of("alpha", world.namespace))
    take("credential")
    page.goto(served.of("charlie", world.namespace))
    take("paste")
    log_in(page, world, served)
    take("result")
    page.set_viewport_size({"width": 390, "height": 700})
    page.goto(served.of("bravo", world.namespace))
    take("phone")


def test_every_picture_is_shown_and_every_shown_one_is_there() -> None:
    shown = re.findall(r"\(img/login-([a-z]+)\.png\)", document("docs/login-page.md"))
    assert sorted(NAMES) == sorted(shown)
    assert sorted(f"login-{name}.png" for name in NAMES) == sorted(
        each.name for each in (ROOT / "docs/img").glob("login-*")
    )
