"""What the rules make of a day: the operator's own metrics, minute by minute, given to promtool with the rules.

A script says what each operator observes at each moment. From that its real gauges are computed (decision, status,
metrics), every 30 seconds, and promtool evaluates the rules over them. promtool's time begins on Thursday 1 January
1970 at 05:30 Indian time, so the days here are of that month: 1 is a Thursday, 3 and 4 are the weekend.
"""

import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from alerts import programs
from kite_operator.decide.observed import Observed
from kite_operator.decide.plan import Wait
from kite_operator.decide.policies import decide
from kite_operator.decide.reminder import needs_action
from kite_operator.model.expiry import IST
from kite_operator.model.resource import Credential, Key
from kite_operator.record.metrics import Metrics
from kite_operator.record.status import derive

STEP = 30
"""Seconds between scrapes, and between evaluations."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RULES = Path(__file__).resolve().parents[2] / "deploy" / "monitoring" / "prometheus" / "rules.yaml"

Facts = Callable[[datetime], Iterable[Observed]]


def at(clock_time: str, day: int = 1) -> datetime:
    """`clock_time` (HH:MM or HH:MM:SS) Indian time on a day of January 1970 (0 is the day before), in UTC."""
    first = datetime.fromisoformat(f"1970-01-01T{clock_time}").replace(tzinfo=IST)
    return (first + timedelta(days=day - 1)).astimezone(UTC)


@dataclass(slots=True)
class Queue:
    """What a scheduler says of itself."""

    waiting: int = 0
    busy: int = 0
    failing: int = 0
    lag_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Replica:
    """One operator process: what it observes, when it runs, and how it is (`vitals` is called before each scrape).

    Of `unseen` it knows that they are there: each look at them fails.
    """

    facts: Facts = lambda _now: ()
    unseen: Callable[[datetime], Iterable[Credential]] = lambda _now: ()
    runs: Callable[[datetime], bool] = lambda _now: True
    vitals: Callable[[Metrics, Queue, datetime], None] = lambda _metrics, _queue, _now: None
    watching: Callable[[datetime], bool] = lambda _now: True
    instance: str = "10.0.0.1:8080"
    namespace: str = "kite-operator"


@dataclass(slots=True)
class _Recorder:
    """The series of one replica, as promtool writes them: one word a scrape."""

    replica: Replica
    values: dict[str, list[str]] = field(default_factory=dict)
    scrapes: int = 0
    _now: datetime = EPOCH
    _seen: set[Key] = field(default_factory=set)
    _metrics: Metrics | None = None
    _started: datetime = EPOCH
    _queue: Queue = field(default_factory=Queue)

    def scrape(self, now: datetime) -> None:
        self._now = now
        if not self.replica.runs(now):
            self._metrics = None
        else:
            for series, value in self._samples(self._metrics or self._start()):
                self.values.setdefault(series, ["_"] * self.scrapes).append(value)
        self.scrapes += 1
        for told in self.values.values():
            if len(told) < self.scrapes:
                told.append("_" if told[-1] in ("stale", "_") else "stale")

    def _start(self) -> Metrics:
        self._metrics, self._queue, self._started = Metrics(lambda: self._now), Queue(), self._now
        self._metrics.calendar_ends(EPOCH + timedelta(days=365))
        self._metrics.vitals.ask(self._queue, lambda: self.replica.watching(self._now))
        return self._metrics

    def _samples(self, metrics: Metrics) -> Iterable[tuple[str, str]]:
        metrics.progress(self._now)
        metrics.listed(self._now)
        metrics.lead(leading=True)
        present = set()
        for facts in self.replica.facts(self._now):
            plan = decide(facts)
            assert isinstance(plan, Wait), plan.action
            metrics.remember(facts, derive(facts, plan), plan, needed=needs_action(facts, plan))
            present.add(facts.credential.key)
        for who in self.replica.unseen(self._now):
            metrics.presume(who, self._now)
            present.add(who.key)
        for gone in self._seen - present:
            metrics.forget(gone)
        self._seen = present
        self.replica.vitals(metrics, self._queue, self._now)
        for family in metrics.registry.collect():
            if family.type == "histogram" or family.name.startswith("process_"):
                continue
            for sample in family.samples:
                value = f"{sample.value:g}" if sample.value < 1 else repr(sample.value)
                yield self._series(sample.name, sample.labels), value
        yield self._series("process_start_time_seconds", {}), repr((self._started - EPOCH).total_seconds())

    def _series(self, name: str, own: Mapping[str, str]) -> str:
        """As scraped with honor_labels: a namespace that a series brings along is kept."""
        given = {"job": "kite-operator", "instance": self.replica.instance}
        labels = {"namespace": self.replica.namespace, **own, **given}
        told = ",".join(f'{each}="{value}"' for each, value in sorted(labels.items()))
        return f"{name}{{{told}}}"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was scraped, to be asked with the rules."""

    series: list[dict[str, str]]
    rules: Path
    folder: Path
    step: int = STEP

    def assert_firing(self, expected: Mapping[datetime, Iterable[str]]) -> None:
        """At each moment exactly these alerts fire, by name; as often as a name is there, in so many instances."""
        expr = 'count by (alertname) (ALERTS{alertstate="firing"})'
        self.ask([_question(expr, moment, _counted(names)) for moment, names in expected.items()])

    def assert_alert(self, name: str, moment: datetime, *, labels: dict[str, str], annotations: dict[str, str]) -> None:
        """The one instance of this alert at that moment, with all that it carries."""
        fires = {"exp_labels": labels, "exp_annotations": annotations}
        self.ask([], [{"alertname": name, "eval_time": _seconds(moment), "exp_alerts": [fires]}])

    def ask(self, questions: list[dict[str, Any]], alerts: list[dict[str, Any]] | None = None) -> None:
        test = {
            "interval": f"{self.step}s",
            "input_series": self.series,
            "promql_expr_test": questions,
            "alert_rule_test": alerts or [],
        }
        whole = {"rule_files": [str(self.rules)], "evaluation_interval": f"{self.step}s", "tests": [test]}
        file = self.folder / "test.yaml"
        file.write_text(yaml.safe_dump(whole, width=10_000))
        code, output = run("promtool", "test", "rules", str(file))
        assert code == 0, output[-4000:]


