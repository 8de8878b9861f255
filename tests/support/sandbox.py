"""The sandbox as a test holds it: a process of its own, driven over its admin API by plain blocking calls.

Usable from synchronous and asynchronous tests alike; a call takes about a millisecond. `sandbox` is the fixture.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from types import TracebackType
from typing import Any, Self

import pytest
import requests

from support.sandbox_values import Counters, LoggedCall, SandboxAccount, SandboxApp, account_of, app_of, counters_of

__all__ = ["START", "Counters", "LoggedCall", "Sandbox", "SandboxAccount", "SandboxApp", "SandboxError"]

START = datetime(2030, 1, 8, 16, tzinfo=timezone(timedelta(hours=5, minutes=30)))
"""When every test begins, a Tuesday in India after the market: what a test does is the same whenever it is run."""
_PATIENCE_S = 20.0


class SandboxError(AssertionError):
    """The admin API refused a call; the text says why."""


class Sandbox:
    """A running sandbox. `start()` it, or use it as a context manager; `stop()` ends the process."""

    def __init__(self, process: "subprocess.Popen[str] | None", urls: Mapping[str, str]) -> None:
        self._process = process
        self._http = requests.Session()
        self.api_url = urls["api_url"]
        self.login_url = urls["login_url"]
        self.admin_url = urls["admin_url"]

    @classmethod
    def start(cls, *arguments: str) -> Self:
        """Start `python -m kite_sandbox` on free loopback ports; it ends with this process at the latest."""
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
            [sys.executable, "-m", "kite_sandbox", "--until-stdin-closes", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if process.stdout is None:
            raise AssertionError("stdout is a pipe")
        line = process.stdout.readline()
        if not line:
            process.communicate()
            raise SandboxError(f"the sandbox did not start, exit status {process.returncode}")
        return cls(process, json.loads(line))

    def stop(self) -> None:
        """Stop the process and wait for its end; one that somebody else runs is left alone."""
        self._http.close()
        if self._process is not None:
            self._process.terminate()
            self._process.communicate(timeout=_PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """One call of the admin API: `path` begins with /admin. Raises SandboxError on a refusal."""
        answer = self._http.request(method, f"{self.admin_url}{path}", json=body, timeout=_PATIENCE_S)
        if not answer.ok:
            raise SandboxError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    # Registry

    def add_app(self, api_key: str = "", **settings: object) -> SandboxApp:
        """Register an app: api_secret, redirect_url, app_type, clients, subscribed, refresh_tokens, switches."""
        given = {"api_key": api_key, **settings} if api_key else settings
        return app_of(self.admin("POST", "/admin/registry", {"apps": [given]})["apps"][0])

    def update_app(self, api_key: str, **settings: object) -> None:
        """Change settings of an app; the others stay."""
        self.admin("PUT", f"/admin/apps/{api_key}", settings)

    def add_account(self, client_id: str = "AB1234", **settings: object) -> SandboxAccount:
        """Register an account: password, totp_secret, twofa_type, blocked, consents, switches."""
        given = {"client_id": client_id, **settings}
        return account_of(self.admin("POST", "/admin/registry", {"accounts": [given]})["accounts"][0])

    def add_accounts(self, client_ids: list[str]) -> list[SandboxAccount]:
        """Register many accounts in one call, with credentials made up."""
        given = {"accounts": [{"client_id": client_id} for client_id in client_ids]}
        return [account_of(made) for made in self.admin("POST", "/admin/registry", given)["accounts"]]

    def switch(self, client_id: str | None = None, api_key: str | None = None, **values: object) -> None:
        """Move switches for an account, for an app, or (with neither) for all."""
        path = "/admin/switches"
        if client_id is not None:
            path = f"/admin/accounts/{client_id}/switches"
        elif api_key is not None:
            path = f"/admin/apps/{api_key}/switches"
        self.admin("PUT", path, values)

    # What people do at the broker

    def change_password(self, client_id: str, password: str) -> None:
        """The client resets the password: all sessions end, and so does a block."""
        self.admin("POST", f"/admin/accounts/{client_id}/credentials", {"password": password})

    def change_totp_secret(self, client_id: str, totp_secret: str) -> None:
        """The client enrols another authenticator, which ends a block."""
        self.admin("POST", f"/admin/accounts/{client_id}/credentials", {"totp_secret": totp_secret})

    def block(self, client_id: str) -> None:
        """Block the account."""
        self.admin("POST", f"/admin/accounts/{client_id}/block")

    def unblock(self, client_id: str) -> None:
        """Unblock the account and forget its wrong entries."""
        self.admin("POST", f"/admin/accounts/{client_id}/unblock")

    def consent(self, client_id: str, api_key: str) -> None:
        """The client allows the app (needed where the switch consent_pending is on)."""
        self.admin("POST", f"/admin/accounts/{client_id}/consent", {"api_key": api_key})

    def master_logout(self, client_id: str) -> int:
        """The client ends all sessions; returns how many app sessions that were."""
        return int(self.admin("POST", f"/admin/accounts/{client_id}/master-logout")["ended"])

    def logout(self, api_key: str, access_token: str) -> None:
        """A program ends its session, as the official client does (a call that the counters see)."""
        params = {"api_key": api_key, "access_token": access_token}
        answer = self._http.delete(f"{self.api_url}/session/token", params=params, timeout=_PATIENCE_S)
        if not answer.ok:
            raise SandboxError(f"logout: {answer.status_code}")

    def regenerate_secret(self, api_key: str, api_secret: str | None = None) -> str:
        """Another api_secret for an app, the given or a new one; returned."""
        body = {"api_secret": api_secret}
        return str(self.admin("POST", f"/admin/apps/{api_key}/regenerate-secret", body)["api_secret"])

    def request_token(self, client_id: str, api_key: str) -> str:
        """A request_token as if a person had logged in."""
        return str(
            self.admin("POST", f"/admin/accounts/{client_id}/request-token", {"api_key": api_key})["request_token"]
        )

    def redirect(self, client_id: str, api_key: str, **redirect_params: str) -> str:
        """The URL that a person's browser would be redirected to after a login."""
        body = {"api_key": api_key, "redirect_params": redirect_params}
        return str(self.admin("POST", f"/admin/accounts/{client_id}/request-token", body)["redirect"])

    def login_elsewhere(self, client_id: str, api_key: str) -> str:
        """Another program logs in through the same app; returns its access_token."""
        return str(self.admin("POST", f"/admin/accounts/{client_id}/session", {"api_key": api_key})["access_token"])

    # Looking

    def is_alive(self, access_token: str) -> bool:
        """Whether the token works at the sandbox's time."""
        return bool(self.admin("POST", "/admin/token", {"access_token": access_token})["alive"])

    def death_of(self, access_token: str) -> str | None:
        """Why the token is dead (`unknown` if it never was one), or None while it is alive."""
        cause = self.admin("POST", "/admin/token", {"access_token": access_token})["death"]
        return None if cause is None else str(cause)

    def counters(self, client_id: str) -> Counters:
        """The calls of one account."""
        return counters_of(self.admin("GET", f"/admin/accounts/{client_id}/counters"))

    def app_counters(self, api_key: str) -> Counters:
        """The calls that name one app."""
        return counters_of(self.admin("GET", f"/admin/apps/{api_key}/counters"))

    def all_counters(self) -> Counters:
        """The calls of all accounts, and those that belong to none."""
        return counters_of(self.admin("GET", "/admin/counters"))

    def forget_calls(self, client_id: str | None = None) -> None:
        """Zero the counters of calls; the lockout counters stay."""
        self.admin("POST", "/admin/counters/reset", {"client_id": client_id})

    # Misbehaviour

    def fault(self, step: str, preset: str | None = None, **fields: object) -> int:
        """Script the next answer of a step: a preset and/or the fields of POST /admin/faults; returns its number."""
        body = {"step": step, **fields} if preset is None else {"step": step, "preset": preset, **fields}
        return int(self.admin("POST", "/admin/faults", body)["number"])

    def clear_faults(self) -> None:
        """Disarm all faults."""
        self.admin("DELETE", "/admin/faults")

    def hold(self, step: str, **fields: object) -> int:
        """Hold requests of a step: client_id or api_key, when (before, after), times; returns its number."""
        return int(self.admin("POST", "/admin/holds", {"step": step, **fields})["number"])

    def wait_held(self, hold: int, seconds: float = 10.0) -> None:
        """Wait until a hold point has caught a request (in an async test: through asyncio.to_thread)."""
        seen = self.admin("GET", f"/admin/holds/{hold}?wait_s={seconds}")
        if not seen["caught"]:
            raise SandboxError(f"no {seen['step']} call came within {seconds} s")

    def release(self, hold: int, *, drop: bool = False) -> None:
        """Let held requests go on; with `drop` cut them off (which undoes those held before their effect)."""
        self.admin("POST", f"/admin/holds/{hold}/release", {"drop": drop})

    # Time

    def now(self) -> datetime:
        """The sandbox's time."""
        return datetime.fromisoformat(self.admin("GET", "/admin/clock")["now"])

    def set_now(self, now: datetime, *, frozen: bool = False) -> None:
        """Set the sandbox's time, running on or standing still."""
        self.admin("PUT", "/admin/clock", {"now": now.isoformat(), "frozen": frozen})

    def set_offset(self, seconds: float) -> None:
        """Set the sandbox's time to real time plus this."""
        self.admin("PUT", "/admin/clock", {"offset_seconds": seconds})

    def reset(self) -> None:
        """Forget everything."""
        self.admin("POST", "/admin/reset")


@pytest.fixture(scope="session")
def _sandbox_process() -> Iterator[Sandbox]:
    with Sandbox.start() as running:
        yield running


@pytest.fixture
def sandbox(_sandbox_process: Sandbox) -> Iterator[Sandbox]:
    """A sandbox with nothing in it, at START; the process is shared by the whole run, its state is not."""
    _sandbox_process.reset()
    _sandbox_process.set_now(START)
    yield _sandbox_process
    _sandbox_process.reset()
