"""The leader is killed under a real Prometheus: what waits goes on waiting, what is mended is not told, nothing twice.

Two real operators are scraped each second, with the shipped rules and shorter times (LIMITS). The `for` of what is
watched is longer than a takeover, and so is the time for which a credential's series are believed after they have gone.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from alerts.catalogue import catalogue
from alerts.limits import Limits
from alerts.render import prometheus as prometheus_rules
from support.operators import OperatorProcess
from support.prometheus import Program, prometheus, until
from support.reminding import move_to
from support.replicas import REPLICA, leads, shown
from support.world import World

WAITS = 45
"""`for` of what is watched: a takeover takes ten to fifteen seconds."""
LIMITS = Limits(interval=1, bridge=40, prompt=WAITS, patient=90, settled=120, rate=10)
START, READY_BY = "08:15:45", "08:16"
"""Of the credential that nobody logs in for: its deadline comes a few seconds after the start."""
PATIENCE_SECONDS = 90.0

COUNTER = "kite_operator_kubernetes_requests_total"


@dataclass(slots=True)
class Pair:
    """Two replicas, and the Prometheus that scrapes both; `began` by Prometheus' clock."""

    world: World
    leader: OperatorProcess
    standby: OperatorProcess
    program: Program
    began: float

    def over_all(self, expr: str) -> list[tuple[dict[str, str], list[float]]]:
        """What each series of `expr` was at each second since the beginning."""
        span = {"start": f"{self.began:.3f}", "end": f"{time.time():.3f}", "step": "1"}
        found = self.program.get("/api/v1/query_range", query=expr, **span)["data"]["result"]
        return [(each["metric"], [float(value) for _, value in each["values"]]) for each in found]

    def alerts(self, state: str) -> set[tuple[str, str]]:
        """Every alert that was ever in this state, with the name of its credential."""
        told = self.over_all(f'ALERTS{{alertstate="{state}"}}')
        return {(labels["alertname"], labels.get("name", "")) for labels, _ in told}

    def waits(self, alert: str, name: str) -> bool:
        return bool(self.program.query(f'ALERTS{{alertname="{alert}",name="{name}",alertstate="pending"}}'))

    def misses(self) -> list[float]:
        """How many deadlines were missed, over both replicas."""
        expr = "sum(max_over_time(kite_operator_deadline_misses_total[5m]))"
        return [value for _, value in self.program.query(expr)]

    def since(self, alert: str) -> set[float]:
        """From when on its `for` has run: as many times as it began anew."""
        return {value for _, values in self.over_all(f'ALERTS_FOR_STATE{{alertname="{alert}"}}') for value in values}


@pytest.fixture
def pair(world: World, tmp_path: Path) -> Iterator[Pair]:
    move_to(world, START)
    use = replace(LIMITS, now=f"(time() + {world.clock.offset:.0f})")
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(prometheus_rules(catalogue(use))))
    leader = world.operator(*REPLICA)
    world.until(lambda: leads(leader), "the first leads")
    standby = world.operator(*REPLICA)
    targets = [f"127.0.0.1:{each.port}" for each in (leader, standby)]
    found = [{"targets": targets, "labels": {"namespace": world.namespace}}]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(tmp_path / "rules.yaml")],
        "scrape_configs": [{"job_name": "kite-operator", "honor_labels": True, "static_configs": found}],
    }
    with prometheus(tmp_path / "prometheus", config) as program:
        yield Pair(world, leader, standby, program, time.time())


def trouble(world: World) -> str:
    """A credential that is well, one that is blocked, and one that waits for a person; the api_key of the last."""
    world.alpha("good", "AB0001")
    app, account = world.broker("AB0002")
    world.sources(app, account, "mistyped", password="wrong-password-1")
    world.credential("mistyped", "AB0002")
    return world.alpha("byhand", "AB0003", "Manual", schedule={"readyBy": READY_BY}).api_key


def test_a_failover_restarts_no_waiting_time_and_fires_nothing_that_was_mended(pair: Pair) -> None:
    world, program = pair.world, pair.program
    api_key = trouble(world)
    for alert, name in (("KiteAccountBlocked", "mistyped"), ("KiteTokenNotReady", "byhand")):
        until(lambda a=alert, n=name: pair.waits(a, n), lambda a=alert: f"{a} waits\n{world.logs()[-3000:]}", 60)  # type: ignore[misc]  # bound at definition
    # The scheduler turns for a change, and counts the deadline that has passed: by itself within half a minute.
    world.api.patch(world.path("kitecredentials", "good"), {"spec": {"probe": {"interval": "10m"}}})
    until(lambda: [1.0] == pair.misses(), lambda: "the missed deadline is counted", PATIENCE_SECONDS)
    [began] = pair.since("KiteAccountBlocked")
    before = counters(pair.standby)
    pair.leader.kill()
    world.grant(world.sandbox.request_token("AB0003", api_key), credential="byhand")
    world.until(lambda: leads(pair.standby) and shown(pair.standby), "taken over", within=PATIENCE_SECONDS)
    world.wait("SessionActive", name="byhand", within=PATIENCE_SECONDS)
    blocked = {("KiteAccountBlocked", "mistyped")}
    until(lambda: blocked <= pair.alerts("firing"), lambda: f"it fires\n{world.logs()[-3000:]}", PATIENCE_SECONDS)

    # Neither began it anew, nor was it told before its time.
    assert {began} == pair.since("KiteAccountBlocked")
    told = pair.over_all('timestamp(ALERTS{alertname="KiteAccountBlocked",alertstate="firing"})')
    assert WAITS <= min(at for _, values in told for at in values) - began
    # What waited and was mended by the new leader was never told, and the failover itself neither.
    assert blocked == pair.alerts("firing")
    assert {("KiteTokenNotReady", "byhand"), ("KiteLoginRequired", "byhand")} <= pair.alerts("pending")
    assert [] == program.query('ALERTS{name="byhand"}')
    # Each credential was shown by one replica at a time, and in the end by the one that is left.
    assert {1.0} == {
        value for _, values in pair.over_all("count by (name) (kite_credential_ready)") for value in values
    }
    shown_by = {(labels["name"], labels["instance"]) for labels, _ in program.query("kite_credential_ready")}
    assert {(name, f"127.0.0.1:{pair.standby.port}") for name in ("good", "mistyped", "byhand")} == shown_by
    # A replica's counters go on when it begins to lead, and what the dead one counted is not counted again.
    after = counters(pair.standby)
    assert [] == [sample for sample, value in before.items() if after.get(sample, 0.0) < value]
    assert {0.0} == {value for _, value in program.query(f"resets({COUNTER}[5m])")}
    assert [1.0] == pair.misses()
    rates = [value for _, values in pair.over_all(f"sum(rate({COUNTER}[10s]))") for value in values]
    assert min(rates) >= 0


def counters(operator: OperatorProcess) -> dict[str, float]:
    """Every counter and histogram of the process, by its sample."""
    lines = [line for line in operator.get("/metrics")[1].splitlines() if line and not line.startswith("#")]
    told = (line.rpartition(" ")[::2] for line in lines)
    return {
        name: float(value) for name, value in told if name.partition("{")[0].endswith(("_total", "_count", "_bucket"))
    }
