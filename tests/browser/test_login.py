"""A person, a real Chromium, the operator's login page and Kite's: every way that a login can go."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Error, Page, Request, Response, expect

from support.login_page import PASSPHRASE, LoginPage, desk, serve_login_page
from support.sandbox import SandboxAccount, SandboxApp
from support.world import World


@dataclass(frozen=True, slots=True)
class LoginSetup:
    """A credential that waits, its page, and who may log in for it."""

    world: World
    served: LoginPage
    app: SandboxApp
    account: SandboxAccount

    @property
    def address(self) -> str:
        return self.served.of("alpha", self.world.namespace)

    def grants(self) -> int:
        items = self.world.api.get(self.world.path("secrets"))["items"]
        return len([each for each in items if each.get("type") == "kite-operator.dev/login-grant"])


@pytest.fixture
def setup(world: World) -> Iterator[LoginSetup]:
    served = serve_login_page(world)
    app, account = desk(world, served)
    yield LoginSetup(world, served, app, account)
    tokens = re.findall(r"request_token=([A-Za-z0-9]+)", world.logs())
    assert [] == tokens


def heading(page: Page, text: str) -> None:
    """The page has this heading, at last."""
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def enter(page: Page, address: str, passphrase: str = PASSPHRASE) -> None:
    page.goto(address)
    heading(page, "Passphrase")
    page.get_by_label("Passphrase").fill(passphrase)
    page.get_by_role("button", name="Continue").click()


def go_to_kite(page: Page, setup: LoginSetup) -> None:
    enter(page, setup.address)
    page.get_by_role("button", name="Log in at Kite").click()
    heading(page, "Log in")


def log_in_at_kite(page: Page, setup: LoginSetup, password: str = "", client_id: str = "AB1234") -> None:
    page.get_by_label("Client ID").fill(client_id)
    page.get_by_label("Password").fill(password or setup.account.password)
    page.get_by_role("button", name="Log in").click()


def give_code(page: Page, setup: LoginSetup) -> None:
    heading(page, "Second factor")
    page.get_by_label("TOTP code").fill(setup.account.code(setup.world.sandbox.now()))
    page.get_by_role("button", name="Continue").click()


def test_a_person_logs_in(setup: LoginSetup, page: Page) -> None:
    enter(page, setup.served.public)
    heading(page, "Waiting for a login")
    page.get_by_role("link", name="alpha").click()
    heading(page, "Log in for alpha")
    page.get_by_role("button", name="Log in at Kite").click()
    log_in_at_kite(page, setup)
    give_code(page, setup)
    heading(page, "You are logged in")
    expect(page.get_by_role("status")).to_contain_text("valid until 06:00 Indian time on")
    assert "AB1234" == (setup.world.target() or {})["user_id"]


def test_no_token_is_in_an_address_a_page_or_a_referrer_but_on_its_one_way_back(setup: LoginSetup, page: Page) -> None:
    requests: list[Request] = []
    answers: list[Response] = []
    page.on("request", lambda request: requests.append(request))  # noqa: PLW0108 - Playwright wraps functions only
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - Playwright wraps functions only
    go_to_kite(page, setup)
    log_in_at_kite(page, setup)
    give_code(page, setup)
    heading(page, "You are logged in")
    back = [each for each in requests if each.url.startswith(setup.served.callback)]
    assert 1 == len(back)
    found = re.search(r"request_token=([A-Za-z0-9]+)", back[0].url)
    assert found is not None
    for request in requests:
        assert request is back[0] or found[1] not in request.url
        assert found[1] not in request.all_headers().get("referer", "")
    assert found[1] not in page.content()
    assert "/result/" in page.url
    history = page.evaluate("performance.getEntriesByType('navigation').map(each => each.name)")
    assert found[1] not in str(history)
    for request in requests:
        if request.url.startswith(setup.served.public):
            assert setup.app.api_key not in str(request.all_headers())
    mine = [each for each in answers if each.url.startswith(setup.served.public)]
    assert {"no-store"} == {each.headers["cache-control"] for each in mine if "style.css" not in each.url}


def test_a_person_who_is_logged_in_at_kite_already_comes_straight_back(setup: LoginSetup, page: Page) -> None:
    go_to_kite(page, setup)
    log_in_at_kite(page, setup)
    give_code(page, setup)
    heading(page, "You are logged in")
    page.goto(setup.address)
    page.get_by_role("button", name="Log in at Kite anyway").click()
    heading(page, "A login was not needed")


def test_a_person_declines(setup: LoginSetup, page: Page) -> None:
    setup.world.sandbox.switch("AB1234", consent_pending=True)
    go_to_kite(page, setup)
    log_in_at_kite(page, setup)
    give_code(page, setup)
    page.get_by_role("button", name="Decline").click()
    heading(page, "You declined the login")
    assert 0 == setup.grants()
    page.get_by_role("link", name="Log in again").click()
    heading(page, "Log in for alpha")


def test_the_first_time_a_person_consents(setup: LoginSetup, page: Page) -> None:
    setup.world.sandbox.switch("AB1234", consent_pending=True)
    go_to_kite(page, setup)
    log_in_at_kite(page, setup)
    give_code(page, setup)
    heading(page, f"Authorise {setup.app.api_key}?")
    page.get_by_role("button", name="Authorise").click()
    heading(page, "You are logged in")


def test_a_wrong_password_is_told_by_kite_and_the_next_one_counts(setup: LoginSetup, page: Page) -> None:
    go_to_kite(page, setup)
    log_in_at_kite(page, setup, password="wrong")
    expect(page.get_by_role("alert")).to_be_visible()
    log_in_at_kite(page, setup)
    give_code(page, setup)
    heading(page, "You are logged in")


def test_the_login_of_another_client_is_told(setup: LoginSetup, page: Page) -> None:
    other = setup.world.sandbox.add_account("ZZ9999")
    go_to_kite(page, setup)
    log_in_at_kite(page, setup, password=other.password, client_id="ZZ9999")
    heading(page, "Second factor")
    page.get_by_label("TOTP code").fill(other.code(setup.world.sandbox.now()))
    page.get_by_role("button", name="Continue").click()
    heading(page, "That was another account")
    assert setup.world.target() is None


def test_a_login_that_took_longer_than_five_minutes_changes_nothing(setup: LoginSetup, page: Page) -> None:
    go_to_kite(page, setup)
    setup.world.clock.move(301)
    log_in_at_kite(page, setup)
    give_code(page, setup)
    heading(page, "This login took too long")
    assert 0 == setup.grants()
    assert "lastLogin" not in setup.world.status()


def test_two_tabs_do_not_disturb_each_other(setup: LoginSetup, context: BrowserContext, page: Page) -> None:
    bravo, bravo_account = desk(setup.world, setup.served, "bravo", "CD5678")
    assert bravo.redirect_url == setup.served.callback
    go_to_kite(page, setup)
    second = context.new_page()
    second.goto(setup.served.of("bravo", setup.world.namespace))
    second.get_by_role("button", name="Log in at Kite").click()
    heading(second, "Log in")
    log_in_at_kite(page, setup)
    give_code(page, setup)
    heading(page, "You are logged in")
    # The browser is now logged in at Kite as AB1234: the other person logs in over it.
    second.get_by_label("Client ID").fill("CD5678")
    second.get_by_label("Password").fill(bravo_account.password)
    second.get_by_role("button", name="Log in").click()
    heading(second, "Second factor")
    second.get_by_label("TOTP code").fill(bravo_account.code(setup.world.sandbox.now()))
    second.get_by_role("button", name="Continue").click()
    heading(second, "You are logged in")
    assert "CD5678" == (setup.world.target("bravo-token") or {})["user_id"]


def test_the_back_button_begins_nothing_and_spoils_nothing(setup: LoginSetup, page: Page) -> None:
    go_to_kite(page, setup)
    log_in_at_kite(page, setup)
    give_code(page, setup)
    heading(page, "You are logged in")
    token = setup.world.token()
    with contextlib.suppress(Error):  # a form of Kite's, which the browser does not send again by itself
        page.go_back()
    heading(page, "Confirm Form Resubmission")
    page.go_back()
    # Kite knows the browser by now, and sends it on at once: with the state of the login that was used.
    heading(page, "This login was used, or started in another browser")
    setup.world.settle()
    assert token == setup.world.token()
    assert 0 == setup.grants()
    assert 1 == setup.world.sandbox.counters("AB1234").count("session_token")


def test_a_wrong_passphrase_is_told_and_the_right_one_still_opens(setup: LoginSetup, page: Page) -> None:
    enter(page, setup.address, "wrong")
    expect(page.get_by_role("alert")).to_contain_text("That is not the passphrase")
    expect(page.get_by_label("Passphrase")).to_be_focused()
    page.get_by_label("Passphrase").fill(PASSPHRASE)
    page.keyboard.press("Enter")
    heading(page, "Log in for alpha")


def test_signing_out_closes_the_page(setup: LoginSetup, page: Page) -> None:
    enter(page, setup.served.public)
    page.get_by_role("button", name="Sign out").click()
    heading(page, "Passphrase")


def test_the_keyboard_alone_is_enough(setup: LoginSetup, page: Page) -> None:
    page.goto(setup.served.public)
    expect(page.locator("input[type=password]")).to_be_focused()  # the browser does it a moment after the page is there
    page.keyboard.type(PASSPHRASE)
    page.keyboard.press("Enter")
    heading(page, "Waiting for a login")
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "alpha":
            break
    page.keyboard.press("Enter")
    heading(page, "Log in for alpha")
    expect(page.get_by_role("button", name="Log in at Kite")).to_be_focused()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert "solid" == outline
    page.keyboard.press("Enter")
    heading(page, "Log in")


def test_where_nothing_answers_a_person_pastes_the_address(world: World, context: BrowserContext, page: Page) -> None:
    served = serve_login_page(world)
    app, account = world.broker(redirect_url="http://127.0.0.1:9/done")
    world.sources(app, account)
    world.credential(mode="Manual", redirectURL="http://127.0.0.1:9/done")
    world.wait("LoginRequired")
    setup = LoginSetup(world, served, app, account)
    enter(page, setup.address)
    with context.expect_page() as opened:
        page.get_by_role("button", name=re.compile("Log in at Kite")).click()
    kite = opened.value
    heading(kite, "Log in")
    log_in_at_kite(kite, setup)
    heading(kite, "Second factor")
    kite.get_by_label("TOTP code").fill(account.code(world.sandbox.now()))
    with kite.expect_request("http://127.0.0.1:9/**") as asked:
        kite.get_by_role("button", name="Continue").click()
    page.get_by_label("The address that Kite sent you to").fill("nonsense")
    page.get_by_role("button", name="Finish the login").click()
    expect(page.get_by_role("alert")).to_contain_text("That is not a whole address")
    page.get_by_label("The address that Kite sent you to").fill(asked.value.url)
    page.get_by_role("button", name="Finish the login").click()
    heading(page, "You are logged in")


@pytest.mark.parametrize("width", [320, 390])
def test_on_a_phone_nothing_is_cut_off_and_every_target_is_large_enough(
    setup: LoginSetup, page: Page, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 700})

    def fits() -> None:
        assert width >= page.evaluate("document.documentElement.scrollWidth")
        for button in page.get_by_role("button").all():
            box = button.bounding_box()
            assert box is not None
            assert box["height"] >= 40

    page.goto(setup.address)
    fits()
    enter(page, setup.address)
    heading(page, "Log in for alpha")
    page.get_by_text("Kite did not bring you back here?").click()
    fits()
    page.goto(setup.served.public)
    heading(page, "Waiting for a login")
    fits()
    page.goto(setup.address)
    page.get_by_role("button", name="Log in at Kite").click()
    log_in_at_kite(page, setup)
    give_code(page, setup)
    heading(page, "You are logged in")
    fits()


def test_without_scripts_everything_works(setup: LoginSetup, page: Page) -> None:
    sources = Path(__file__).parents[2] / "operator/kite_operator/login/templates"
    assert not [file for file in sources.iterdir() if "<script" in file.read_text()]
    policies = []
    page.on("response", lambda answer: policies.append(answer.headers.get("content-security-policy", "")))
    enter(page, setup.address)
    heading(page, "Log in for alpha")
    assert policies
    assert all("default-src 'none'" in policy and "script-src" not in policy for policy in policies)
