"""Many credentials at once, each with a trouble of its own, in front of one operator whose time stands still.

Each case has its own client, app and account at the sandbox, so that one does not feel another's trouble. While time
stands still a backoff never ends and a wait never passes: what is seen is what came of the trouble, however slow the
machine is.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from support.fault_cases import STEPS, At, Case, Holds, Mode, Plan, Seen
from support.sandbox import START, SandboxAccount, SandboxApp
from support.world import REDIRECT_URL, World

AFTERNOON = timedelta(hours=16, seconds=10)
"""In the middle of a TOTP window, and when nobody is reminded of the morning's deadline any more."""
MORNING = timedelta(days=1, hours=7, minutes=50)
"""After the flush and the scheduled refresh of the next day."""
CLIENT_SECONDS = 15
"""How long the operator waits for an answer: longer than a busy machine takes for one that comes."""
SLOWER_SECONDS = 25
"""How long an answer takes that is slower than the client."""
PATIENCE_SECONDS = 150.0
"""For hundreds of credentials on a machine that has other work; only a row that is wrong waits for so long."""
_MIDNIGHT = START.replace(hour=0)
_QUIET_SECONDS = 0.6
_GAUGES = ("ready", "blocked", "login_required", "authenticated")
_WRONG = {
    "password": "Not-The-Password-1",
    "totp_secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "api_secret": "not-the-api-secret",
}


@dataclass(slots=True)
class Subject:
    """One case's credential and what it has at the sandbox."""

    case: Case
    name: str
    app: SandboxApp
    account: SandboxAccount
    token: str = field(default="", repr=False)
    before: dict[str, int] = field(default_factory=dict)

    @property
    def client_id(self) -> str:
        return self.account.client_id


