"""Everything that one running sandbox holds, so that a reset is one new value per part."""

import random
import secrets

from kite_sandbox.clock import SandboxClock
from kite_sandbox.faults import FaultBook
from kite_sandbox.journal import Journal
from kite_sandbox.server.holds import HoldBook
from kite_sandbox.world import World


class Sandbox:
    """The world, its journal, the scripted faults, the hold points, and the clock."""

    def __init__(self, source: random.Random | None = None, clock: SandboxClock | None = None) -> None:
        self._source = source or secrets.SystemRandom()
        self.clock = clock or SandboxClock()
        self.holds = HoldBook()
        self._renew()

    def reset(self) -> None:
        """Forget everything; requests that are held are cut off."""
        self.holds.release_all(drop=True)
        self.holds = HoldBook()
        self.clock.set_offset(0)
        self._renew()

    def _renew(self) -> None:
        self.world = World(self._source)
        self.journal = Journal()
        self.faults = FaultBook()
