"""One test's world: a namespace of its own, the sandbox, a clock that they share, and operators to start and kill."""

import base64
import http.client
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests
import yaml

from support.operators import OperatorProcess, TestClock
from support.sandbox import Sandbox, SandboxAccount, SandboxApp

BOTH_WORLDS = pytest.mark.parametrize("broker", ["kills_old", "same_token"], indirect=True)
"""For tests in which a client logs in again: Kite may end the living token, or give the same one once more.

The sources disagree, and the operator has to be right under both. Where nobody logs in while a token lives the two
worlds are the same, and a test runs once: `pytest tests/cluster --relogin same_token` runs all of them in the other.
"""
REDIRECT_URL = "https://alpha.example/callback"
_PATIENCE_SECONDS = 20.0
_POLL_SECONDS = 0.03


class Api:
    """The API server by plain HTTP with the kubeconfig's client certificate."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.server = str(cluster["server"])
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.verify = _file(cluster, "certificate-authority", kubeconfig)
        self._certificate = (_file(user, "client-certificate", kubeconfig), _file(user, "client-key", kubeconfig))
        self._http.cert = self._certificate

    def call(self, method: str, path: str, body: object = None, kind: str = "application/json") -> tuple[int, Any]:
        answer = self._http.request(method, self.server + path, json=body, headers={"Content-Type": kind}, timeout=20)
        is_json = "json" in answer.headers.get("content-type", "")
        return answer.status_code, answer.json() if is_json else answer.text

    def find(self, path: str) -> dict[str, Any] | None:
        status, body = self.call("GET", path)
        if status == 404:
            return None
        if status != 200:
            raise AssertionError(f"GET {path}: {status} {body}")
        return dict(body)

    def get(self, path: str) -> dict[str, Any]:
        found = self.find(path)
        if found is None:
            raise AssertionError(f"{path} is not there")
        return found

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        status, created = self.call("POST", path, body)
        if status != 201:
            raise AssertionError(f"POST {path}: {status} {created}")
        return dict(created)

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        status, patched = self.call("PATCH", path, body, "application/merge-patch+json")
        if status != 200:
            raise AssertionError(f"PATCH {path}: {status} {patched}")
        return dict(patched)

    def delete(self, path: str) -> None:
        status, body = self.call("DELETE", path)
        if status not in (200, 202, 404):
            raise AssertionError(f"DELETE {path}: {status} {body}")

    def watch(self, path: str, selector: str) -> tuple[http.client.HTTPSConnection, http.client.HTTPResponse]:
        """A watch: one JSON event a line; ended by shutting the connection's socket down."""
        parts = urlsplit(self.server)
        context = ssl.create_default_context(cafile=str(self._http.verify))
        context.load_cert_chain(*self._certificate)
        connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, context=context, timeout=120)
        connection.request("GET", f"{path}?watch=true&labelSelector={quote(selector)}")
        return connection, connection.getresponse()

    def warm(self, connections: int) -> None:
        """Room for this many requests at once."""
        adapter = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=connections)
        self._http.mount("https://", adapter)

    def close(self) -> None:
        self._http.close()


def _file(block: Mapping[str, str], name: str, kubeconfig: Path) -> str:
    if name in block:
        return str(Path(block[name]))
    file = kubeconfig.with_name(f"{kubeconfig.name}.{name}.world.pem")
    file.write_bytes(base64.b64decode(block[f"{name}-data"]))
    return str(file)


