"""The API host's reads of positions, holdings and quotes; what they say is the made-up market's."""

from kite_sandbox import market
from kite_sandbox.answers import Answer, success
from kite_sandbox.error_table import Refusal
from kite_sandbox.market import LISTED, Instrument
from kite_sandbox.trading import authorised
from kite_sandbox.world import Call, World


def positions(world: World, call: Call) -> Answer:
    """GET /portfolio/positions."""
    authorised(world, call)
    return success(market.positions())


def holdings(world: World, call: Call) -> Answer:
    """GET /portfolio/holdings."""
    authorised(world, call)
    return success(market.holdings())


def quote(world: World, call: Call) -> Answer:
    """GET /quote?i=NSE:INFY&i=…."""
    return success({each.key: market.quote(each, call.now) for each in _asked(world, call)})


def ohlc(world: World, call: Call) -> Answer:
    """GET /quote/ohlc?i=…."""
    return success({each.key: market.day_range(each) for each in _asked(world, call)})


def ltp(world: World, call: Call) -> Answer:
    """GET /quote/ltp?i=…."""
    return success({each.key: market.last_price(each) for each in _asked(world, call)})


def _asked(world: World, call: Call) -> list[Instrument]:
    """The listed ones of the instruments asked for: what has no quote is absent from the answer."""
    authorised(world, call)
    if not call.instruments:
        raise Refusal("missing_parameter", parameter="i")
    return [LISTED[key] for key in call.instruments if key in LISTED]
