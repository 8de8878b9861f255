"""Whatever happens, in whatever order: each restart was needed, none is forgotten, and none falls into market hours."""

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
MOST_LOOKS = 40


class Happens(StrEnum):
    """What the world and the people in it do between two looks."""

    TOKEN = "a new token is published"
    PASS = "the operator looks"
    CRASH = "the operator looks, and is killed before it has written its status"
    MADE_ANEW = "the workload is deleted and made again"
    BY_HAND = "a person restarts it"
    KEYS = "kite-operator-keys is made anew"
    AN_HOUR = "an hour passes"


@dataclass
class World:
    """The truth (`pods` is the number of the token that the pods started with), and what the operator can see of it."""

    when: str
    now: datetime = field(default_factory=lambda: ist("07:40"))
    token: int = 1
    minted: datetime = field(default_factory=lambda: ist("07:40"))
    key: int = 0
    pods: int = 1
    view: WorkloadView = field(
        default_factory=lambda: WorkloadView(TRADER, uid="uid-0", created=ist("07:00"), consents_to="alpha")
    )
    told: RolloutStatus | None = None
    restarts: int = 0

    def observed(self) -> Observed:
        status = Status(rollout=self.told, last_refresh_time=self.minted)
        who = credential(rollout=Rollout((TRADER,), self.when), status=status)
        return observed(
            self.now,
            credential=who,
            held=published(self.minted),
            probes=alive(self.now),
            token_version=f"key-{self.key}.{self.token}",
            rollout_allowed=True,
        )

    def look(self, *, killed: bool = False) -> bool:
        """One pass, as the action makes it; False when there was nothing to look at."""
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
            self.told = concluded(seen, [remembered(seen, self.view, found)], "")
        return True

    def let(self, happens: Happens) -> None:
        self.now += timedelta(minutes=1)
        match happens:
            case Happens.TOKEN:
                self.token, self.minted = self.token + 1, self.now
            case Happens.PASS:
                self.look()
            case Happens.CRASH:
                self.look(killed=True)
            case Happens.MADE_ANEW:
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
def test_each_restart_was_needed_and_none_is_forgotten(when: str, story: list[Happens]) -> None:
    world = World(when)
    assert world.look()
    for happens in story:
        world.let(happens)
    # A last token, so that the present one is of today, and then an evening without trouble.
    world.let(Happens.TOKEN)
    for _ in range(MOST_LOOKS):
        world.now += timedelta(minutes=30)
        if world.now - world.minted < timedelta(hours=12):
            world.look()
    assert world.pods == world.token
    assert world.restarts <= world.token - 1


def test_the_story_does_restart_something() -> None:
    world = World(ALWAYS)
    for happens in (Happens.PASS, Happens.TOKEN, Happens.PASS, Happens.TOKEN, Happens.CRASH, Happens.PASS):
        world.let(happens)
    assert (2, 3) == (world.restarts, world.pods)
