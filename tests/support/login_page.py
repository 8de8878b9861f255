"""A login page served by a real operator, and a person without a browser: forms by plain HTTP, cookies kept."""

import html
import re
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

import requests

from support.operators import OperatorProcess
from support.ports import free_port
from support.sandbox import Sandbox, SandboxAccount, SandboxApp
from support.world import World

PASSPHRASE = "made-up passphrase of a desk"
_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
_ACTION = re.compile(r'<form method="post" action="([^"]*)"')


@dataclass(frozen=True, slots=True)
class LoginPage:
    """Where the page is: `public` as browsers see it. The page and the sandbox are different sites, as in real life."""

    operator: OperatorProcess
    port: int
    public: str

    @property
    def callback(self) -> str:
        """The redirect URL to register for an app."""
        return f"{self.public}/callback"

    def of(self, name: str, namespace: str) -> str:
        """A credential's own page."""
        return f"{self.public}/login/{namespace}/{name}"


def serve_login_page(world: World, *arguments: str, public: str = "", port: int = 0) -> LoginPage:
    """An operator with a login page; with `public` it is another replica behind that address."""
    port = port or free_port()
    public = public or f"http://localhost:{port}"
    if "proxy" not in arguments and world.api.find(world.path("secrets", "kite-login-passphrase")) is None:
        world.secret("kite-login-passphrase", passphrase=PASSPHRASE)
        world.secrets_made.append(PASSPHRASE)
    # A person types: the code of the window that has just ended is taken too, or a test that meets its edge would fail.
    world.sandbox.switch(totp_tolerance=1)
    operator = world.operator("--login-listen", f"127.0.0.1:{port}", "--login-public-url", public, *arguments)
    return LoginPage(operator, port, public)


def desk(
    world: World, page: LoginPage, name: str = "alpha", client_id: str = "AB1234"
) -> tuple[SandboxApp, SandboxAccount]:
    """A credential of mode Manual whose app comes back to the login page, and that waits for a login."""
    app, account = world.broker(client_id, redirect_url=page.callback)
    world.sources(app, account, name)
    world.credential(name, client_id, "Manual", redirectURL=page.callback)
    world.wait("LoginRequired", name=name)
    return app, account


@dataclass(slots=True)
class Person:
    """Somebody with a browser's manners: cookies, and Sec-Fetch-Site on what they send."""

    public: str
    http: requests.Session = field(default_factory=requests.Session)
    port: int | None = None

    def __enter__(self) -> Self:
        self.http.trust_env = False
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def url(self, path: str) -> str:
        """A path of the page, or an address of it, at the replica that this person is led to."""
        address = path if "://" in path else self.public + path
        if self.port is None:
            return address
        parts = urlsplit(address)
        return parts._replace(netloc=f"{parts.hostname}:{self.port}").geturl()

    def get(self, path: str, **headers: str) -> requests.Response:
        """Open a page; redirects are not followed."""
        return self.http.get(self.url(path), headers=headers, allow_redirects=False, timeout=20)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> requests.Response:
        """Send a form, as from a page of the same origin."""
        manners = {"Sec-Fetch-Site": "same-origin", **headers}
        return self.http.post(self.url(path), data=fields, headers=manners, allow_redirects=False, timeout=20)

    def enter(self, passphrase: str = PASSPHRASE) -> requests.Response:
        """Type the passphrase into the form that the list shows."""
        return self.post("/enter", hidden(self.get("/")) | {"passphrase": passphrase})

    def start(self, path: str) -> requests.Response:
        """Press the button of a credential's page."""
        return self.post(path, {"form_token": hidden(self.get(path))["form_token"]})

    def paste(self, path: str, address: str) -> requests.Response:
        """Paste an address on a credential's page."""
        return self.post(f"{path}/paste", {"form_token": hidden(self.get(path))["form_token"], "address": address})


def hidden(page: requests.Response) -> dict[str, str]:
    """The hidden fields of a page's forms."""
    return {name: html.unescape(value) for name, value in _HIDDEN.findall(page.text)}


def at_kite(sandbox: Sandbox, client_id: str, app: SandboxApp, location: str) -> str:
    """Where Kite sends a browser that was sent to `location`, once this client has logged in there."""
    state = re.search(r"redirect_params=state%3D([^&]*)", location)
    assert state is not None
    return sandbox.redirect(client_id, app.api_key, state=state[1])
