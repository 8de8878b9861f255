"""The official client reads positions, holdings and quotes."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import cycle, islice
from typing import Any

import pytest
from kiteconnect import KiteConnect
from kiteconnect.exceptions import InputException, NetworkException, TokenException

from support.sandbox import Sandbox, SandboxApp

READS: dict[str, Callable[[KiteConnect], Any]] = {
    "positions": lambda client: client.positions(),
    "holdings": lambda client: client.holdings(),
    "quote": lambda client: client.quote("NSE:INFY"),
    "ohlc": lambda client: client.ohlc("NSE:INFY"),
    "ltp": lambda client: client.ltp("NSE:INFY"),
}
QUOTES = ("quote", "ohlc", "ltp")


@pytest.fixture
def unlimited(client: KiteConnect, sandbox: Sandbox) -> KiteConnect:
    sandbox.switch(quote_limit_per_s=0)
    return client


def test_a_position_adds_up(client: KiteConnect) -> None:
    positions = client.positions()
    assert {"net", "day"} == set(positions)
    for each in positions["net"]:
        assert each["buy_quantity"] - each["sell_quantity"] == each["quantity"]
        assert each["sell_value"] - each["buy_value"] == pytest.approx(each["value"])
        assert each["value"] + each["quantity"] * each["last_price"] == pytest.approx(each["pnl"])
    assert [True, False] == [each["quantity"] > 0 for each in positions["net"]]


def test_a_position_has_the_fields_of_the_official_sample(client: KiteConnect) -> None:
    assert {
        "tradingsymbol", "exchange", "instrument_token", "product", "quantity", "overnight_quantity", "multiplier",
        "average_price", "close_price", "last_price", "value", "pnl", "m2m", "unrealised", "realised",
        "buy_quantity", "buy_price", "buy_value", "buy_m2m", "sell_quantity", "sell_price", "sell_value", "sell_m2m",
        "day_buy_quantity", "day_buy_price", "day_buy_value", "day_sell_quantity", "day_sell_price", "day_sell_value",
    } == set(client.positions()["day"][0])  # fmt: skip


def test_a_holding_has_the_fields_of_the_official_sample_and_adds_up(client: KiteConnect) -> None:
    for each in client.holdings():
        assert {
            "tradingsymbol", "exchange", "instrument_token", "isin", "product", "price", "quantity", "used_quantity",
            "t1_quantity", "realised_quantity", "authorised_quantity", "authorised_date", "authorisation",
            "opening_quantity", "short_quantity", "collateral_quantity", "collateral_type", "discrepancy",
            "average_price", "last_price", "close_price", "pnl", "day_change", "day_change_percentage", "mtf",
        } == set(each)  # fmt: skip
        assert (each["last_price"] - each["average_price"]) * each["quantity"] == pytest.approx(each["pnl"])


def test_a_quote_has_the_fields_of_the_official_sample_and_the_sandbox_s_time(
    unlimited: KiteConnect, sandbox: Sandbox
) -> None:
    sandbox.set_now(datetime(2024, 2, 29, 4, 30, 7, tzinfo=UTC), frozen=True)
    sandbox.switch(flush_at="23:59")
    unlimited.set_access_token(sandbox.login_elsewhere("AB1234", unlimited.api_key))
    seen = unlimited.quote("NSE:INFY")["NSE:INFY"]
    assert {
        "instrument_token", "timestamp", "last_trade_time", "last_price", "last_quantity", "buy_quantity",
        "sell_quantity", "volume", "average_price", "oi", "oi_day_high", "oi_day_low", "net_change",
        "lower_circuit_limit", "upper_circuit_limit", "ohlc", "depth",
    } == set(seen)  # fmt: skip
    assert datetime(2024, 2, 29, 10, 0, 7) == seen["timestamp"]  # noqa: DTZ001 - Kite's times have no zone
    assert [5, 5] == [len(seen["depth"][side]) for side in ("buy", "sell")]
    assert seen["depth"]["buy"][0]["price"] < seen["last_price"] < seen["depth"]["sell"][0]["price"]


def test_the_three_kinds_of_quote_agree(unlimited: KiteConnect) -> None:
    full, span, last = (READS[kind](unlimited)["NSE:INFY"] for kind in QUOTES)
    assert {"instrument_token", "last_price", "ohlc"} == set(span)
    assert {"instrument_token", "last_price"} == set(last)
    assert [last, last] == [{name: wider[name] for name in last} for wider in (full, span)]
    assert full["ohlc"] == span["ohlc"]
    assert span["ohlc"]["low"] <= last["last_price"] <= span["ohlc"]["high"]


@pytest.mark.parametrize("kind", QUOTES)
def test_several_instruments_come_in_one_answer_and_unlisted_ones_are_absent(kind: str, unlimited: KiteConnect) -> None:
    asked = ["NSE:INFY", "NSE:NOSUCH", "BSE:SBIN"]
    assert ["NSE:INFY", "BSE:SBIN"] == list(getattr(unlimited, kind)(asked))


@pytest.mark.parametrize("kind", QUOTES)
def test_a_quote_of_nothing_is_refused(kind: str, unlimited: KiteConnect) -> None:
    with pytest.raises(InputException, match="Missing i"):
        getattr(unlimited, kind)()


@pytest.mark.parametrize("read", READS)
def test_a_dead_token_reads_nothing(read: str, client: KiteConnect, sandbox: Sandbox) -> None:
    sandbox.master_logout("AB1234")
    with pytest.raises(TokenException, match=r"Incorrect `api_key` or `access_token`\.") as caught:
        READS[read](client)
    assert (403, 1) == (caught.value.code, sandbox.counters("AB1234").count(read, "dead_token"))


@pytest.mark.parametrize("read", READS)
def test_nobody_reads_without_a_token(read: str, anonymous: KiteConnect) -> None:
    with pytest.raises(TokenException):
        READS[read](anonymous)


@pytest.mark.parametrize("read", READS)
def test_a_read_only_app_may_read(read: str, client: KiteConnect, sandbox: Sandbox, app: SandboxApp) -> None:
    sandbox.update_app(app.api_key, app_type="Connect")
    assert READS[read](client)
    assert 1 == sandbox.counters("AB1234").count(read, "accepted")


@pytest.mark.parametrize("read", READS)
def test_a_lapsed_subscription_reads_nothing(read: str, client: KiteConnect, sandbox: Sandbox, app: SandboxApp) -> None:
    sandbox.update_app(app.api_key, subscribed=False)
    with pytest.raises(TokenException, match=r"Invalid API key or access token\."):
        READS[read](client)


def test_quotes_of_all_kinds_share_one_call_a_second(client: KiteConnect) -> None:
    with pytest.raises(NetworkException, match="Too many requests") as caught:
        _read_six_times(client, QUOTES)
    assert 429 == caught.value.code


def test_the_limit_of_quotes_is_apart_from_that_of_other_calls(client: KiteConnect, sandbox: Sandbox) -> None:
    with pytest.raises(NetworkException):
        _read_six_times(client, ("ltp",))
    assert [client.profile()["user_id"], len(client.holdings())] == ["AB1234", 2]
    sandbox.switch(rate_limit_per_s=1)
    with pytest.raises(NetworkException):
        [client.profile() for _ in range(6)]


def test_the_limit_of_quotes_is_a_switch_per_app(client: KiteConnect, sandbox: Sandbox, app: SandboxApp) -> None:
    sandbox.switch(api_key=app.api_key, quote_limit_per_s=0)
    for kind in QUOTES * 4:
        READS[kind](client)
    assert 4 == sandbox.counters("AB1234").count("ltp", "accepted")


def _read_six_times(client: KiteConnect, kinds: tuple[str, ...]) -> None:
    """Six calls of some milliseconds: two of them meet in one second unless the machine stands still."""
    for kind in islice(cycle(kinds), 6):
        READS[kind](client)
