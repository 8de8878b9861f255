"""A small made-up market that stands still, so that quotes, positions and holdings agree with one another.

The field names and types are those of the official response samples; every instrument, number and trade is made up.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kite_sandbox.samples import kite_time

_DEPTH = 5
_TICK = 0.05


@dataclass(frozen=True, slots=True)
class Instrument:
    """One listed instrument; prices are in rupees, `close` is that of the day before."""

    exchange: str
    tradingsymbol: str
    token: int
    isin: str
    close: float
    low: float
    last: float
    high: float

    @property
    def key(self) -> str:
        """Return how a quote is asked for: `NSE:INFY`."""
        return f"{self.exchange}:{self.tradingsymbol}"


@dataclass(frozen=True, slots=True)
class Trade:
    """An account's trades of today or holdings in one instrument: quantities, and average prices in rupees."""

    instrument: Instrument
    product: str
    bought: int
    buy_price: float
    sold: int = 0
    sell_price: float = 0.0


_INFY = Instrument("NSE", "INFY", 408065, "INE000SANDB1", 1502.0, 1489.5, 1510.5, 1518.0)
_SBIN = Instrument("NSE", "SBIN", 779521, "INE000SANDB2", 780.0, 771.25, 776.5, 783.0)
_SBIN_BSE = Instrument("BSE", "SBIN", 128028676, "INE000SANDB2", 780.1, 771.0, 776.75, 783.2)
_RELIANCE = Instrument("NSE", "RELIANCE", 738561, "INE000SANDB3", 2900.0, 2880.0, 2912.0, 2925.0)

LISTED = {each.key: each for each in (_INFY, _SBIN, _SBIN_BSE, _RELIANCE)}
"""All instruments that have a quote; there is none for any other."""

_TRADED = (Trade(_INFY, "MIS", 10, 1500.0), Trade(_SBIN, "MIS", 20, 775.0, sold=20, sell_price=778.5))
_HELD = (Trade(_RELIANCE, "CNC", 5, 2750.0), Trade(_SBIN_BSE, "CNC", 40, 801.5))


def positions() -> dict[str, Any]:
    """One open and one closed position of today; with nothing carried over, net and day are the same."""
    today = [_position(trade) for trade in _TRADED]
    return {"net": today, "day": today}


def holdings() -> list[dict[str, Any]]:
    """Two settled holdings."""
    return [_holding(trade) for trade in _HELD]


def last_price(instrument: Instrument) -> dict[str, Any]:
    """Return what /quote/ltp says of an instrument."""
    return {"instrument_token": instrument.token, "last_price": instrument.last}


def day_range(instrument: Instrument) -> dict[str, Any]:
    """Return what /quote/ohlc says of an instrument."""
    prices = {"open": instrument.close, "high": instrument.high, "low": instrument.low, "close": instrument.close}
    return {**last_price(instrument), "ohlc": prices}


def quote(instrument: Instrument, now: datetime) -> dict[str, Any]:
    """Return what /quote says of an instrument: its last trade was just now."""
    return {
        **day_range(instrument),
        "timestamp": kite_time(now),
        "last_trade_time": kite_time(now),
        "last_quantity": 5,
        "buy_quantity": 100 * _DEPTH,
        "sell_quantity": 100 * _DEPTH,
        "volume": 1_000_000,
        "average_price": _rupees((instrument.low + instrument.high) / 2),
        "oi": 0,
        "oi_day_high": 0,
        "oi_day_low": 0,
        "net_change": _rupees(instrument.last - instrument.close),
        "lower_circuit_limit": _rupees(instrument.close * 0.9),
        "upper_circuit_limit": _rupees(instrument.close * 1.1),
        "depth": {"buy": _orders(instrument, -_TICK), "sell": _orders(instrument, _TICK)},
    }


def _orders(instrument: Instrument, step: float) -> list[dict[str, Any]]:
    return [
        {"price": _rupees(instrument.last + level * step), "quantity": 100, "orders": 1}
        for level in range(1, _DEPTH + 1)
    ]


def _position(trade: Trade) -> dict[str, Any]:
    bought, sold = _rupees(trade.bought * trade.buy_price), _rupees(trade.sold * trade.sell_price)
    quantity = trade.bought - trade.sold
    profit = _rupees(sold - bought + quantity * trade.instrument.last)
    return {
        "tradingsymbol": trade.instrument.tradingsymbol,
        "exchange": trade.instrument.exchange,
        "instrument_token": trade.instrument.token,
        "product": trade.product,
        "quantity": quantity,
        "overnight_quantity": 0,
        "multiplier": 1,
        "average_price": trade.buy_price if quantity else 0,
        "close_price": 0,
        "last_price": trade.instrument.last,
        "value": _rupees(sold - bought),
        "pnl": profit,
        "m2m": profit,
        "unrealised": profit,
        "realised": 0,
        **_side("buy", trade.bought, trade.buy_price),
        **_side("sell", trade.sold, trade.sell_price),
    }


def _side(side: str, quantity: int, price: float) -> dict[str, Any]:
    value = _rupees(quantity * price)
    return {
        f"{side}_quantity": quantity,
        f"{side}_price": price,
        f"{side}_value": value,
        f"{side}_m2m": value,
        f"day_{side}_quantity": quantity,
        f"day_{side}_price": price,
        f"day_{side}_value": value,
    }


def _holding(trade: Trade) -> dict[str, Any]:
    instrument = trade.instrument
    change = instrument.last - instrument.close
    return {
        "tradingsymbol": instrument.tradingsymbol,
        "exchange": instrument.exchange,
        "instrument_token": instrument.token,
        "isin": instrument.isin,
        "product": trade.product,
        "price": 0,
        "quantity": trade.bought,
        "used_quantity": 0,
        "t1_quantity": 0,
        "realised_quantity": trade.bought,
        "authorised_quantity": 0,
        "authorised_date": "2024-01-01 00:00:00",
        "authorisation": {},
        "opening_quantity": trade.bought,
        "short_quantity": 0,
        "collateral_quantity": 0,
        "collateral_type": "",
        "discrepancy": False,
        "average_price": trade.buy_price,
        "last_price": instrument.last,
        "close_price": instrument.close,
        "pnl": _rupees((instrument.last - trade.buy_price) * trade.bought),
        "day_change": _rupees(change),
        "day_change_percentage": change / instrument.close * 100,
        "mtf": {"quantity": 0, "used_quantity": 0, "average_price": 0, "value": 0, "initial_margin": 0},
    }


def _rupees(amount: float) -> float:
    return round(amount, 2)