@dataclass(slots=True)
class World:
    """What a test stands in. Names of credentials default to `alpha`, of its Secrets to `<name>-app` and so on.

    `api` is the administrator's, `kubeconfig` that of the operators.
    """

    api: Api
    namespace: str
    sandbox: Sandbox
    clock: TestClock
    kubeconfig: Path
    folder: Path
    operators: list[OperatorProcess] = field(default_factory=list)
    secrets_made: list[str] = field(default_factory=list)

    # What there is

    def broker(
        self, client_id: str = "AB1234", api_key: str = "", redirect_url: str = REDIRECT_URL, **account: object
    ) -> tuple[SandboxApp, SandboxAccount]:
        """An app and an account at the sandbox."""
        app = self.sandbox.add_app(api_key, redirect_url=redirect_url)
        made = self.sandbox.add_account(client_id, **account)
        self.secrets_made += [app.api_secret, made.password, made.totp_secret]
        return app, made

    def secret(self, name: str, **values: str | bytes) -> None:
        """Create or replace a Secret with these values."""
        data = {
            key: base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
            for key, value in values.items()
        }
        self.api.delete(self.path("secrets", name))
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
        self.api.create(self.path("secrets"), body)

    def credential(self, name: str = "alpha", client_id: str = "AB1234", mode: str = "TOTP", **spec: object) -> None:
        """Create a KiteCredential; `spec` replaces top-level fields."""
        login: dict[str, object] = {"mode": mode}
        if mode == "TOTP":
            login["totp"] = {"secretRef": {"name": f"{name}-login"}}
        whole = {
            "clientID": client_id,
            "appSecretRef": {"name": f"{name}-app"},
            "redirectURL": REDIRECT_URL,
            "login": login,
            "target": {"name": f"{name}-token"},
            **spec,
        }
        body = {
            "apiVersion": "kite-operator.dev/v1alpha1",
            "kind": "KiteCredential",
            "metadata": {"name": name},
            "spec": whole,
        }
        self.api.create(self.path("kitecredentials"), body)

    def alpha(self, name: str = "alpha", client_id: str = "AB1234", mode: str = "TOTP", **spec: object) -> SandboxApp:
        """Everything that a credential needs, and the credential; returns its app."""
        app, account = self.broker(client_id)
        self.sources(app, account, name)
        self.credential(name, client_id, mode, **spec)
        return app

    def sources(self, app: SandboxApp, account: SandboxAccount, name: str = "alpha", **instead: str) -> None:
        """The app Secret and the login Secret, with other values where `instead` says so."""
        self.secret(f"{name}-app", api_key=app.api_key, api_secret=instead.get("api_secret", app.api_secret))
        password, totp_secret = (
            instead.get("password", account.password),
            instead.get("totp_secret", account.totp_secret),
        )
        self.secret(f"{name}-login", password=password, totp_secret=totp_secret)

    def grant(self, request_token: str, name: str = "login-1", credential: str = "alpha") -> None:
        """A person's login, as a login-grant Secret."""
        labels = {"kite-operator.dev/role": "grant", "kite-operator.dev/credential": credential}
        data = {"request_token": base64.b64encode(request_token.encode()).decode()}
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "labels": labels},
            "type": "kite-operator.dev/login-grant",
            "data": data,
        }
        self.api.create(self.path("secrets"), body)

    def annotate(self, name: str = "alpha", **annotations: str) -> None:
        """Set `kite-operator.dev/<key>` annotations."""
        values = {f"kite-operator.dev/{key}": value for key, value in annotations.items()}
        self.api.patch(self.path("kitecredentials", name), {"metadata": {"annotations": values}})

    # Operators

    def operator(self, *arguments: str, wait: bool = True, **environment: str) -> OperatorProcess:
        """Start an operator for this namespace alone; it is ended with the test."""
        started = OperatorProcess.start(
            self.kubeconfig,
            self.clock,
            self.folder / f"operator-{len(self.operators)}.log",
            "--namespaces",
            self.namespace,
            "--account-namespace",
            self.namespace,
            *arguments,
            wait=wait,
            **environment,
        )
        self.operators.append(started)
        return started

    def set_clock(self, moment: str) -> None:
        """Set both clocks to a moment of Indian time, such as 2026-02-27T12:00: the real time of day plays no part."""
        self.clock.set_offset(datetime.fromisoformat(f"{moment}+05:30").timestamp() - time.time())

    def gives_the_same_token(self) -> bool:
        """Whether this is the world in which another login gives the living token once more."""
        return bool(self.sandbox.admin("GET", "/admin/switches")["relogin"] == "same_token")

    def close(self) -> None:
        for each in self.operators:
            if each.process.poll() is None:
                each.kill()
        self.api.close()

    def logs(self) -> str:
        """What every operator of this test has written."""
        return "\n".join(each.log.read_text() for each in self.operators)

    # What came of it

    def path(self, plural: str, name: str = "") -> str:
        prefix = {
            "kitecredentials": "/apis/kite-operator.dev/v1alpha1",
            "leases": "/apis/coordination.k8s.io/v1",
        }.get(plural, "/api/v1")
        return f"{prefix}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def status(self, name: str = "alpha") -> dict[str, Any]:
        return dict(self.api.get(self.path("kitecredentials", name)).get("status") or {})

    def condition(self, kind: str = "Ready", name: str = "alpha") -> tuple[str, str, str]:
        """Status, reason and message of a condition; empty texts while there is none."""
        for each in self.status(name).get("conditions", ()):
            if each["type"] == kind:
                return each["status"], each["reason"], each["message"]
        return "", "", ""

    def target(self, name: str = "alpha-token") -> dict[str, str] | None:
        """The derived Secret's decoded data, or None."""
        found = self.api.find(self.path("secrets", name))
        if found is None:
            return None
        return {key: base64.b64decode(value).decode() for key, value in (found.get("data") or {}).items()}

    def token(self, name: str = "alpha-token") -> str:
        """The derived Secret's access_token, or an empty text."""
        return (self.target(name) or {}).get("access_token", "")

    def events(self, name: str = "alpha") -> list[str]:
        """The reasons of a credential's Events, each as often as it was told, the one that was told last at the end."""
        items = self.api.get(self.path("events"))["items"]
        mine = [each for each in items if each["involvedObject"]["name"] == name]
        told = sorted(mine, key=lambda each: int(each["metadata"]["resourceVersion"]))
        return [each["reason"] for each in told for _ in range(each.get("count") or 1)]

    def wait(self, reason: str, kind: str = "Ready", name: str = "alpha", *, within: float = _PATIENCE_SECONDS) -> None:
        """Until the condition has this reason."""
        self.until(lambda: self.condition(kind, name)[1] == reason, f"{kind} {reason}", within=within)

    def wait_for_failures(self, count: int, name: str = "alpha") -> None:
        """Until that many failures in a row are written down, and with them when it is tried again.

        The broker has the call a moment before: a clock that is moved in between moves the next try with it.
        """
        self.until(lambda: (self.status(name).get("failures") or {}).get("count", 0) >= count, f"{count} failures")

    def until(self, holds: Callable[[], bool], what: str, *, within: float = _PATIENCE_SECONDS) -> None:
        """Poll until `holds`; what is and what was logged is shown when it never does."""
        deadline = time.monotonic() + within
        while not holds():
            if time.monotonic() > deadline:
                credentials = self.api.get(self.path("kitecredentials"))["items"]
                shown = [yaml.safe_dump(each.get("status")) for each in credentials]
                raise AssertionError(f"never: {what}\n{shown}\n{self.logs()[-6000:]}")
            time.sleep(_POLL_SECONDS)

    def settle(self, seconds: float = 0.7) -> None:
        """Let whatever would go wrong go wrong: for assertions that nothing more happens."""
        time.sleep(seconds)

    def rest(self) -> None:
        """Until the events of what the operator wrote have come back to it, and the reconcile after them is over.

        Call it before a change that no reconcile may read yet: a late event would begin one.
        """
        self.clock.wait_until_idle()
        self.settle(1.0)
        self.clock.wait_until_idle()

    def assert_nothing_leaked(self, *secrets: str) -> None:
        """No secret of this test stands in logs, status, Events or metrics (P4)."""
        places = {
            "log": self.logs(),
            "credentials": str([each.get("status") for each in self.api.get(self.path("kitecredentials"))["items"]]),
            "events": str(self.api.get(self.path("events"))["items"]),
            "leases": str(self.api.get(self.path("leases"))["items"]),
            "metrics": "".join(each.get("/metrics")[1] for each in self.operators if each.process.poll() is None),
        }
        for secret in {*self.secrets_made, *secrets} - {""}:
            for place, text in places.items():
                assert secret not in text, f"a secret stands in the {place}"