def record(
    folder: Path, start: datetime, end: datetime, *replicas: Replica, rules: Path = RULES, step: int = STEP
) -> Recorded:
    """What a Prometheus has scraped of the replicas between two moments, every `step` seconds."""
    series: list[dict[str, str]] = []
    before = round((start - EPOCH).total_seconds()) // step
    for replica in replicas:
        recorder = _Recorder(replica)
        for number in range(round((end - start).total_seconds()) // step + 1):
            recorder.scrape(start + number * timedelta(seconds=step))
        series += [
            {"series": name, "values": f"_x{before} " * bool(before) + " ".join(values)}
            for name, values in recorder.values.items()
        ]
    return Recorded(series, rules, folder, step)


def run(name: str, *arguments: str, given: str | None = None) -> tuple[int, str]:
    """Run one of Prometheus' programs to its end; `given` is what it reads."""
    done = subprocess.run(  # noqa: S603 - a program that the project brings
        [str(programs.found(name)), *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def _seconds(moment: datetime) -> str:
    return f"{round((moment - EPOCH).total_seconds())}s"


def _question(expr: str, moment: datetime, samples: list[dict[str, Any]]) -> dict[str, Any]:
    return {"expr": expr, "eval_time": _seconds(moment), "exp_samples": samples}


def _counted(names: Iterable[str]) -> list[dict[str, Any]]:
    listed = list(names)
    return [{"labels": f'{{alertname="{name}"}}', "value": listed.count(name)} for name in sorted(set(listed))]
