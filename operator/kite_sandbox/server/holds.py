"""Hold points: a request stops here until a test releases it, so that the test can kill the client in between."""

import asyncio
from dataclasses import dataclass, field

from kite_sandbox.dispatch import Caller
from kite_sandbox.faults import Scope, When, scopes_of
from kite_sandbox.world import Step


class Dropped(Exception):
    """The held request is to be cut off without an answer."""


@dataclass(slots=True, eq=False)
class Hold:
    """One hold point. It catches `times` requests (None: all until it is released)."""

    number: int
    step: Step
    scope: Scope
    when: When
    times: int | None = None
    caught: int = 0
    waiting: int = 0
    dropping: bool = False
    released: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)


class HoldBook:
    """The hold points in force, found by scope, step and side of the effect."""

    def __init__(self) -> None:
        self._holds: dict[int, Hold] = {}
        self._by_place: dict[tuple[Scope, Step, When], list[Hold]] = {}
        self._numbered = 0

    def add(self, step: Step, scope: Scope, when: When, times: int | None) -> Hold:
        """Set a hold point."""
        self._numbered += 1
        hold = Hold(self._numbered, step, scope, when, times)
        self._holds[hold.number] = hold
        self._by_place.setdefault((scope, step, when), []).append(hold)
        return hold

    def get(self, number: int) -> Hold | None:
        """A hold point by its number."""
        return self._holds.get(number)

    def listed(self) -> list[Hold]:
        """All hold points not yet released."""
        return list(self._holds.values())

    def release(self, hold: Hold, *, drop: bool = False) -> None:
        """Let the waiting requests go on, or cut them off, and remove the hold point."""
        hold.dropping = drop
        hold.released.set()
        if self._holds.pop(hold.number, None) is not None:
            self._by_place[hold.scope, hold.step, hold.when].remove(hold)

    def release_all(self, *, drop: bool = False) -> None:
        """Release every hold point."""
        for hold in self.listed():
            self.release(hold, drop=drop)

    async def pass_by(self, step: Step, caller: Caller, when: When) -> None:
        """Wait if a hold point catches this call.

        Raises:
            Dropped: when the test cut the request off.

        """
        if not self._holds:
            return
        hold = self._catching(step, caller, when)
        if hold is None:
            return
        hold.caught += 1
        hold.waiting += 1
        hold.arrived.set()
        try:
            await hold.released.wait()
        finally:
            hold.waiting -= 1
        if hold.dropping:
            raise Dropped

    def _catching(self, step: Step, caller: Caller, when: When) -> Hold | None:
        for scope in scopes_of(caller):
            for hold in self._by_place.get((scope, step, when), ()):
                if hold.times is None or hold.caught < hold.times:
                    return hold
        return None
