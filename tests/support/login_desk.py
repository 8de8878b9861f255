"""The login page in this process: a cluster in memory, a clock that stands still, and a browser's manners."""

import base64
import html
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookies import BaseCookie
from typing import Any

from aiohttp import ClientResponse, CookieJar
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from kite_operator.cluster.api import Manifest, credentials_path, secrets_path
from kite_operator.cluster.keyring import Keyring
from kite_operator.cluster.reviews import ACCESS_REVIEWS
from kite_operator.login.context import PageContext
from kite_operator.login.server import make_login_app, page_context
from kite_operator.model.conditions import Condition
from kite_operator.model.resource import LastLogin, Status
from kite_operator.model.sensitive import Sensitive
from kite_operator.record.status import manifest_of
from kite_operator.settings import Settings
from support.broker_fakes import FakeClock
from support.facts import API_KEY, API_SECRET, body
from support.memory_cluster import MemoryCluster

PASSPHRASE = "made-up passphrase of a desk"
PUBLIC = "https://desk.example/kite"
PAGE = "/kite/login/desk/alpha"
TOKEN = "requesttoken0123456789abcdefghij"
KEYRING = Keyring(Sensitive(base64.b64encode(b"k" * 32).decode()))
FROM_HERE = {"Sec-Fetch-Site": "same-origin"}


class ReviewingCluster(MemoryCluster):
    """With an API server that lets the people of `allowed` create Secrets, by name or group, in a namespace."""

    def __init__(self) -> None:
        super().__init__()
        self.allowed: set[tuple[str, str]] = set()
        self.reviews: list[dict[str, Any]] = []

    async def create(self, path: str, manifest: Mapping[str, Any]) -> Manifest:
        if path != ACCESS_REVIEWS:
            return await super().create(path, manifest)
        spec = manifest["spec"]
        self.reviews.append(spec)
        namespace = spec["resourceAttributes"]["namespace"]
        names = {spec["user"], *spec["groups"]}
        return {"status": {"allowed": any((name, namespace) in self.allowed for name in names)}}


@dataclass
class Setup:
    """The page and everything around it; `browser` keeps cookies, `said` what was counted."""

    cluster: ReviewingCluster
    clock: FakeClock
    context: PageContext
    browser: "TestClient"  # type: ignore[type-arg]  # generic only in newer releases of aiohttp
    said: list[str] = field(default_factory=list)

    async def get(self, path: str, **headers: str) -> ClientResponse:
        """Open a page; redirects are not followed."""
        return await self.browser.get(path, headers=headers, allow_redirects=False)

    async def post(
        self, path: str, fields: Mapping[str, str], headers: Mapping[str, str] = FROM_HERE
    ) -> ClientResponse:
        """Send a form."""
        return await self.browser.post(path, data=fields, headers=headers, allow_redirects=False)

    async def mark(self, path: str = "/kite/") -> dict[str, str]:
        """The hidden field of the forms of a page."""
        return {"form_token": hidden(await (await self.get(path)).text())["form_token"]}

    async def enter(self, passphrase: str = PASSPHRASE, following: str = "/") -> ClientResponse:
        """Type the passphrase."""
        return await self.post("/kite/enter", await self.mark() | {"passphrase": passphrase, "next": following})

    async def start(self, path: str = PAGE) -> str:
        """Press the button; gives where it leads."""
        answer = await self.post(path, await self.mark(path))
        assert 303 == answer.status, await answer.text()
        return str(answer.headers["Location"])

    async def state(self) -> str:
        """Begin a login; gives its state."""
        found = re.search(r"state%3D([^&]*)", await self.start())
        assert found is not None
        return found[1]

    async def come_back(self, state: str, token: str = TOKEN, **more: str) -> str:
        """Kite sends the browser to the callback; gives where that leads."""
        query = {"request_token": token, "status": "success", "state": state, **more}
        answer = await self.browser.get("/kite/callback", params=query, allow_redirects=False)
        assert 303 == answer.status
        assert "" == await answer.text()
        return str(answer.headers["Location"])

    def grants(self) -> dict[str, str]:
        """The request_tokens that were handed over, by the name of the grant."""
        return {
            name.rpartition("/")[2]: base64.b64decode(each["data"]["request_token"]).decode()
            for name, each in self.cluster.objects.items()
            if each.get("type") == "kite-operator.dev/login-grant"
        }

    def put_status(self, status: Status, name: str = "alpha") -> None:
        """What the operator has written."""
        self.put_credential(name, status)

    def put_credential(self, name: str = "alpha", status: Status | None = None, **spec: Any) -> None:
        """A credential of mode Manual that waits for a login, unless the status says otherwise."""
        whole = body("Manual", name)
        whole["spec"] |= {"redirectURL": f"{PUBLIC}/callback", **spec}
        waits = Status(
            conditions=tuple(Condition(kind, "True", "LoginRequired", "log in") for kind in ("LoginRequired",))
        )
        self.cluster.put(credentials_path("desk", name), whole | {"status": manifest_of(status or waits)})


def put_secret(cluster: MemoryCluster, namespace: str, name: str, **values: str) -> None:
    """A Secret with these values."""
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    cluster.put(secrets_path(namespace, name), {"data": data})


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of a page's forms."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
    return {name: html.unescape(value) for name, value in found}


@asynccontextmanager
async def open_desk(**settings: Any) -> AsyncIterator[Setup]:
    """The page, served on loopback; by default with a passphrase, which has not been entered."""
    cluster, clock, said = ReviewingCluster(), FakeClock(), list[str]()
    chosen = {"login_listen": "127.0.0.1:1", "login_public_url": PUBLIC, "account_namespace": "kite"} | settings
    put_secret(cluster, "kite", "kite-login-passphrase", passphrase=PASSPHRASE)
    put_secret(cluster, "desk", "alpha-app", api_key=API_KEY, api_secret=API_SECRET)
    context = page_context(Settings(**chosen), cluster, KEYRING, clock, said.append)
    server = TestServer(make_login_app(context))
    await server.start_server(access_log=None)  # as the operator serves it
    # Cookies are Secure, and the test server speaks http.
    async with TestClient(server, cookie_jar=_Everything(unsafe=True)) as browser:
        desk = Setup(cluster, clock, context, browser, said)
        desk.put_credential()
        yield desk


_NOWHERE = URL("http://127.0.0.1")


class _Everything(CookieJar):
    """Sends Secure cookies over loopback http, as browsers do."""

    def filter_cookies(self, request_url: URL = _NOWHERE) -> "BaseCookie[str]":
        return super().filter_cookies(request_url.with_scheme("https"))


def last_login(grant: str, reason: str) -> LastLogin:
    """What became of a login."""
    return LastLogin(grant, reason, "", FakeClock().wall)