@dataclass(slots=True)
class FaultRun:
    """One operator and the subjects of one mode."""

    world: World
    mode: Mode
    subjects: list[Subject] = field(default_factory=list)
    put_aside: dict[str, float] = field(default_factory=dict)

    def stand_still(self, at: timedelta) -> None:
        """Both clocks stop so long after the midnight (IST) of the first day."""
        self.world.clock.stand_still(_MIDNIGHT + at)

    def add(self, cases: Iterable[Case]) -> None:
        """Apps and accounts for these cases, and their Secrets; no credential yet."""
        chosen = list(cases)
        numbers = range(len(self.subjects), len(self.subjects) + len(chosen))
        sandbox = self.world.sandbox
        registered = {
            "apps": [
                {
                    "api_key": f"appkey{number:010}",
                    "redirect_url": REDIRECT_URL,
                    "refresh_tokens": self.mode is Mode.REFRESH_TOKEN,
                }
                for number in numbers
            ],
            "accounts": [{"client_id": f"AB{number:04}"} for number in numbers],
        }
        made = sandbox.admin("POST", "/admin/registry", registered)
        for case, app, account in zip(chosen, made["apps"], made["accounts"], strict=True):
            subject = Subject(
                case,
                f"c{len(self.subjects)}",
                SandboxApp(app["api_key"], app["api_secret"], app["redirect_url"]),
                SandboxAccount(account["client_id"], account["password"], account["totp_secret"]),
            )
            self.subjects.append(subject)
            self.world.secrets_made += [subject.app.api_secret, subject.account.password, subject.account.totp_secret]
            self.world.sources(subject.app, subject.account, subject.name)

    def trouble(self, subject: Subject) -> None:
        """Let the subject's cause come true."""
        for cause in subject.case.cause.split("+"):
            kind, named, setting = cause.partition(":")
            if not named:
                self.arm(subject, kind)
                continue
            key, _, value = setting.partition("=")
            _KINDS[kind](self.world, subject, key, json.loads(value) if value else None)

    def arm(self, subject: Subject, preset: str, **more: object) -> None:
        """Put a fault on the call of the subject's place: for good, but for those that strike at another's as well."""
        at = subject.case.at
        scope = {"api_key": subject.app.api_key} if at is At.PREFLIGHT else {"client_id": subject.client_id}
        times = 1 if at in (At.PREFLIGHT, At.PROBE) else None
        if preset == "slow":
            more["delay_s"] = SLOWER_SECONDS
        self.world.sandbox.fault(STEPS[at], preset, **{"times": times, **scope, **more})

    def apply(self, subject: Subject, **spec: object) -> None:
        """Create the credential."""
        self.world.credential(subject.name, subject.client_id, self.mode.value, **spec)

    def suspend(self, subjects: Iterable[Subject]) -> None:
        """What is to be seen of these has been seen: nothing more is tried for them, and nothing more is counted."""
        for subject in subjects:
            self.world.api.patch(self.world.path("kitecredentials", subject.name), {"spec": {"suspend": True}})

    def log_in_by_hand(self, subject: Subject) -> None:
        """A person's login, handed over."""
        token = self.world.sandbox.request_token(subject.client_id, subject.app.api_key)
        self.world.secrets_made.append(token)
        self.world.grant(token, f"{subject.name}-grant", subject.name)

    def wait(self, reasons: Mapping[str, str], attempts: Mapping[str, int] | None = None) -> None:
        """Until each credential shows its reason, all attempts are counted and no call is made, or patience ends."""
        deadline, calls, quiet_since = time.monotonic() + PATIENCE_SECONDS, -1, time.monotonic()
        while time.monotonic() < deadline:
            total = sum(self.world.sandbox.admin("GET", "/admin/counters/total").values())
            if total != calls:
                calls, quiet_since = total, time.monotonic()
            elif time.monotonic() - quiet_since > _QUIET_SECONDS and self._shown(reasons, attempts or {}):
                return
            time.sleep(0.1)

    def _shown(self, reasons: Mapping[str, str], attempts: Mapping[str, int]) -> bool:
        metrics = self.world.operators[-1].get("/metrics")[1]
        lines = metrics.splitlines()
        # Until a look of this process has ended it shows what status says, and nothing of wrong entries.
        looked = {_label(line, "name") for line in lines if line.startswith("kite_credential_wrong_entries{")}
        infos = [line for line in lines if line.startswith("kite_credential_info{") and _label(line, "name") in looked]
        shown = {_label(line, "name"): _label(line, "reason") for line in infos}
        counted = self.attempts()
        told = all(shown.get(name) == reason for name, reason in reasons.items())
        return told and all(counted.get(sample, 0) >= count for sample, count in attempts.items())

    def wait_published(self) -> None:
        """Until every credential is in order; its token is remembered, and what has been called so far is put aside."""
        self.wait({subject.name: "SessionActive" for subject in self.subjects})
        for subject in self.subjects:
            subject.token = self.world.token(f"{subject.name}-token")
            assert subject.token, f"{subject.case.id}: nothing was published to begin with"
            subject.before = self._calls(subject)
        self.put_aside = self.attempts()

    def _calls(self, subject: Subject) -> dict[str, int]:
        """How often each call was made for the subject; those of its app that name no client are preflights."""
        sandbox = self.world.sandbox
        account, app = sandbox.counters(subject.client_id), sandbox.app_counters(subject.app.api_key)
        calls = dict(account.calls)
        preflights = app.count("connect_login") - account.count("connect_login")
        return calls | ({"preflight": preflights} if preflights else {})

    def look(self) -> dict[str, Seen]:
        """What has come of every case, by its id."""
        world = self.world
        credentials = _by_name(world.api.get(world.path("kitecredentials"))["items"])
        secrets = _by_name(world.api.get(world.path("secrets"))["items"])
        told: dict[str, list[str]] = {}
        for event in sorted(world.api.get(world.path("events"))["items"], key=_version):
            told.setdefault(event["involvedObject"]["name"], []).extend([event["reason"]] * event["count"])
        metrics = world.operators[-1].get("/metrics")[1].splitlines()
        gauges: dict[str, dict[str, float]] = {}
        for line in metrics:
            kind = line.partition("{")[0].removeprefix("kite_credential_")
            if kind in _GAUGES:
                gauges.setdefault(_label(line, "name"), {})[kind] = float(line.rpartition(" ")[2])
        return {
            subject.case.id: self._seen(
                subject, credentials[subject.name], secrets, tuple(told.get(subject.name, ())), gauges
            )
            for subject in self.subjects
        }

    def _seen(
        self,
        subject: Subject,
        credential: Mapping[str, Any],
        secrets: Mapping[str, Mapping[str, Any]],
        events: tuple[str, ...],
        gauges: Mapping[str, dict[str, float]],
    ) -> Seen:
        status: dict[str, Any] = credential.get("status") or {}
        conditions = {each["type"]: each for each in status.get("conditions", ())}
        ready = conditions.get("Ready", {})
        truths = {name: each["status"] for name, each in conditions.items()}
        now = self._calls(subject)
        reached = {step: now[step] - subject.before.get(step, 0) for step in sorted(now)}
        counters = self.world.sandbox.counters(subject.client_id)
        return Seen(
            reason=ready.get("reason", ""),
            plan=_plan(truths, status),
            reached=" ".join(f"{step} {count}" for step, count in reached.items() if count),
            holds=self._holds(subject, secrets.get(f"{subject.name}-token")),
            events=events,
            gauges=gauges.get(subject.name, {}),
            conditions=truths,
            blocked_at_broker=counters.blocked,
            wrong_entries=counters.wrong_entries,
            message=ready.get("message", ""),
            waits=_waits(status),
        )

    def _holds(self, subject: Subject, secret: Mapping[str, Any] | None) -> Holds:
        if secret is None:
            return Holds.NOTHING
        token = self.world.token(f"{subject.name}-token")
        dead = secret["metadata"]["annotations"]["kite-operator.dev/token-state"] == "Dead"
        if token == subject.token:
            return Holds.DEAD if dead else Holds.OLD
        assert self.world.sandbox.is_alive(token), f"{subject.case.id}: what was published does not work"
        assert not dead
        return Holds.NEW

    def attempts(self) -> dict[str, float]:
        """The counter of attempts, by `action result Reason`, without what was put aside."""
        metrics = self.world.operators[-1].get("/metrics")[1].splitlines()
        lines = [line for line in metrics if line.startswith("kite_operator_refresh_attempts_total{")]
        counted = {
            " ".join(_label(line, label) for label in ("action", "result", "reason")): float(line.rpartition(" ")[2])
            for line in lines
        }
        return {sample: count - self.put_aside.get(sample, 0.0) for sample, count in counted.items()}


