"""A morning at a desk, told to a real operator, and scraped by a real Prometheus at the times of that morning.

Operator and sandbox share a clock that is moved in steps of three minutes; Prometheus scrapes through `Stamped`, which
writes the moved time on each sample and changes nothing else. So an hour of the morning takes seconds, and the queries
of the dashboards, `time()` included, are asked as they are written. The morning is always that of DAY: Prometheus takes
no samples of the future, and old ones only where it is told to (`out_of_order_time_window`, and a retention as long).
"""

import contextlib
import http.server
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from kite_operator.model.expiry import IST
from support.answering import answering
from support.operators import OperatorProcess
from support.prometheus import Program, prometheus, until
from support.sandbox import SandboxApp
from support.world import World

DAY = date(2026, 1, 6)
"""A Tuesday with trading, after a Monday with trading, in a year whose trading days are recorded."""
START, END = "05:42", "09:12"
STEP_SECONDS = 180
PATIENCE_SECONDS = 20.0
_LONG_AGO = "50y"
REPLICA = ("--leader-lease", "kite-operator")


@dataclass(slots=True)
class Stamped:
    """Hands on what the operator exposes, with the moved clock's time on each line; counts how often."""

    operator: OperatorProcess
    world: World
    port: int = 0
    scrapes: int = 0

    def page(self) -> bytes:
        now = round(self.world.clock.now() * 1000)
        _, text = self.operator.get("/metrics")
        lines = [line if line.startswith("#") or not line else f"{line} {now}" for line in text.split("\n")]
        return "\n".join(lines).encode()


@contextmanager
def stamped(operator: OperatorProcess, world: World) -> Iterator[Stamped]:
    """Serve it on the loopback."""
    made = Stamped(operator, world)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = made.page()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.end_headers()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # Prometheus ends, or gave it up
                self.wfile.write(body)
                made.scrapes += 1

        def log_message(self, *_: object) -> None:
            pass

    with answering(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        made.port = server.server_port
        yield made


@dataclass(slots=True)
class Day:
    """The morning as Prometheus has it; `source` is the replica that leads."""

    world: World
    program: Program
    source: Stamped
    apps: dict[str, SandboxApp] = field(default_factory=dict)

    @property
    def now(self) -> float:
        return self.world.clock.now()

    @property
    def start(self) -> float:
        return at(self.now, START).timestamp()

    def scraped(self, times: int = 1) -> None:
        """Until Prometheus has asked so many times from now on, from the beginning to the end."""
        wanted = self.source.scrapes + times + 1
        until(lambda: self.source.scrapes >= wanted, lambda: "a scrape", PATIENCE_SECONDS)

    def until(self, clock_time: str) -> None:
        """Go on to this time of the morning, step by step."""
        while (left := at(self.now, clock_time).timestamp() - self.now) > 0:
            self.world.clock.move(min(left, STEP_SECONDS))
            self.scraped()

    def instant(self, expr: str) -> list[dict[str, Any]]:
        """What an instant query gives at the end of what was scraped."""
        answer = self.program.get("/api/v1/query", query=expr, time=f"{self.now:.3f}")
        return list(answer["data"]["result"])

    def range(self, expr: str) -> list[dict[str, Any]]:
        """What a range query gives over the whole morning."""
        span = {"start": f"{self.start:.3f}", "end": f"{self.now:.3f}", "step": str(STEP_SECONDS)}
        answer = self.program.get("/api/v1/query_range", query=expr, **span)
        return list(answer["data"]["result"])


def at(now: float, clock_time: str) -> datetime:
    """This time on the Indian day of `now`."""
    return datetime.combine(datetime.fromtimestamp(now, IST).date(), datetime.min.time(), IST) + timedelta(
        hours=int(clock_time[:2]), minutes=int(clock_time[3:])
    )


@contextmanager
def morning(world: World, folder: Path) -> Iterator[Day]:
    """A Prometheus, two replicas of an operator, and seven credentials on the way from START to END."""
    world.set_clock(f"{DAY}T{START}")
    leader = world.operator(*REPLICA)
    world.until(lambda: leader.metric("kite_operator_leader") == 1, "it leads")
    with stamped(leader, world) as source, stamped(world.operator(*REPLICA), world) as standby:
        job = {
            "job_name": "kite-operator",
            "honor_labels": True,
            "scrape_interval": "250ms",
            "scrape_timeout": "250ms",
            "static_configs": [{"targets": [f"127.0.0.1:{each.port}" for each in (source, standby)]}],
        }
        config = {"scrape_configs": [job], "storage": {"tsdb": {"out_of_order_time_window": _LONG_AGO}}}
        with prometheus(folder / "prometheus", config, f"--storage.tsdb.retention.time={_LONG_AGO}") as program:
            day = Day(world, program, source)
            _live_through(day)
            yield day


def _live_through(day: Day) -> None:
    world = day.world
    totp = {"trend": "AB0001", "pairs": "AB0002", "mistyped": "AB0003", "lapsed": "AB0004", "stormy": "AB0005"}
    for name, client in totp.items():
        day.apps[name] = world.alpha(name, client, schedule={"days": "TradingDays"} if name == "pairs" else {})
    day.apps["byhand"] = world.alpha("byhand", "AB0006", "Manual")
    day.apps["nobody"] = world.alpha("nobody", "AB0007", "Manual", schedule={"readyBy": "09:45"})
    for name in totp:
        world.wait("SessionActive", name=name)
    day.until("06:12")
    world.sandbox.change_password(totp["mistyped"], "Another-Horse-88")
    world.sandbox.update_app(day.apps["lapsed"].api_key, subscribed=False)
    day.until("07:30")
    world.sandbox.fault("connect_login", "html_503", api_key=day.apps["stormy"].api_key, times=None)
    day.until("07:51")
    _expect(day, {"trend": "SessionActive", "mistyped": "PasswordRejected", "lapsed": "SubscriptionInactive"})
    day.until("08:12")
    _expect(day, {"stormy": "BrokerUnavailable"})
    world.sandbox.clear_faults()
    day.until("08:30")
    world.grant(world.sandbox.request_token("AB0006", day.apps["byhand"].api_key), credential="byhand")
    world.wait("SessionActive", name="byhand")
    day.until(END)
    _expect(day, {"stormy": "SessionActive", "nobody": "LoginRequired"})
    day.scraped(2)


def _expect(day: Day, reasons: dict[str, str]) -> None:
    for name, reason in reasons.items():
        day.world.wait(reason, name=name)
    day.scraped()
