"""Things break at the broker, and somebody is called: real operator, Prometheus and Alertmanager, from cause to call.

The rules are those that are shipped, rendered with shorter waits (LIMITS below: seconds for minutes) and evaluated
every second. Nothing else is compressed: the deadlines are those of the credentials, on a clock that operator and
sandbox share; the rules add its offset to time().
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.catalogue import catalogue
from alerts.limits import Limits
from alerts.render import prometheus as prometheus_rules
from alerts.render import runbook_entry
from kite_operator.model.expiry import IST
from support.operators import OperatorProcess
from support.prometheus import Called, Program, alertmanager, called, prometheus, until
from support.reminding import move_to
from support.sandbox import SandboxApp
from support.world import World

LIMITS = Limits(interval=1, bridge=5, prompt=2, patient=4, settled=6, rate=10, failures=2)
"""For 1, 5 and 10 minutes: 2, 4 and 6 seconds; two failed tries for three."""
RUNBOOK = "https://wiki.example/kite/runbook"
START = "08:15:20"
READY_BY = "08:16"
"""Of the credential whose deadline comes within the test; of the others it is 08:45, half an hour before it is now."""


SHOWN = {
    "kite_operator_watch_up": 1.0,
    'kite_credential_wrong_entries{name="mistyped"}': 1.0,
    'kite_credential_wrong_entries_limit{name="mistyped"}': 4.0,
    "kite_operator_schedule_lag_seconds < bool 5": 1.0,
    "sum(kite_operator_event_loop_lag_seconds_count) > bool 5": 1.0,
    'sum(kite_operator_kubernetes_request_duration_seconds_count{verb="PATCH"}) > bool 5': 1.0,
    "sum(kite_credential_ready)": 1.0,
}
"""What Prometheus has of the operator while all of it is broken."""

STARVED = {("KiteOperatorAbsent", "")}
"""A machine that is so busy that no scrape is answered for four seconds calls as well: in these seconds it is right."""

PASSWORD = "Correct-Horse-77"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def seconds_until(world: World, clock_time: str) -> float:
    """From now until this time of the day on the world's clock."""
    now = datetime.fromtimestamp(world.clock.now(), IST)
    hours, minutes = map(int, clock_time.split(":"))
    return (now.replace(hour=hours, minute=minutes, second=0, microsecond=0) - now).total_seconds()


@dataclass(slots=True)
class Watched:
    """The whole chain; `due` remembers when each cause was there."""

    world: World
    operator: OperatorProcess
    program: Program
    phone: Called
    ports: Path

    def expect(self, alert: str, name: str, since: float, *, status: str = "firing", within: float = 80.0) -> float:
        """Until the call arrives; seconds since its cause, and the link is right."""
        until(
            lambda: self.phone.first(alert, name, status, since),
            lambda: (
                f"{alert} of {name!r} {status}; arrived: {[(c.what, c.status) for c in self.phone.calls]}\n"
                f"{self.world.logs()[-3000:]}"
            ),
            within,
        )
        call = self.phone.first(alert, name, status, since)
        assert call is not None
        assert runbook_entry(alert, RUNBOOK) == call.annotations["runbook_url"]
        assert "kite-operator" == call.labels["component"]
        return call.at - since

    def point_at(self, operator: OperatorProcess) -> None:
        """Prometheus finds another operator."""
        self.operator = operator
        targets = [{"targets": [f"127.0.0.1:{operator.port}"], "labels": {"namespace": self.world.namespace}}]
        fresh = self.ports.with_suffix(".new")
        fresh.write_text(yaml.safe_dump(targets))
        fresh.rename(self.ports)


@pytest.fixture
def watched(world: World, tmp_path: Path) -> Iterator[Watched]:
    move_to(world, START)
    use = replace(LIMITS, now=f"(time() + {world.clock.offset:.0f})")
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(prometheus_rules(catalogue(use), RUNBOOK)))
    with ExitStack() as stack:
        phone = stack.enter_context(called())
        manager = stack.enter_context(alertmanager(tmp_path / "alertmanager", _routes(phone)))
        made = Watched(world, world.operator(), manager, phone, tmp_path / "targets.yaml")
        made.point_at(made.operator)
        made.program = stack.enter_context(prometheus(tmp_path / "prometheus", _scrapes(tmp_path, manager.url)))
        yield made


