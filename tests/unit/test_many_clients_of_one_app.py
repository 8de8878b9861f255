"""A morning of many clients of one app, in virtual time: what docs/settings.md says of its length is so.

The rules, the scheduler, the probes and the rate limit are the operator's own; a renewal is its two calls.
"""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from kite_operator.act.context import Context
from kite_operator.act.proof import probe
from kite_operator.broker.limiter import CallKind, RateLimiter, RateLimits
from kite_operator.cluster.gather import Gathered
from kite_operator.decide.observed import Held, Observed
from kite_operator.decide.plan import Probe, Renew, Wait
from kite_operator.decide.policies import decide
from kite_operator.in_memory import InMemoryState
from kite_operator.model.account import AttemptLedger
from kite_operator.model.errors import Step, TokenDead
from kite_operator.model.resource import Credential, Key
from kite_operator.schedule import Scheduler, Urgency
from support.acting import Stage
from support.broker_fakes import LoopClock
from support.documents import page, rows, section
from support.facts import APP, account, alive, claim, credential, dead, ist, observed, published, renewal

AT = ist("07:35")
PAGE = section(page("docs/settings.md"), "Many clients of one app")
UNKNOWN, KNOWN = alive(ist("07:31")), dead(ist("06:05"))


class Morning(LoopClock):
    """It begins a minute before `schedule.at`."""

    def now(self) -> datetime:
        return AT + timedelta(seconds=self.boottime() - 60)


@dataclass
class Crowd:
    """Credentials of one app, with tokens of the day before that are dead; `done` is when each got a new one."""

    rates: RateLimits
    clock: Morning = field(default_factory=Morning)
    done: dict[Key, datetime] = field(default_factory=dict)
    memory: dict[Key, InMemoryState] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    all_done: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        usual = credential(mode="RefreshToken", login_secret=None)
        self.credential: Credential = replace(usual, timing=replace(usual.timing, jitter=timedelta(0)))
        self.account: AttemptLedger = account(claims=(claim(),))
        self.limiter = RateLimiter(self.rates, self.clock)
        gone = TokenDead("every token that is asked about has died", step=Step.PROFILE)
        self.services = replace(Stage(profile=gone).services, limiter=self.limiter, clock=self.clock)

    async def look(self, key: Key) -> datetime | None:
        """One pass, as the reconciler makes it."""
        while key not in self.done:
            facts = self._facts(key)
            plan = decide(facts)
            if isinstance(plan, Wait):
                return plan.wake_at
            if isinstance(plan, Renew):
                for _ in ("renewal", "profile"):
                    await self.limiter.acquire(APP.api_key, CallKind.SESSION)
                self.done[key] = self.clock.now()
                if len(self.done) == len(self.memory):
                    self.all_done.set()
                continue
            assert isinstance(plan, Probe)
            outcome = await probe(self.services, Context(Gathered(facts, None, None, ""), self.memory[key]), plan)
            if outcome.retry_at is not None:
                return outcome.retry_at
        return None

    def _facts(self, key: Key) -> Observed:
        held: Held = published(ist("07:40", day=1))
        facts = observed(
            self.clock.now(),
            credential=self.credential,
            held=held,
            probes=self.memory[key].probes,
            renewal=renewal(),
            account=self.account,
        )
        return replace(facts, target=replace(facts.target, marked_dead=facts.probes.dead_at is not None))


async def seconds_of(number: int, rates: RateLimits, *, seen_dead: bool) -> float:
    """From `schedule.at` to the last new token."""
    crowd = Crowd(rates)
    scheduler = Scheduler(crowd.look, crowd.clock, workers=20, on_progress=lambda: None, on_error=crowd.errors.append)
    for each in range(number):
        key = Key("desk", f"client-{each}")
        crowd.memory[key] = InMemoryState(probes=KNOWN if seen_dead else UNKNOWN)
        scheduler.wake_now(key, Urgency.NEW)
    running = asyncio.create_task(scheduler.run())
    await crowd.all_done.wait()
    running.cancel()
    assert [] == crowd.errors
    return (max(crowd.done.values()) - AT).total_seconds()


def told(number: int, rates: RateLimits) -> float:
    """What the page says: three calls for each credential, of which one is a probe."""
    return number * max(3 / rates.calls_per_second, 1 / rates.probes_per_second)


@pytest.mark.looptime
@pytest.mark.parametrize("rates", [RateLimits(), RateLimits(9, 3), RateLimits(3, 0.5), RateLimits(10, 1)], ids=str)
async def test_a_morning_takes_what_the_page_says(rates: RateLimits) -> None:
    assert told(150, rates) == pytest.approx(await seconds_of(150, rates, seen_dead=False), rel=0.05, abs=5)


@pytest.mark.looptime
async def test_what_was_seen_to_be_dead_before_takes_two_calls() -> None:
    assert 2 * 150 / 3 == pytest.approx(await seconds_of(150, RateLimits(), seen_dead=True), rel=0.05, abs=5)


def test_the_table_of_the_page_is_reckoned_like_that() -> None:
    _, *lines = rows(PAGE)
    assert [1_000, 4_000, 10_000] == [int(number.replace(",", "")) for number, *_ in lines]
    for number, usual, raised in lines:
        minutes = [told(int(number.replace(",", "")), rates) / 60 for rates in (RateLimits(), RateLimits(9, 3))]
        assert [f"{each:.0f} min" for each in minutes] == [usual, raised]
