"""The refresh_token in the state Secret: written with its session, kept until another one replaces it."""

import base64
import json
from dataclasses import replace
from typing import Any

from kite_operator.cluster.state import RENEWAL_KEY, drop_renewal, parse_renewal, parse_state, write_state
from kite_operator.decide.observed import Held
from kite_operator.model.resource import Credential
from kite_operator.model.sensitive import Sensitive
from support.facts import NOON, REFRESH_TOKEN, credential, leaks, renewal, session
from support.memory_cluster import MemoryCluster

PLATFORM = credential(mode="RefreshToken", login_secret=None)


def held(refresh_token: str | None = REFRESH_TOKEN) -> Held:
    token = Sensitive(refresh_token) if refresh_token else None
    return Held(replace(session(NOON), refresh_token=token), published=False, staged_at=NOON)


async def written(who: Credential = PLATFORM, *sessions: Held | None) -> tuple[MemoryCluster, dict[str, Any]]:
    """Return a state Secret into which these were written, one after the other."""
    cluster, secret = MemoryCluster(), None
    for each in sessions or (held(),):
        secret = await write_state(cluster, who, secret, each)
    assert secret is not None
    return cluster, secret


async def test_the_refresh_token_is_written_with_the_session_and_read_back() -> None:
    _, secret = await written()
    assert renewal() == parse_renewal(secret, PLATFORM)
    assert held() == parse_state(secret, PLATFORM)


async def test_the_refresh_token_stays_when_the_session_is_published_replaced_or_dropped() -> None:
    _, secret = await written(PLATFORM, held(), replace(held(None), published=True), held(None), None)
    assert renewal() == parse_renewal(secret, PLATFORM)
    assert parse_state(secret, PLATFORM) is None


async def test_a_new_refresh_token_replaces_the_old_one() -> None:
    _, secret = await written(PLATFORM, held("formerrefreshtoken000"), held())
    assert renewal() == parse_renewal(secret, PLATFORM)


async def test_dropping_it_leaves_the_session() -> None:
    cluster, secret = await written()
    left = await drop_renewal(cluster, PLATFORM, secret)
    assert (None, held()) == (parse_renewal(left, PLATFORM), parse_state(left, PLATFORM))


async def test_no_other_mode_keeps_one() -> None:
    manual = credential(mode="Manual", login_secret=None)
    _, secret = await written(manual)
    assert ["session"] == list(secret["data"])


async def test_a_change_of_the_mode_drops_the_refresh_token_with_the_next_write() -> None:
    cluster, secret = await written()
    after = await write_state(cluster, credential(mode="Manual", login_secret=None), secret, held())
    assert ["session"] == list(after["data"])


async def test_the_refresh_token_of_another_client_is_not_used() -> None:
    _, secret = await written()
    assert parse_renewal(secret, replace(PLATFORM, client_id="ZZ9999")) is None


async def test_other_data_under_the_key_is_no_refresh_token() -> None:
    _, secret = await written()
    broken = ("not base64", base64.b64encode(b"[]").decode(), base64.b64encode(json.dumps({}).encode()).decode())
    parsed = [parse_renewal({**secret, "data": {RENEWAL_KEY: each}}, PLATFORM) for each in broken]
    assert [None, None, None] == parsed


def test_a_session_does_not_show_its_refresh_token() -> None:
    assert [] == list(leaks(f"{held()!r} {held()} {renewal()!r}"))
