"""One app, one account, and the unmodified official client pointed at the sandbox."""

from collections.abc import Iterator

import pytest
from kiteconnect import KiteConnect

from support.sandbox import Sandbox, SandboxAccount, SandboxApp
from support.sandbox_browser import Browser
from support.sandbox_pages import Person


@pytest.fixture
def app(sandbox: Sandbox) -> SandboxApp:
    return sandbox.add_app("contractappkey01", redirect_url="https://desk.example.com/callback")


@pytest.fixture
def account(sandbox: Sandbox) -> SandboxAccount:
    return sandbox.add_account("AB1234")


@pytest.fixture
def browser(sandbox: Sandbox) -> Iterator[Browser]:
    with Browser(sandbox) as opened:
        yield opened


@pytest.fixture
def person(sandbox: Sandbox, browser: Browser, account: SandboxAccount) -> Person:
    """The account's owner at the login pages."""
    return Person(sandbox, browser, account)


@pytest.fixture
def anonymous(sandbox: Sandbox, app: SandboxApp) -> Iterator[KiteConnect]:
    """The client before a login."""
    client = KiteConnect(app.api_key, root=sandbox.api_url)
    yield client
    client.reqsession.close()


@pytest.fixture
def client(anonymous: KiteConnect, sandbox: Sandbox, app: SandboxApp, account: SandboxAccount) -> KiteConnect:
    """The client after a login."""
    anonymous.generate_session(sandbox.request_token(account.client_id, app.api_key), app.api_secret)
    sandbox.forget_calls()
    return anonymous