def _plan(truths: Mapping[str, str], status: Mapping[str, Any]) -> Plan | None:
    if not truths:
        return None
    if truths["Ready"] == "True":
        return Plan.IN_ORDER
    if truths["Blocked"] == "True":
        return Plan.BLOCKED
    if truths["LoginRequired"] == "True":
        return Plan.PERSON
    return Plan.RETRIED if "nextRetryTime" in (status.get("failures") or {}) else Plan.ASKED_AGAIN


def _waits(status: Mapping[str, Any]) -> float:
    """Seconds from the last failure to the next try; 0 where there is none."""
    failures = status.get("failures") or {}
    if "nextRetryTime" not in failures:
        return 0.0
    start, end = (datetime.fromisoformat(failures[key]) for key in ("lastTime", "nextRetryTime"))
    return (end - start).total_seconds()


def _label(line: str, name: str) -> str:
    return line.partition(f'{name}="')[2].partition('"')[0]


def _by_name(items: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {item["metadata"]["name"]: item for item in items}


def _version(item: Mapping[str, Any]) -> int:
    return int(item["metadata"]["resourceVersion"])


def _switch(world: World, subject: Subject, key: str, value: object) -> None:
    """Move a switch for the account, and for the app where no account is known yet."""
    moved: dict[str, Any] = {key: value}
    world.sandbox.switch(client_id=subject.client_id, **moved)
    world.sandbox.switch(api_key=subject.app.api_key, **moved)


def _of_app(world: World, subject: Subject, key: str, value: object) -> None:
    world.sandbox.update_app(subject.app.api_key, **{key: value})


def _of_account(world: World, subject: Subject, key: str, value: object) -> None:
    world.sandbox.admin("PUT", f"/admin/accounts/{subject.client_id}", {key: value})


def _source(world: World, subject: Subject, key: str, _value: object) -> None:
    """A wrong value in the app Secret or the login Secret."""
    world.sources(subject.app, subject.account, subject.name, **{key: _WRONG[key]})


def _act(world: World, subject: Subject, key: str, _value: object) -> None:
    """What people do at the broker."""
    acts: dict[str, Callable[[], object]] = {
        "master_logout": lambda: world.sandbox.master_logout(subject.client_id),
        "login_elsewhere": lambda: world.sandbox.login_elsewhere(subject.client_id, subject.app.api_key),
        "regenerate_secret": lambda: world.sandbox.regenerate_secret(subject.app.api_key),
        "change_password": lambda: world.sandbox.change_password(subject.client_id, "Another-Password-9"),
    }
    acts[key]()


_KINDS = {"switch": _switch, "app": _of_app, "account": _of_account, "source": _source, "act": _act}
