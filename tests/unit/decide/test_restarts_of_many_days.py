"""Restarts under any order of events: each was needed, none is missed, and none falls into market hours."""

from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from enum import StrEnum

from hypothesis import given, settings
from hypothesis import strategies as st

from kite_operator.decide.observed import Observed
from kite_operator.decide.rollout import Finding, WorkloadView, concluded, judge, remembered, restart_owed
from kite_operator.model.expiry import IST
from kite_operator.model.resource import Status
from kite_operator.model.rollout import ALWAYS, Rollout, RolloutStatus, Stamp, Workload
from support.facts import alive, credential, ist, observed, published

TRADER = Workload("Deployment", "trader")
OPENS, CLOSES = time(9), time(15, 30)
MOST_RECONCILES = 40


class Happens(StrEnum):
    """An event between two reconciles."""

    TOKEN = "a new token is published"
    RECONCILE = "the operator looks"
    CRASH = "the operator looks, and is killed before it has written its status"
    RE_CREATED = "the workload is deleted and made again"
    BY_HAND = "a person restarts it"
    KEYS = "kite-operator-keys is made anew"
    AN_HOUR = "an hour passes"


@dataclass
class Simulation:
    """The true state (`pods` is the number of the token with which the pods started), and the operator's view of it."""

    when: str
    now: datetime = field(default_factory=lambda: ist("07:40"))
    token: int = 1
    minted: datetime = field(default_factory=lambda: ist("07:40"))
    key: int = 0
    pods: int = 1
    view: WorkloadView = field(
        default_factory=lambda: WorkloadView(TRADER, uid="uid-0", created=ist("07:00"), consents_to="alpha")
    )
    last_status: RolloutStatus | None = None
    restarts: int = 0

    def observed(self) -> Observed:
        status = Status(rollout=self.last_status, last_refresh_time=self.minted)
        subject = credential(rollout=Rollout((TRADER,), self.when), status=status)
        return observed(
            self.now,
            credential=subject,
            held=published(self.minted),
            probes=alive(self.now),
            token_version=f"key-{self.key}.{self.token}",
            rollout_allowed=True,
        )

    def reconcile(self, *, killed: bool = False) -> bool:
        """Reconcile once, as the action does; return False when there was nothing to examine."""
        seen = self.observed()
        if restart_owed(seen) is None:
            return False
        found = judge(seen, self.view)
        if found is Finding.OWED:
            assert self.pods != self.token, "the pods had the present token already"
            assert self.when == ALWAYS or not OPENS <= self.now.astimezone(IST).time() < CLOSES
            self.restarts += 1
            self.pods = self.token
            self.view = replace(self.view, stamp=Stamp(seen.token_version, self.now))
            found = Finding.RESTARTED
        if not killed:
            self.last_status = concluded(seen, [remembered(seen, self.view, found)], "")
        return True

    def let(self, happens: Happens) -> None:
        self.now += timedelta(minutes=1)
        match happens:
            case Happens.TOKEN:
                self.token, self.minted = self.token + 1, self.now
            case Happens.RECONCILE:
                self.reconcile()
            case Happens.CRASH:
                self.reconcile(killed=True)
            case Happens.RE_CREATED:
                uid = f"uid-{self.now.timestamp():.0f}"
                self.view = WorkloadView(TRADER, uid=uid, created=self.now, consents_to="alpha")
                self.pods = self.token
            case Happens.BY_HAND:
                self.view = replace(self.view, by_hand=self.now)
                self.pods = self.token
            case Happens.KEYS:
                self.key += 1
            case Happens.AN_HOUR:
                self.now += timedelta(hours=1)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["OutsideMarketHours", ALWAYS]), st.lists(st.sampled_from(list(Happens)), max_size=25))
def test_each_restart_was_needed_and_none_is_missed(when: str, story: list[Happens]) -> None:
    simulation = Simulation(when)
    assert simulation.reconcile()
    for happens in story:
        simulation.let(happens)
    # A last token, so that the present one is of today, and then an evening without further events.
    simulation.let(Happens.TOKEN)
    for _ in range(MOST_RECONCILES):
        simulation.now += timedelta(minutes=30)
        if simulation.now - simulation.minted < timedelta(hours=12):
            simulation.reconcile()
    assert simulation.pods == simulation.token
    assert simulation.restarts <= simulation.token - 1


def test_the_story_does_restart_something() -> None:
    simulation = Simulation(ALWAYS)
    for happens in (
        Happens.RECONCILE,
        Happens.TOKEN,
        Happens.RECONCILE,
        Happens.TOKEN,
        Happens.CRASH,
        Happens.RECONCILE,
    ):
        simulation.let(happens)
    assert (2, 3) == (simulation.restarts, simulation.pods)