def _routes(phone: Called) -> dict[str, Any]:
    route = {"receiver": "phone", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"}
    hook = {"url": phone.url, "send_resolved": True}
    return {"route": route, "receivers": [{"name": "phone", "webhook_configs": [hook]}]}


def _scrapes(folder: Path, manager: str) -> dict[str, Any]:
    found = {"files": [str(folder / "targets.yaml")], "refresh_interval": "1s"}
    job = {"job_name": "kite-operator", "honor_labels": True, "file_sd_configs": [found]}
    managers = [{"static_configs": [{"targets": [manager.removeprefix("http://")]}]}]
    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules.yaml")],
        "scrape_configs": [job],
        "alerting": {"alertmanagers": managers},
    }


def break_everything(world: World) -> dict[str, SandboxApp]:
    """Four credentials in trouble and one that is well; their apps by name."""
    apps = {"good": world.alpha("good", "AB0001"), "byhand": world.alpha("byhand", "AB0005", "Manual")}
    app, account = world.broker("AB0002", password=PASSWORD, totp_secret=TOTP_SECRET)
    world.sources(app, account, "mistyped", password="wrong-password-1")
    world.credential("mistyped", "AB0002")
    apps["lapsed"], account = world.broker("AB0003")
    world.sandbox.fault("profile", "subscription_lapsed", api_key=apps["lapsed"].api_key, times=None)
    world.sources(apps["lapsed"], account, "lapsed")
    world.credential("lapsed", "AB0003", probe={"interval": "1m"})
    down, account = world.broker("AB0004")
    world.sandbox.fault("connect_login", "html_503", api_key=down.api_key, times=None)
    world.sources(down, account, "down")
    world.credential("down", "AB0004", schedule={"readyBy": READY_BY})
    return apps


def mend_everything(world: World, apps: dict[str, SandboxApp]) -> None:
    """What a person does, as the runbook says."""
    world.grant(world.sandbox.request_token("AB0005", apps["byhand"].api_key), credential="byhand")
    world.secret("mistyped-login", password=PASSWORD, totp_secret=TOTP_SECRET)
    world.sandbox.clear_faults()
    for name in ("mistyped", "down", "lapsed"):
        world.annotate(name, refresh="now")


def test_each_cause_calls_with_its_link_and_is_taken_back_when_it_is_mended(watched: Watched) -> None:
    world, began = watched.world, time.monotonic()
    deadline = began + seconds_until(world, READY_BY)
    apps = break_everything(world)
    fired = {
        ("KiteLoginRequired", "byhand"): began,
        ("KiteAccountBlocked", "mistyped"): began,
        ("KiteSubscriptionInactive", "lapsed"): began,
        ("KiteRefreshFailing", "down"): began,
        ("KiteTokenNotReady", "down"): deadline,
    }
    figures = {f"{alert} {name}": watched.expect(alert, name, since) for (alert, name), since in fired.items()}
    assert set() == watched.phone.all("resolved") - STARVED
    for sample, value in SHOWN.items():
        assert [value] == [each for _, each in watched.program.query(sample)], sample

    mended = time.monotonic()
    mend_everything(world, apps)
    for alert, name in fired:
        figures[f"{alert} {name}, resolved"] = watched.expect(alert, name, mended, status="resolved")
    assert set(fired) == watched.phone.all("firing") - STARVED
    assert [1.0] == [value for _, value in watched.program.query("kite_operator_deadline_misses_total")]

    killed = time.monotonic()
    watched.operator.kill()
    figures["KiteOperatorAbsent"] = watched.expect("KiteOperatorAbsent", "", killed)
    back = time.monotonic()
    watched.point_at(world.operator())
    figures["KiteOperatorAbsent, resolved"] = watched.expect("KiteOperatorAbsent", "", back, status="resolved")
    assert {*fired, ("KiteOperatorAbsent", "")} == watched.phone.all("firing")
    print("\n" + "\n".join(f"{name}: {seconds:.1f} s" for name, seconds in figures.items()))  # noqa: T201 - figures
