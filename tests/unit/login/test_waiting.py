"""The list: the most urgent credential first, with Indian times in words."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, time

import pytest

from kite_operator.cluster.api import Manifest
from kite_operator.login.waiting import Waitlist, Watched, waiting_of
from kite_operator.model.conditions import Condition
from kite_operator.model.errors import Forbidden
from kite_operator.model.resource import TRADING_DAYS, Status, Timing
from kite_operator.model.trading_days import EVERY_DAY
from kite_operator.record.status import manifest_of
from support.broker_fakes import FakeClock
from support.facts import body, credential, ist
from support.memory_cluster import MemoryCluster

EARLY, LATE = ist("08:00"), ist("09:00")


def test_a_deadline_that_has_passed_is_late() -> None:
    assert [False, True] == [waiting_of(credential(), now).late for now in (EARLY, LATE)]
    assert "08:45 Indian time" == waiting_of(credential(), EARLY).ready_by


class Listing(MemoryCluster):
    """A cluster in which one new credential waits for a login; it is refreshed on trading days."""

    async def list(self, path: str, *, selector: str = "") -> AsyncIterator[Manifest]:
        assert ("/apis/kite-operator.dev/v1alpha1/kitecredentials", "") == (path, selector)
        asked = Condition("LoginRequired", "True", "LoginRequired", "log in")
        found = body("Manual") | {"status": manifest_of(Status(conditions=(asked,)))}
        found["spec"]["schedule"] = {"days": TRADING_DAYS}
        yield found


class Refusing(MemoryCluster):
    """A cluster in which lists are allowed in one namespace only."""

    async def list(self, path: str, *, selector: str = "") -> AsyncIterator[Manifest]:
        if "/namespaces/desk/" not in path or selector:
            raise Forbidden(f"GET {path}", status=403)
        asked = Condition("LoginRequired", "True", "LoginRequired", "log in")
        yield body("Manual") | {"status": manifest_of(Status(conditions=(asked,)))}


async def test_a_namespace_that_is_gone_hides_no_credential_of_the_others() -> None:
    waitlist = Waitlist(Refusing(), FakeClock(), Watched(("closed", "desk")), EVERY_DAY)
    assert ["desk/alpha"] == [str(row.key) for row in await waitlist.rows()]


async def test_a_list_that_is_refused_everywhere_raises_instead_of_being_empty() -> None:
    with pytest.raises(Forbidden):
        await Waitlist(Refusing(), FakeClock(), Watched(("closed", "shut")), EVERY_DAY).rows()


@pytest.mark.parametrize("known", [True, False])
async def test_on_a_day_without_trading_nothing_is_late(*, known: bool) -> None:
    sunday = replace(EVERY_DAY, extra_holidays=frozenset({date(2026, 3, 8)}))
    clock = FakeClock(ist("12:00", day=8))
    [row] = await Waitlist(Listing(), clock, Watched(), sunday if known else EVERY_DAY).rows()
    assert ("", False) == (row.ready_by, row.late) if known else ("08:45 Indian time", True) == (row.ready_by, row.late)


def test_the_earliest_deadline_comes_first_then_the_name() -> None:
    soon = replace(credential(), timing=Timing(ready_by=time(8, 15)))
    usual = credential()
    assert waiting_of(soon, EARLY).order < waiting_of(usual, EARLY).order


def test_the_expiry_of_the_current_token_is_shown() -> None:
    status = Status(expires_time=ist("06:00", day=3))
    assert "06:00 Indian time on Tuesday 3 March 2026" == waiting_of(credential(status=status), EARLY).expires
    assert "" == waiting_of(credential(), EARLY).expires
