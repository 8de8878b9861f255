"""A browser at the sandbox's login host: cookies, forms, and redirects that are looked at instead of followed."""

from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from support.sandbox import Sandbox
from support.sandbox_values import SandboxAccount, SandboxApp

_TIMEOUT_S = 10.0


class Browser:
    """One cookie jar at the login host."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.http = requests.Session()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def post(self, path: str, **form: str) -> requests.Response:
        """Submit a form."""
        return self.http.post(self._sandbox.login_url + path, data=form, timeout=_TIMEOUT_S, allow_redirects=False)

    def get(self, path: str, **query: str) -> requests.Response:
        """Open a page; `path` may be a Location, relative or absolute."""
        url = urljoin(self._sandbox.login_url, path)
        return self.http.get(url, params=query, timeout=_TIMEOUT_S, allow_redirects=False)

    def password(self, account: SandboxAccount, password: str | None = None) -> requests.Response:
        """Submit the account's password, or another one."""
        return self.post("/api/login", user_id=account.client_id, password=password or account.password)

    def code(self, account: SandboxAccount, request_id: str, value: str | None = None) -> requests.Response:
        """Submit the code of the sandbox's present, or another one."""
        given = value or account.code(self._sandbox.now())
        return self.post(
            "/api/twofa", user_id=account.client_id, request_id=request_id, twofa_value=given, twofa_type="totp"
        )

    def sign_in(self, account: SandboxAccount) -> requests.Response:
        """Password and code; returns the second answer."""
        return self.code(account, self.password(account).json()["data"]["request_id"])

    def connect(self, app: SandboxApp, **query: str) -> requests.Response:
        """From /connect/login through /connect/finish; returns the answer that leads away from there."""
        first = self.get("/connect/login", v="3", api_key=app.api_key, skip_session="true", **query)
        if "/connect/finish" not in first.headers.get("Location", ""):
            return first
        return self.get(first.headers["Location"])

    def request_token(self, account: SandboxAccount, app: SandboxApp) -> str:
        """A whole login."""
        self.sign_in(account)
        return query_of(self.connect(app))["request_token"]


def query_of(answer: requests.Response) -> dict[str, str]:
    """The query parameters of a redirect's Location."""
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}
